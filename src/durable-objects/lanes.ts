/**
 * Lanes: one call in flight per key. What arrives meanwhile goes with the next call, so batches form under load by
 * themselves and cost no latency without it. A failed call is made again after a back-off, with the same items first,
 * so the order of a lane is never lost. Pure: who owns the lanes makes the calls and says how they ended.
 */
export interface LaneLimits {
  /** Items of one call. */
  readonly batch: number;
  /** First back-off and longest, ms. */
  readonly backoff: number;
  readonly longest: number;
}

interface Lane<Item> {
  readonly queue: Item[];
  /** How many items at the head of the queue are in the call in flight. */
  flying: number;
  attempts: number;
  /** No call before this time. */
  notBefore: number;
}

export class Lanes<Key, Item> {
  readonly #lanes = new Map<Key, Lane<Item>>();
  readonly #limits: LaneLimits;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** Puts an item at the end of a lane. */
  add(key: Key, item: Item): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) this.#lanes.set(key, { queue: [item], flying: 0, attempts: 0, notBefore: 0 });
    else lane.queue.push(item);
  }

  /** The items of the next call of a lane, now in flight; undefined while one is in flight, or nothing is due. */
  start(key: Key, now: number): readonly Item[] | undefined {
    const lane = this.#lanes.get(key);
    if (lane === undefined || lane.flying > 0 || lane.queue.length === 0 || now < lane.notBefore) return undefined;
    lane.flying = Math.min(lane.queue.length, this.#limits.batch);
    return lane.queue.slice(0, lane.flying);
  }

  /** The call succeeded: its items are done. What came meanwhile goes from `next` on. */
  done(key: Key, next = 0): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return;
    lane.queue.splice(0, lane.flying);
    lane.flying = 0;
    lane.attempts = 0;
    lane.notBefore = next;
    if (lane.queue.length === 0) this.#lanes.delete(key);
  }

  /** The call failed: its items stay at the head and wait. `chance` in [0, 1) spreads the retries. */
  failed(key: Key, now: number, chance: number): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return;
    lane.flying = 0;
    lane.notBefore = now + backoff(lane.attempts, this.#limits, chance);
    lane.attempts += 1;
  }

  /** Removes and returns the items of lanes without a call in flight for which `test` holds. */
  drop(test: (item: Item) => boolean): Item[] {
    const dropped: Item[] = [];
    for (const [key, lane] of this.#lanes) {
      if (lane.flying > 0) continue;
      const keep = lane.queue.filter((item) => !test(item));
      if (keep.length === lane.queue.length) continue;
      dropped.push(...lane.queue.filter(test));
      if (keep.length === 0) this.#lanes.delete(key);
      else lane.queue.splice(0, lane.queue.length, ...keep);
    }
    return dropped;
  }

  /** Items queued or in flight, over all lanes. */
  get size(): number {
    let size = 0;
    for (const lane of this.#lanes.values()) size += lane.queue.length;
    return size;
  }

  /** Keys whose next call is due now. */
  due(now: number): Key[] {
    return [...this.#lanes].filter(([, lane]) => lane.flying === 0 && lane.notBefore <= now).map(([key]) => key);
  }

  /** When the earliest waiting lane is due; undefined when none waits. */
  nextDue(): number | undefined {
    let next: number | undefined;
    for (const lane of this.#lanes.values()) {
      if (lane.flying === 0 && (next === undefined || lane.notBefore < next)) next = lane.notBefore;
    }
    return next;
  }
}

/** Exponential back-off in ms with jitter over its upper half. */
export function backoff(attempts: number, limits: Pick<LaneLimits, "backoff" | "longest">, chance: number): number {
  const full = Math.min(limits.longest, limits.backoff * 2 ** attempts);
  return Math.round(full / 2 + (full / 2) * chance);
}
