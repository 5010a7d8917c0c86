/** What a module says about the values that it caches. */
import type { z } from "zod";

/** Which Redis: `cache` for what is large and may be evicted at any time, `metadata` for small facts that many requests need. */
export type Purpose = "cache" | "metadata";

export interface CacheKind<T> {
  /** Begins its keys, and names it in the metrics; every one is listed in `cache.ts`. */
  readonly name: string;
  readonly purpose: Purpose;
  /** A value is kept as JSON; what does not fit the schema when it comes back is a miss. */
  readonly schema: z.ZodType<T>;
  /**
   * Says which of two values of one id is newer; a whole number from 0 on, and equal only for equal values. A value that never
   * changes has 0. That there is no value has version 0, too.
   */
  version(value: T): number;
  /** How long a value is good in Redis, ms; and how long it is known there that there is none. */
  readonly ttl_ms: number;
  readonly negative_ms: number;
  /** How long an isolate believes what it has: other isolates' changes do not reach it. */
  readonly isolate_ms: number;
  /** How much longer than that, in each of the two, an old value is handed out while a new one is fetched. */
  readonly stale_ms: number;
}

/** By how much of it a life is shortened at most, so that what was made together does not lapse together. */
const JITTER = 0.15;

/** A life of at most `ms`; chance is from 0 to 1. */
export function jittered(ms: number, chance: number): number {
  return Math.round(ms * (1 - JITTER * chance));
}
