import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judge } from "../../../src/durable-objects/user/inbox.ts";
import type { Uid } from "../../../src/protocol/ids.ts";
import { history, makeEntries } from "../../support/arbitraries.ts";

const BOB = "bob" as Uid;

/** Entries `first` to `last`. */
function entries(first: number, last: number) {
  return makeEntries(
    Array.from({ length: Math.max(0, last - first + 1) }, () => ({ from: BOB })),
    first,
  );
}

describe("[ORD2] what a receiver makes of an offer", () => {
  test("nothing it has, nothing beyond a gap unless on purpose; all the rest, in order", () => {
    const offer = fc.record({
      have: fc.nat({ max: 20 }),
      first: fc.integer({ min: 1, max: 30 }),
      count: fc.nat({ max: 10 }),
      skip: fc.boolean(),
    });
    fc.assert(
      fc.property(offer, ({ have, first, count, skip }) => {
        const last = first + count - 1;
        const judged = judge(have, entries(first, last), skip);
        const known = count === 0 || last <= have;
        const hole = first > have + 1;
        expect(judged.is).toBe(known ? "duplicate" : hole && !skip ? "gap" : "accepted");
        if (judged.is !== "accepted") return;
        const from = Math.max(first, have + 1);
        expect(judged.fresh.map(({ seq }) => seq)).toEqual(Array.from({ length: last - from + 1 }, (_, i) => from + i));
        expect(judged.hole).toBe(hole);
      }),
      { numRuns: 500 },
    );
  });

  test("[DUP3] any order of offers, repeated and overlapping, gives every entry once and in order", () => {
    const range = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 12 }));
    fc.assert(
      fc.property(history(range, 60), (ranges) => {
        const got: number[] = [];
        for (const [first, more] of ranges) {
          const judged = judge(got.at(-1) ?? 0, entries(first, first + more), false);
          if (judged.is === "accepted") got.push(...judged.fresh.map(({ seq }) => seq));
        }
        expect(got).toEqual(got.map((_, i) => i + 1));
      }),
    );
  });
});
