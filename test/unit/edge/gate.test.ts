import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Bucket, Minute } from "../../../src/workers/edge/gate.ts";

const limits = fc.record({ rate: fc.integer({ min: 1, max: 500 }), burst: fc.integer({ min: 1, max: 50 }) });
/** Frames one after the other: how long after the one before, and whether each may be refused. */
const frames = fc.array(
  fc.record({
    after: fc.constantFrom(0, 0, 0, 1, 3, 20, 100, 1000),
    refusable: fc.constantFrom(true, true, true, false),
  }),
  { maxLength: 200, size: "max" },
);

describe("a token bucket", () => {
  test("never lets more through than the burst and the rate of the time that has passed", () => {
    fc.assert(
      fc.property(limits, frames, ({ rate, burst }, sequence) => {
        const bucket = new Bucket(rate, burst, 0);
        const passed: number[] = [];
        let now = 0;
        for (const { after, refusable } of sequence) {
          now += after;
          const { retryAfter } = bucket.take(now, refusable);
          if (!refusable) expect(retryAfter).toBe(0);
          else if (retryAfter === 0) passed.push(now);
          // From any moment on.
          const excess = passed.map((from, i) => passed.length - i - burst - ((now - from) / 1000) * rate);
          expect(Math.max(0, ...excess)).toBeLessThan(1e-3);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("lets everybody through who keeps to the rate", () => {
    fc.assert(
      fc.property(limits, fc.integer({ min: 1, max: 100 }), ({ rate, burst }, count) => {
        const bucket = new Bucket(rate, burst, 0);
        for (let i = 1; i <= count; i += 1) {
          expect(bucket.take(i * Math.ceil(1000 / rate), true)).toEqual({ retryAfter: 0, flood: false });
        }
      }),
    );
  });

  test("a refused frame that comes back at its time finds a token, however many wait", () => {
    fc.assert(
      fc.property(limits, fc.integer({ min: 1, max: 100 }), fc.nat({ max: 5000 }), ({ rate, burst }, count, pause) => {
        const bucket = new Bucket(rate, burst, 0);
        for (let i = 0; i < burst; i += 1) expect(bucket.take(pause, true).retryAfter).toBe(0);
        const refused = Array.from({ length: Math.min(count, burst) }, () => bucket.take(pause, true));
        for (const { retryAfter, flood } of refused) {
          expect([Number.isInteger(retryAfter), retryAfter > 0, flood]).toEqual([true, true, false]);
        }
        const waits = refused.map(({ retryAfter }) => retryAfter);
        expect(waits).toEqual(waits.toSorted((a, b) => a - b));
        for (const wait of waits) expect(bucket.take(pause + wait, true)).toEqual({ retryAfter: 0, flood: false });
      }),
    );
  });

  test("a whole burst refused is a flood; it is forgiven with time", () => {
    const bucket = new Bucket(10, 5, 0);
    const outcomes = Array.from({ length: 11 }, () => bucket.take(0, true));
    expect(outcomes.map(({ retryAfter }) => retryAfter > 0)).toEqual([
      ...Array<boolean>(5).fill(false),
      ...Array<boolean>(6).fill(true),
    ]);
    expect(outcomes.map(({ flood }) => flood)).toEqual([...Array<boolean>(10).fill(false), true]);
    expect(bucket.take(1000, true)).toEqual({ retryAfter: 0, flood: false });
  });

  test("what is never refused may be a flood, too", () => {
    const bucket = new Bucket(10, 5, 0);
    const floods = Array.from({ length: 11 }, () => bucket.take(0, false).flood);
    expect(floods).toEqual([...Array<boolean>(10).fill(false), true]);
  });
});

describe("bad frames in a minute", () => {
  test("says whether the last minute had so many", () => {
    const gap = fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.constantFrom(0, 20_000, 30_000, 60_000));
    fc.assert(
      fc.property(fc.array(gap, { maxLength: 60, size: "max" }), fc.integer({ min: 1, max: 20 }), (gaps, limit) => {
        const minute = new Minute();
        const times: number[] = [];
        let now = 0;
        for (const wait of gaps) {
          now += wait;
          times.push(now);
          const within = times.filter((time) => time >= now - 60_000).length;
          expect(minute.add(now, limit)).toBe(within >= limit);
        }
      }),
    );
  });
});
