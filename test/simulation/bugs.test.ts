import { describe, expect, test } from "vitest";
import type { Bug } from "./bugs.ts";
import { simulate } from "./simulate.ts";

/**
 * The first seed, of so many, in which a deliberate fault breaks this rule before any other; undefined when there is none. In some
 * seeds another one goes first: entries that are lost are not counted as unread, either.
 */
function found(bug: Bug, rule: string, within: number): number | undefined {
  for (let seed = 1; seed <= within; seed += 1) if (simulate(seed, bug).violation?.rule === rule) return seed;
  return undefined;
}

describe("a simulation that cannot fail shows nothing: it finds", () => {
  test("[DUR1] answers that leave before their commit", () => {
    expect(found("open gate", "DUR1", 20)).toBeDefined();
  });

  test("[DUR3] an entry that is reported as taken before the disk has it", () => {
    expect(found("taken too early", "DUR3", 200)).toBeDefined();
  });

  test("[DUR3] a safety alarm that dies with its object", () => {
    expect(found("alarm in memory", "DUR3", 100)).toBeDefined();
  });

  test("[DUP1] a wake that does not read the ids of the log", () => {
    expect(found("forgetful dedup", "DUP1", 20)).toBeDefined();
  });
});
