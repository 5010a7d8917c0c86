import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { modeFor, PushRate } from "../../../src/durable-objects/conversation/mode.ts";
import { CONFIG, START } from "./fixture.ts";

const limits = CONFIG.groups;

/** A rate that has been the same for ten minutes. */
function steady(perSecond: number): { rate: PushRate; now: number } {
  const rate = new PushRate(START);
  let now = START;
  for (; now < START + 600_000; now += 1000) rate.add(perSecond, now);
  return { rate, now };
}

describe("push or pull", () => {
  test("a rate is what was pushed a second", () => {
    const { rate, now } = steady(70);
    expect(rate.perSecond(now)).toBeGreaterThan(65);
    expect(rate.perSecond(now)).toBeLessThan(75);
    expect(rate.perSecond(now + 600_000)).toBeLessThan(0.01);
  });

  test.each([
    ["push", 499, 0, "push"],
    ["push", 500, 0, "pull"],
    ["push", 17, 49, "push"],
    ["push", 17, 60, "pull"],
    // So few are pushed, however busy they are.
    ["push", 16, 1000, "push"],
    ["pull", 16, 1000, "push"],
    // Between the thresholds it stays as it is.
    ["pull", 499, 0, "pull"],
    ["pull", 250, 0, "pull"],
    ["pull", 249, 20, "pull"],
    ["pull", 249, 11, "push"],
  ] as const)("in %s mode with %d members at %d pushes a second: %s", (mode, members, perSecond, expected) => {
    const { rate, now } = steady(perSecond);
    expect(modeFor(mode, members, rate, now, limits)).toBe(expected);
  });

  test("right after a wake nobody knows that there is little traffic", () => {
    const rate = new PushRate(START);
    expect(modeFor("pull", 100, rate, START, limits)).toBe("pull");
    expect(modeFor("pull", 100, rate, START + 60_000, limits)).toBe("push");
  });

  test("whatever it was and is, a group that has just switched does not switch back", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("push" as const, "pull" as const),
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 0, max: 500 }),
        fc.integer({ min: 2, max: 1000 }),
        (mode, members, perSecond, pullMembers) => {
          const { rate, now } = steady(perSecond);
          const own = { ...limits, pull_members: pullMembers };
          const next = modeFor(mode, members, rate, now, own);
          expect(modeFor(next, members, rate, now, own)).toBe(next);
        },
      ),
    );
  });
});
