import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoff, Lanes } from "../../../src/durable-objects/lanes.ts";
import { history } from "../../support/arbitraries.ts";

const LIMITS = { batch: 4, backoff: 50, longest: 2000 };

type Step =
  | { do: "add"; key: string }
  | { do: "start"; key: string }
  | { do: "done"; key: string }
  | { do: "failed"; key: string; chance: number }
  | { do: "drop"; odd: boolean }
  | { do: "wait"; ms: number };

const key = fc.constantFrom("a", "b", "c");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("add" as const), key }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("start" as const, "done" as const), key }) },
  fc.record({ do: fc.constant("failed" as const), key, chance: fc.double({ min: 0, max: 0.99, noNaN: true }) }),
  fc.record({ do: fc.constant("drop" as const), odd: fc.boolean() }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 3000 }) }),
);

describe("a lane against a queue with one call", () => {
  test("[ORD2] one call in flight per key, the order kept across failures, nothing lost and nothing twice", () => {
    fc.assert(
      fc.property(history(step, 80), (steps) => {
        const lanes = new Lanes<string, number>(LIMITS);
        /** What waits, per key; the first `flying` of them are in the call. */
        const model = new Map<string, { queue: number[]; flying: number; notBefore: number }>();
        const laneOf = (name: string) => {
          const lane = model.get(name) ?? { queue: [], flying: 0, notBefore: 0 };
          model.set(name, lane);
          return lane;
        };
        let now = 0;
        let items = 0;
        for (const one of steps) {
          if (one.do === "add") {
            lanes.add(one.key, items);
            laneOf(one.key).queue.push(items);
            items += 1;
          } else if (one.do === "start") {
            const lane = laneOf(one.key);
            const free = lane.flying === 0 && lane.queue.length > 0 && now >= lane.notBefore;
            expect(lanes.due(now).includes(one.key)).toBe(free);
            const call = lanes.start(one.key, now);
            expect(call).toEqual(free ? lane.queue.slice(0, LIMITS.batch) : undefined);
            if (call !== undefined) lane.flying = call.length;
          } else if (one.do === "done") {
            const lane = laneOf(one.key);
            if (lane.flying === 0) continue;
            lanes.done(one.key);
            lane.queue.splice(0, lane.flying);
            Object.assign(lane, { flying: 0, notBefore: 0 });
          } else if (one.do === "failed") {
            const lane = laneOf(one.key);
            if (lane.flying === 0) continue;
            lanes.failed(one.key, now, one.chance);
            lane.flying = 0;
            // How long it waits is the lane's to choose, between its bounds.
            lane.notBefore = waitOf(lanes, one.key, now);
            expect(lane.notBefore).toBeGreaterThanOrEqual(now + LIMITS.backoff / 2);
            expect(lane.notBefore).toBeLessThanOrEqual(now + LIMITS.longest);
          } else if (one.do === "drop") {
            const expected: number[] = [];
            for (const lane of model.values()) {
              if (lane.flying > 0) continue;
              expected.push(...lane.queue.filter((item) => (item % 2 === 1) === one.odd));
              lane.queue = lane.queue.filter((item) => (item % 2 === 1) !== one.odd);
              // A lane that is empty is forgotten, its wait too.
              if (lane.queue.length === 0) lane.notBefore = 0;
            }
            const dropped = lanes.drop((item) => (item % 2 === 1) === one.odd);
            expect(dropped.toSorted((x, y) => x - y)).toEqual(expected.toSorted((x, y) => x - y));
          } else now += one.ms;
          expect(lanes.size).toBe([...model.values()].reduce((sum, { queue }) => sum + queue.length, 0));
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** When a lane that waits is due, by trying. */
function waitOf(lanes: Lanes<string, number>, name: string, now: number): number {
  let at = now;
  while (!lanes.due(at).includes(name)) at += 1;
  return at;
}

describe("a lane", () => {
  test("what arrives during a call goes with the next one, as one batch", () => {
    const lanes = new Lanes<string, number>(LIMITS);
    lanes.add("a", 1);
    expect(lanes.start("a", 0)).toEqual([1]);
    for (const item of [2, 3, 4, 5, 6]) lanes.add("a", item);
    expect(lanes.start("a", 0)).toBeUndefined();
    lanes.done("a");
    expect(lanes.start("a", 0)).toEqual([2, 3, 4, 5]);
    lanes.done("a");
    expect(lanes.start("a", 0)).toEqual([6]);
    lanes.done("a");
    expect([lanes.size, lanes.due(0), lanes.nextDue()]).toEqual([0, [], undefined]);
  });

  test("a failed call is made again with the same items first, then with newer ones behind them", () => {
    const lanes = new Lanes<string, number>(LIMITS);
    lanes.add("a", 1);
    lanes.start("a", 0);
    lanes.add("a", 2);
    lanes.failed("a", 1000, 0.5);
    expect(lanes.nextDue()).toBe(1038);
    expect(lanes.start("a", 1037)).toBeUndefined();
    expect(lanes.start("a", 1038)).toEqual([1, 2]);
  });

  test("one lane's failure holds up no other", () => {
    const lanes = new Lanes<string, number>(LIMITS);
    lanes.add("a", 1);
    lanes.add("b", 2);
    lanes.start("a", 0);
    lanes.failed("a", 0, 0);
    expect(lanes.due(0)).toEqual(["b"]);
    expect(lanes.start("b", 0)).toEqual([2]);
  });

  test("a success forgets earlier failures", () => {
    const lanes = new Lanes<string, number>(LIMITS);
    for (const item of [1, 2]) lanes.add("a", item);
    for (let i = 0, now = 0; i < 5; i += 1, now += 2000) {
      expect(lanes.start("a", now)).toEqual([1, 2]);
      lanes.failed("a", now, 0);
    }
    lanes.start("a", 10_000);
    lanes.add("a", 3);
    lanes.done("a");
    lanes.start("a", 10_000);
    lanes.failed("a", 10_000, 0);
    expect(lanes.nextDue()).toBe(10_025);
  });

  test("items of a call in flight are not dropped", () => {
    const lanes = new Lanes<string, number>(LIMITS);
    lanes.add("a", 1);
    lanes.add("b", 2);
    lanes.start("a", 0);
    expect(lanes.drop(() => true)).toEqual([2]);
    lanes.failed("a", 0, 0);
    expect(lanes.drop(() => true)).toEqual([1]);
    expect(lanes.size).toBe(0);
  });

  test("answers about a lane that is not there change nothing", () => {
    const lanes = new Lanes<string, number>(LIMITS);
    lanes.done("a");
    lanes.failed("a", 0, 0);
    expect(lanes.start("a", 0)).toBeUndefined();
    expect(lanes.size).toBe(0);
  });
});

describe("backoff", () => {
  test("doubles with each attempt, never above the longest, spread over its upper half", () => {
    const attempts = fc.integer({ min: 0, max: 2000 });
    fc.assert(
      fc.property(attempts, fc.double({ min: 0, max: 0.999, noNaN: true }), (n, chance) => {
        const full = Math.min(LIMITS.longest, LIMITS.backoff * 2 ** n);
        const wait = backoff(n, LIMITS, chance);
        expect(wait).toBeGreaterThanOrEqual(full / 2);
        expect(wait).toBeLessThanOrEqual(full);
        expect(Number.isInteger(wait)).toBe(true);
        expect(backoff(n, LIMITS, 0) < backoff(n, LIMITS, 0.9)).toBe(true);
      }),
    );
  });
});
