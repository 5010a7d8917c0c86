/** The first level: values in the memory of this isolate, bounded in bytes, and floors below which nothing is believed. */
import { LRUCache } from "lru-cache";

/** A value that requests share, so nobody may change it; `absent`: there is none. */
export interface Held {
  readonly version: number;
  readonly value: { readonly of: unknown } | "absent";
  /** Until when it is handed out; and until when it is while another is fetched. */
  readonly fresh: number;
  readonly stale: number;
  /** Characters of its JSON. */
  readonly size: number;
}

/** A guess at what an entry takes beside its value. */
const OVERHEAD = 256;
const FLOORS = 10_000;

export class Isolate {
  readonly #held: LRUCache<string, Held>;
  readonly #floors: LRUCache<string, { readonly version: number; readonly until: number }>;
  /** When a floor last had to give way, before its time. */
  #forgot = Number.NEGATIVE_INFINITY;
  readonly #floorMs: number;

  /** Floors are remembered for so long. What took half of it to load is not kept, so that it is not on its way to Redis for longer. */
  constructor(bytes: number, floorMs: number, now: () => number) {
    // Strings take up to two bytes a character.
    this.#held = new LRUCache({
      maxSize: bytes,
      sizeCalculation: (held, key) => 2 * (held.size + key.length) + OVERHEAD,
    });
    this.#floors = new LRUCache({
      max: FLOORS,
      dispose: (floor, _key, reason) => {
        if (reason === "evict" && floor.until > now()) this.#forgot = now();
      },
    });
    this.#floorMs = floorMs;
  }

  get bytes(): number {
    return this.#held.calculatedSize;
  }

  /** What is still of use. */
  get(key: string, now: number): Held | undefined {
    const held = this.#held.get(key);
    if (held === undefined || now < held.stale) return held;
    this.#held.delete(key);
    return undefined;
  }

  /** Keeps what was learnt from `since` on, unless something newer is known; says whether it was. */
  learn(key: string, held: Held, since: number, now: number): boolean {
    if (since <= this.#forgot || now - since >= this.#floorMs / 2) return false;
    if (held.version < this.floor(key, now)) return false;
    if (held.version < (this.#held.peek(key)?.version ?? 0)) return false;
    this.#held.set(key, held);
    return true;
  }

  /** From now on, nothing older than the version is handed out or kept. */
  raise(key: string, version: number, now: number): void {
    const most = Math.max(version, this.floor(key, now));
    this.#floors.set(key, { version: most, until: now + this.#floorMs });
    if ((this.#held.peek(key)?.version ?? most) < most) this.#held.delete(key);
  }

  floor(key: string, now: number): number {
    const floor = this.#floors.get(key);
    return floor !== undefined && now < floor.until ? floor.version : 0;
  }
}
