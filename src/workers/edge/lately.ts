/** What happened lately, the newest of each key: an object that dies forgets what it had not written, and is told again. */
export class Lately<V> {
  readonly #entries = new Map<string, { value: V; at: number }>();

  /** Notes something of now. Forgets what was noted before `since`, and the oldest while there are over `most`. */
  note(key: string, value: V, now: number, since: number, most: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, at: now });
    for (const [old, { at }] of this.#entries) {
      if (at >= since && this.#entries.size <= most) break;
      this.#entries.delete(old);
    }
  }

  /** What was noted since then, oldest first; it counts as noted now. */
  again(since: number, now: number): V[] {
    const values: V[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.at < since) continue;
      entry.at = now;
      values.push(entry.value);
    }
    return values;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  entries(): [string, V][] {
    return [...this.#entries].map(([key, { value }]) => [key, value]);
  }
}
