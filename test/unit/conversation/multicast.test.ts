import { describe, expect, test } from "vitest";
import { Multicast } from "../../../src/durable-objects/conversation/multicast.ts";

describe("the lanes to relays", () => {
  test("[ORD2] one call in flight to each; what comes meanwhile goes with the next", () => {
    const lanes = new Multicast([], 0);
    expect(lanes.has(0)).toBe(false);
    lanes.admit(0, 7);
    expect(lanes.has(0)).toBe(true);
    expect(lanes.start(0, 7, 0)).toBeUndefined();
    expect(lanes.start(0, 8, 0)).toEqual({ from: 7 });
    expect(lanes.start(0, 9, 0)).toBeUndefined();
    expect(lanes.done(0, { have: 8, links: 1 })).toBe(false);
    expect(lanes.start(0, 9, 0)).toEqual({ from: 8 });
  });

  test("[RES1] after a wake nobody knows what a relay has: it is told how far the group is, and answers", () => {
    const lanes = new Multicast([3], 0);
    expect(lanes.passed(0)).toBe(false);
    expect(lanes.start(3, 9, 0)).toEqual({ from: undefined });
    lanes.done(3, { have: 5, links: 2 });
    expect(lanes.start(3, 9, 0)).toEqual({ from: 5 });
    lanes.done(3, { have: 9, links: 2 });
    expect(lanes.passed(9)).toBe(true);
  });

  test("a call that failed is made again from the same place, less and less often", () => {
    const lanes = new Multicast([], 0);
    lanes.admit(0, 1);
    const waits: number[] = [];
    for (let i = 0, now = 0; i < 10; i += 1) {
      expect(lanes.start(0, 2, now)).toEqual({ from: 1 });
      lanes.failed(0, now, 0.5);
      const due = lanes.nextDue() as number;
      expect(lanes.start(0, 2, due - 1)).toBeUndefined();
      waits.push(due - now);
      now = due;
    }
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBeLessThanOrEqual(5000);
  });

  test("a relay without links is left; not one that admitted somebody while it answered", () => {
    const lanes = new Multicast([], 0);
    lanes.admit(0, 1);
    lanes.start(0, 2, 0);
    lanes.admit(0, 2);
    expect(lanes.done(0, { have: 2, links: 0 })).toBe(false);
    lanes.start(0, 3, 0);
    expect(lanes.done(0, { have: 3, links: 0 })).toBe(true);
    expect(lanes.size).toBe(0);
  });

  test("who has to be told something is called without entries, too", () => {
    const lanes = new Multicast([], 0);
    lanes.admit(0, 4);
    lanes.tellAll();
    expect(lanes.start(0, 4, 0)).toEqual({ from: 4 });
    lanes.done(0, { have: 4, links: 1 });
    expect(lanes.start(0, 4, 0)).toBeUndefined();
  });

  test("what follows a multicast soon waits for company, by the number of links; after a silence nothing waits", () => {
    const lanes = new Multicast([], 100);
    lanes.admit(0, 1);
    expect(lanes.start(0, 2, 0)).toEqual({ from: 1 });
    lanes.done(0, { have: 2, links: 200 });
    expect(lanes.nextDue()).toBeUndefined();
    expect(lanes.start(0, 3, 50)).toBeUndefined();
    expect(lanes.nextDue()).toBe(70);
    expect(lanes.start(0, 4, 69)).toBeUndefined();
    expect(lanes.start(0, 5, 70)).toEqual({ from: 2 });
    lanes.done(0, { have: 5, links: 100_000 });
    expect(lanes.start(0, 6, 100)).toBeUndefined();
    expect(lanes.nextDue()).toBe(200);
    // Who has to be told something is told at once.
    lanes.tellAll();
    expect(lanes.start(0, 6, 101)).toEqual({ from: 5 });
    lanes.done(0, { have: 6, links: 200 });
    expect(lanes.start(0, 7, 351)).toEqual({ from: 6 });
  });
});
