/** Isolates that share a Redis, under a clock that only the test moves. */
import { z } from "zod";
import { Cache, type CacheOptions, type CachePort } from "../../../src/cache/cache.ts";
import { decodeEntry } from "../../../src/cache/entry.ts";
import type { CacheKind } from "../../../src/cache/kind.ts";
import type { Put, Redis } from "../../../src/cache/remote.ts";

export interface Thing {
  readonly n: number;
}

/** Versions are the values themselves. */
export const THING: CacheKind<Thing> = {
  name: "thing",
  purpose: "metadata",
  schema: z.strictObject({ n: z.number() }),
  version: ({ n }) => n,
  ttl_ms: 20_000,
  negative_ms: 10_000,
  isolate_ms: 1_000,
  stale_ms: 2_000,
};

export const OPTIONS: CacheOptions = {
  prefix: "t",
  isolate_bytes: 1_000_000,
  failures: 3,
  open_ms: 5_000,
  flight_ms: 4_000,
};

/** A source that counts what it is asked, and answers when it is told to. */
export function source(value: Thing | undefined): {
  load: () => Promise<Thing | undefined>;
  loads: number;
  value: typeof value;
} {
  const it = {
    value,
    loads: 0,
    async load() {
      it.loads += 1;
      return it.value;
    },
  };
  return it;
}

/** A promise that a test settles. */
export const held = <T>() => Promise.withResolvers<T>();

/** A clock, and what waits for it. */
export class Time {
  now = 1_000_000;
  #timers: { readonly at: number; readonly fire: () => void }[] = [];

  timer(ms: number): ReturnType<CachePort["timer"]> {
    const { promise: done, resolve: fire } = Promise.withResolvers<void>();
    const timer = { at: this.now + ms, fire };
    this.#timers.push(timer);
    return { done, cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  advance(ms: number): void {
    this.now += ms;
    for (const { at, fire } of this.#timers) if (at <= this.now) fire();
    this.#timers = this.#timers.filter(({ at }) => at > this.now);
  }
}

/** What `PUT_SCRIPT` makes of a real Redis; `test/store/cache.test.ts` compares the two. */
export class FakeRedis implements Redis {
  readonly stored = new Map<string, { readonly text: unknown; readonly until: number }>();
  readonly time: Time;
  requests = 0;
  down = false;
  /** Delays each way of a request; after `deadlineMs` it fails, and changes nothing. */
  way: () => Promise<unknown> = () => Promise.resolve();
  deadlineMs = 250;

  constructor(time: Time) {
    this.time = time;
  }

  get(keys: readonly string[]): Promise<readonly unknown[]> {
    return this.#answer(() => keys.map((key) => this.peek(key) ?? null));
  }

  put(puts: readonly Put[]): Promise<void> {
    return this.#answer(() => {
      for (const { key, version, text, lifeMs } of puts) {
        if ((decodeEntry(this.peek(key))?.version ?? 0) > version) continue;
        this.stored.set(key, { text, until: this.time.now + lifeMs });
      }
    });
  }

  peek(key: string): unknown {
    const entry = this.stored.get(key);
    return entry !== undefined && this.time.now < entry.until ? entry.text : undefined;
  }

  version(key: string): number {
    return decodeEntry(this.peek(key))?.version ?? 0;
  }

  async #answer<T>(act: () => T): Promise<T> {
    this.requests += 1;
    const sent = this.time.now;
    await this.way();
    if (this.down || this.time.now - sent > this.deadlineMs) throw new TypeError("no connection");
    const answer = act();
    await this.way();
    if (this.time.now - sent > this.deadlineMs) throw new TypeError("no answer in time");
    return answer;
  }
}

export interface Isolate {
  readonly cache: Cache;
  /** Resolves when nothing goes on in the background any more. */
  settled(): Promise<void>;
  readonly failures: unknown[];
}

export function isolate(time: Time, redis?: Redis, options: Partial<CacheOptions> = {}, chance = 0): Isolate {
  const background = new Set<Promise<unknown>>();
  const failures: unknown[] = [];
  const cache = new Cache(
    { cache: redis, metadata: redis },
    { ...OPTIONS, ...options },
    {
      now: () => time.now,
      chance: () => chance,
      timer: (ms) => time.timer(ms),
      later: (work) => {
        background.add(work);
        void work.finally(() => background.delete(work));
      },
      failed: (error) => failures.push(error),
    },
  );
  return {
    cache,
    failures,
    async settled() {
      while (background.size > 0) await Promise.all(background);
    },
  };
}
