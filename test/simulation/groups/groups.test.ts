import { describe, expect, test } from "vitest";
import type { Bug } from "../bugs.ts";
import { simulate, type Run } from "../simulate.ts";
import { COUNTED, COUNTED_IN_GROUPS, Stats } from "../stats.ts";

/** Seeds run here, in portions, so that a failure tells where. More: `npm run simulate -- --groups --seeds N --from S`. */
const SEEDS = 120;
const PORTION = 30;
/** In groups no reply is held until somebody has taken something; and nobody falls 256 entries behind in these few seeds. */
const NEVER = new Set<string>(["replies held", "holes announced"]);

const total = new Stats();

function inGroups(seed: number, bug?: Bug): Run {
  return simulate(seed, bug, undefined, "groups");
}

describe("who may see what is decided by the log, while people come and go and groups change their mode", () => {
  test.for(Array.from({ length: SEEDS / PORTION }, (_, i) => 1 + i * PORTION))(
    "[ORD1] [ORD2] [DUR1] [DUR3] [DUP1] [RCP1] [UNR1] [RES1] [FLW1] [SEC1] seeds from %i on",
    (first) => {
      const failed: string[] = [];
      for (let seed = first; seed < first + PORTION; seed += 1) {
        const { stats, violation } = inGroups(seed);
        total.add(stats);
        if (violation !== undefined) failed.push(`seed ${seed}: ${violation.message}`);
      }
      expect(failed).toEqual([]);
    },
  );

  test("the runs were not idle: everything that can happen or go wrong did", () => {
    const expected = [...COUNTED, ...COUNTED_IN_GROUPS].filter((name) => !NEVER.has(name));
    expect(expected.filter((name) => total.counts[name] === 0)).toEqual([]);
    expect(total.counts["switches to pull"]).toBeGreaterThan(SEEDS / 2);
    expect(total.counts["switches to push"]).toBeGreaterThan(SEEDS / 4);
    expect(total.counts["messages crossing a removal"]).toBeGreaterThan(SEEDS);
    expect(total.counts["memberships begun again"]).toBeGreaterThan(SEEDS);
  });
});

/** The rules that are broken first when a deliberate fault is in the world, by seed. */
function brokenRules(bug: Bug, within: number): Set<string> {
  const rules = new Set<string>();
  for (let seed = 1; seed <= within; seed += 1) {
    const { violation } = inGroups(seed, bug);
    if (violation !== undefined) rules.add(violation.rule);
  }
  return rules;
}

describe("the simulation of groups finds", () => {
  test("[SEC1] relays that are not told who has gone", () => {
    expect(brokenRules("gone stay", 30)).toContain("SEC1");
  });

  test("[SEC1] pushes that reach back to before a membership", () => {
    expect(brokenRules("pushed from before", 10)).toContain("SEC1");
  });

  test("[ORD2] an edge whose two ways have no common order", () => {
    expect(brokenRules("open gate at the edge", 12)).toContain("ORD2");
  });

  test("[DUR3] an object that does not go on from where pushing begins", () => {
    expect(brokenRules("deaf to the base", 15)).toContain("DUR3");
  });
});
