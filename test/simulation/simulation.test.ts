import { describe, expect, test } from "vitest";
import { simulate } from "./simulate.ts";
import { COUNTED, Stats } from "./stats.ts";

/** Seeds run here, in groups, so that a failure tells where. More: `npm run simulate -- --seeds N --from S`. */
const SEEDS = 300;
const GROUP = 50;

const total = new Stats();

describe("what was promised holds through crashes, losses and delays, and after them", () => {
  test.for(Array.from({ length: SEEDS / GROUP }, (_, i) => 1 + i * GROUP))(
    "[ORD1] [ORD2] [DUR1] [DUR3] [DUP1] [DUP2] [DUP3] [RCP1] [UNR1] [RES1] [FLW1] [SEC1] seeds from %i on",
    (first) => {
      const failed: string[] = [];
      for (let seed = first; seed < first + GROUP; seed += 1) {
        const { stats, violation } = simulate(seed);
        total.add(stats);
        if (violation !== undefined) failed.push(`seed ${seed}: ${violation.message}`);
      }
      expect(failed).toEqual([]);
    },
  );

  test("the runs were not idle: everything that can happen or go wrong did", () => {
    const never = COUNTED.filter((name) => total.counts[name] === 0);
    expect(never).toEqual([]);
    expect(total.counts.messages).toBeGreaterThan(50 * SEEDS);
    expect(total.counts["user crashes"] + total.counts["conversation crashes"]).toBeGreaterThan(3 * SEEDS);
  });

  test("a seed is a run: the same events, the same counts", () => {
    const run = (): { lines: string[]; counts: object } => {
      const lines: string[] = [];
      const { stats } = simulate(7, undefined, (line) => lines.push(line));
      return { lines, counts: stats.counts };
    };
    const [first, second] = [run(), run()];
    expect(second).toEqual(first);
    expect(first.lines.length).toBeGreaterThan(500);
  });
});
