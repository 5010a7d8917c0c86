import { describe, expect, test } from "vitest";
import type { Bug } from "../bugs.ts";
import { simulate, type Run } from "../simulate.ts";
import { COUNTED_IN_HISTORY, Stats } from "../stats.ts";

/** Seeds run here, in portions, so that a failure tells where. More: `npm run simulate -- --history --seeds N --from S`. */
const SEEDS = 30;
const PORTION = 10;

const total = new Stats();

function withAPast(seed: number, bug?: Bug): Run {
  return simulate(seed, bug, undefined, "history");
}

describe("nothing is lost, doubled or of the past on its way from the log to the store, while both and the line between them fail", () => {
  test.for(Array.from({ length: SEEDS / PORTION }, (_, i) => 1 + i * PORTION))(
    "[DUR2] [ORD1] [ORD2] [DUR1] [DUR3] [DUP1] [DUP2] [RCP1] [UNR1] [RES1] seeds from %i on",
    (first) => {
      const failed: string[] = [];
      for (let seed = first; seed < first + PORTION; seed += 1) {
        const { stats, violation } = withAPast(seed);
        total.add(stats);
        if (violation !== undefined) failed.push(`seed ${seed}: ${violation.message}`);
      }
      expect(failed).toEqual([]);
    },
  );

  test("the runs were not idle: everything that can happen or go wrong did", () => {
    expect(COUNTED_IN_HISTORY.filter((name) => total.counts[name] === 0)).toEqual([]);
    expect(total.counts["chunks that left"]).toBeGreaterThan(SEEDS);
    expect(total.counts["pages over the seam"]).toBeGreaterThan(SEEDS);
    expect(total.counts["store failures"]).toBeGreaterThan(5 * SEEDS);
    expect(total.counts["amendments of what has left"]).toBeGreaterThan(5 * SEEDS);
  });
});

/** The rule that is broken first when a deliberate fault is in the world; undefined when none is in these seeds. */
function brokenRule(bug: Bug, first: number, last: number): string | undefined {
  for (let seed = first; seed <= last; seed += 1) {
    const { violation } = withAPast(seed, bug);
    if (violation !== undefined) return violation.rule;
  }
  return undefined;
}

describe("the simulation of long logs finds", () => {
  test("[DUR2] entries that leave the log without the store having been read", () => {
    expect(brokenRule("trim without reading back", 11, 40)).toBe("DUR2");
  });

  test("[DUR2] amendments that are not listed for the store", () => {
    expect(brokenRule("stale list forgotten", 1, 5)).toBe("DUR2");
  });

  test("[DUR2] a store in which a late write wins", () => {
    expect(brokenRule("late write wins", 19, 50)).toBe("DUR2");
  });

  test("[DUR2] pages that outlive an amendment of what is on them", () => {
    expect(brokenRule("blocks outlive amendments", 1, 5)).toBe("DUR2");
  });
});
