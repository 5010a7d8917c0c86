import { describe, expect, test } from "vitest";
import type { Bug } from "./bugs.ts";
import { simulate } from "./simulate.ts";

/** The rule that is broken first when a deliberate fault is in the world; undefined when none is within so many seeds. */
function brokenRule(bug: Bug, within: number): string | undefined {
  for (let seed = 1; seed <= within; seed += 1) {
    const { violation } = simulate(seed, bug);
    if (violation !== undefined) return violation.rule;
  }
  return undefined;
}

describe("a simulation that cannot fail shows nothing: it finds", () => {
  test("[DUR1] answers that leave before their commit", () => {
    expect(brokenRule("open gate", 20)).toBe("DUR1");
  });

  test("[DUR3] an entry that is reported as taken before the disk has it", () => {
    expect(brokenRule("taken too early", 200)).toBe("DUR3");
  });

  test("[DUR3] a safety alarm that dies with its object", () => {
    expect(brokenRule("alarm in memory", 100)).toBe("DUR3");
  });

  test("[DUP1] a wake that does not read the ids of the log", () => {
    expect(brokenRule("forgetful dedup", 20)).toBe("DUP1");
  });
});
