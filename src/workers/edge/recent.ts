/** A bounded memory of an isolate: plain data, so that requests may share it. Forgetting is always allowed. */
export class Recent<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>();
  readonly #limit: number;

  /** Remembers at most `limit` keys; the one set longest ago gives way. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The value of a key; undefined when it was never set, has lapsed, or had to give way. */
  get(key: string, now: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (now < entry.until) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** Sets a value until a time in ms. */
  set(key: string, value: V, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    if (this.#entries.size <= this.#limit) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}
