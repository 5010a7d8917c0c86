/** The second level: Redis behind a breaker. It never fails its callers: what it cannot answer is a miss. */
import { Breaker, type BreakerState } from "./breaker.ts";
import { decodeEntry, encodeEntry, type Entry } from "./entry.ts";

/** A Redis. Rejects when it does not answer in time, or with something else than was asked for. */
export interface Redis {
  get(keys: readonly string[]): Promise<readonly unknown[]>;
  /** Writes each unless a newer one is there. */
  put(puts: readonly Put[]): Promise<void>;
}

export interface Put {
  readonly key: string;
  readonly version: number;
  readonly text: string;
  readonly lifeMs: number;
}

/** Entries for keys, each for so long. */
export interface Change {
  readonly key: string;
  readonly entry: Entry;
  readonly lifeMs: number;
}

export interface RemoteMetrics {
  readonly state: BreakerState;
  readonly requests: number;
  readonly failures: number;
  /** Requests that were not made because the breaker was open. */
  readonly refused: number;
  /** Invalidations that it has not heard of yet. */
  readonly owed: number;
}

export interface RemoteOptions {
  readonly failures: number;
  readonly openMs: number;
  readonly floorMs: number;
}

export interface RemotePort {
  now(): number;
  /** Keeps work going that nobody waits for. It does not reject. */
  later(work: Promise<unknown>): void;
  failed(error: unknown): void;
}

/** Bytes of one value: larger ones cost more to fetch than they save. */
const MOST_BYTES = 256 * 1024;
/** Bytes of one request, except that one value always fits. */
const REQUEST_BYTES = 512 * 1024;
/** Beyond, the oldest are forgotten, and what is old lapses there by itself. */
const MOST_OWED = 2_000;

const utf8 = new TextEncoder();

export class Remote {
  readonly #redis: Redis;
  readonly #options: RemoteOptions;
  readonly #port: RemotePort;
  readonly #breaker: Breaker;
  /** Floors that it did not take, by key. Until it does, what it has of those keys is not believed. */
  readonly #owed = new Map<string, number>();
  #settling = 0;
  readonly #counts = { requests: 0, failures: 0, refused: 0 };

  constructor(redis: Redis, options: RemoteOptions, port: RemotePort) {
    this.#redis = redis;
    this.#options = options;
    this.#port = port;
    this.#breaker = new Breaker(options.failures, options.openMs);
  }

  /** What it has of the keys, in their order. */
  async get(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    // What was owed when it was asked counts, too: it may have answered before it heard, and this may arrive after.
    const before = keys.map((key) => this.#owed.get(key) ?? 0);
    const texts = await this.#ask(() => this.#redis.get(keys));
    return keys.map((key, i) => {
      const entry = decodeEntry(texts?.[i]);
      const least = Math.max(before[i] ?? 0, this.#owed.get(key) ?? 0);
      return entry !== undefined && entry.version >= least ? entry : undefined;
    });
  }

  /** Keeps what was loaded, where nothing newer is known. */
  async keep(changes: readonly Change[]): Promise<void> {
    await this.#put(changes);
  }

  /** Makes a change known. What fails is made up for, as a floor, once it answers again. */
  async tell(change: Change): Promise<void> {
    if (await this.#put([change])) return;
    const { key, entry } = change;
    const version = Math.max(entry.version, this.#owed.get(key) ?? 0);
    this.#owed.delete(key);
    this.#owed.set(key, version);
    for (const oldest of this.#owed.keys()) {
      if (this.#owed.size <= MOST_OWED) break;
      this.#owed.delete(oldest);
    }
  }

  metrics(now: number): RemoteMetrics {
    return { state: this.#breaker.state(now), ...this.#counts, owed: this.#owed.size };
  }

  async #put(changes: readonly Change[]): Promise<boolean> {
    let done = true;
    for (const request of requests(changes.map((change) => fit(change, this.#options.floorMs)))) {
      done = (await this.#ask(() => this.#redis.put(request).then(() => true))) === true && done;
    }
    return done;
  }

  async #ask<T>(request: () => Promise<T>): Promise<T | undefined> {
    if (!this.#breaker.allows(this.#port.now())) {
      this.#counts.refused += 1;
      return undefined;
    }
    this.#counts.requests += 1;
    try {
      const answer = await request();
      this.#breaker.succeeded();
      if (this.#owed.size > 0) this.#port.later(this.#settle());
      return answer;
    } catch (error) {
      this.#counts.failures += 1;
      const before = this.#breaker.state(this.#port.now());
      this.#breaker.failed(this.#port.now());
      // One line for an outage, not one for each request.
      if (before !== this.#breaker.state(this.#port.now())) this.#port.failed(error);
      return undefined;
    }
  }

  /** Tells the floors that are owed, unless that goes on already. Until it is done, they stay. */
  async #settle(): Promise<void> {
    const now = this.#port.now();
    // A time, not a flag: whoever had begun may have been ended.
    if (now < this.#settling) return;
    this.#settling = now + this.#options.openMs;
    const owed = [...this.#owed];
    if (await this.#put(owed.map(([key, version]) => floorChange(key, version, this.#options.floorMs)))) {
      for (const [key, version] of owed) if (this.#owed.get(key) === version) this.#owed.delete(key);
    }
    this.#settling = 0;
  }
}

/** A change that only says what is too old. */
export function floorChange(key: string, version: number, floorMs: number): Change {
  return { key, entry: { version, fresh: 0, body: "floor" }, lifeMs: floorMs };
}

/** A value that is too large is not sent; that there is a new one is. */
function fit(change: Change, floorMs: number): Put {
  const { key, entry } = change;
  const text = encodeEntry(entry);
  const bytes = text.length * 3 <= MOST_BYTES ? 0 : utf8.encode(text).length;
  if (bytes <= MOST_BYTES) return { key, version: entry.version, text, lifeMs: change.lifeMs };
  const floor = floorChange(key, entry.version, floorMs);
  return { key, version: entry.version, text: encodeEntry(floor.entry), lifeMs: floorMs };
}

function requests(puts: readonly Put[]): Put[][] {
  const parts: Put[][] = [];
  let room = 0;
  for (const put of puts) {
    const last = parts.at(-1);
    room -= put.text.length;
    if (last !== undefined && room >= 0) {
      last.push(put);
      continue;
    }
    parts.push([put]);
    room = REQUEST_BYTES - put.text.length;
  }
  return parts;
}
