import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { configured, due, Failures, reported, type HealthRules } from "../../../src/workers/router/health.ts";
import { isHealthy, parseTable, type Table } from "../../../src/workers/router/table.ts";
import { history } from "../../support/arbitraries.ts";
import { tableOf, without } from "./fixture.ts";

const RULES: HealthRules = { failures: 3, window_ms: 1000, probe_ms: 100, probe_max_ms: 1000 };
const { policies } = tableOf({ history: { strategy: "consistent-hash", nodes: [{ name: "a" }, { name: "b" }] } });
const start = configured(undefined, policies, 1);

/** A table under reports, as the object keeps it. */
class Kept {
  table: Table = start;
  readonly #failures = new Failures();

  report(node: string, good: boolean, now: number): Table {
    this.table = due(this.table, now);
    const next = reported(this.table, this.#failures, { kind: "history", node, ok: good }, RULES, now);
    if (next.ok) this.table = next.value;
    return this.table;
  }

  fail(node: string, ...times: number[]): Table {
    for (const now of times) this.report(node, false, now);
    return this.table;
  }

  healthy(node: string): boolean {
    return isHealthy(this.table, "history", node);
  }
}

describe("a node that is reported failing", () => {
  test("is ejected by the last of so many within the window, and the epoch rises", () => {
    const kept = new Kept();
    expect(kept.fail("a", 10, 20)).toBe(start);
    expect(kept.fail("a", 30).epoch).toBeGreaterThan(start.epoch);
    expect(kept.table.ejected).toEqual([{ kind: "history", node: "a", until: 130, times: 1, probing: false }]);
    expect([kept.healthy("a"), kept.healthy("b")]).toEqual([false, true]);
  });

  test("is not, when its failures are further apart than the window", () => {
    const kept = new Kept();
    expect(kept.fail("a", 0, 500, 1000, 1600, 2100)).toBe(start);
    expect(kept.fail("a", 2200)).not.toBe(start);
  });

  test("is not for the failures of another", () => {
    const kept = new Kept();
    kept.fail("a", 1, 2);
    expect(kept.fail("b", 3, 4)).toBe(start);
  });

  test("while it is out, changes nothing by what is still heard of it", () => {
    const kept = new Kept();
    const out = kept.fail("a", 1, 2, 3);
    expect(kept.report("a", true, 50)).toBe(out);
    expect(kept.report("a", false, 60)).toBe(out);
  });
});

describe("a node whose time has come", () => {
  test("is on trial: keys go to it, and the epoch rises", () => {
    const kept = new Kept();
    const out = kept.fail("a", 1, 2, 3);
    expect(due(out, 102)).toBe(out);
    const trial = due(out, 103);
    expect(trial.epoch).toBeGreaterThan(out.epoch);
    expect(isHealthy(trial, "history", "a")).toBe(true);
    expect(due(trial, 1e9)).toBe(trial);
  });

  test("is healthy again by one success, with all its chances", () => {
    const kept = new Kept();
    kept.fail("a", 1, 2, 3);
    expect(kept.report("a", true, 200).ejected).toEqual([]);
    kept.fail("a", 300, 301);
    expect(kept.healthy("a")).toBe(true);
  });

  test("is ejected by one failure, for twice as long each time, up to the longest", () => {
    const kept = new Kept();
    kept.fail("a", 1, 2, 3);
    const waits: number[] = [];
    for (let now = 10_000; now < 70_000; now += 10_000) {
      kept.fail("a", now);
      waits.push((kept.table.ejected[0]?.until ?? 0) - now);
    }
    expect(waits).toEqual([200, 400, 800, 1000, 1000, 1000]);
  });
});

test.each([
  ["a node that is not listed", "history", "c"],
  ["a node of another kind", "release", "a"],
  ["a relay: they are listed nowhere", "relay", "0"],
] as const)("a report on %s is refused, and changes nothing", (_, kind, node) => {
  expect(reported(start, new Failures(), { kind, node, ok: false }, { ...RULES, failures: 1 }, 1)).toMatchObject({
    ok: false,
    error: { code: "invalid_argument", message: `${kind} has no node "${node}" to report on` },
  });
});

describe("a configuration", () => {
  const three = tableOf({ history: { strategy: "hash", nodes: [{ name: "b" }, { name: "c" }] } }).policies;

  test("that is what the table has changes nothing", () => {
    expect(configured(start, structuredClone(policies), 99)).toBe(start);
  });

  test("that is new raises the epoch, and forgets ejections of nodes that are gone", () => {
    const ill = without(without(start, "history", "a", "b"), "release", "stable");
    const next = configured(ill, three, 2);
    expect(next.policies).toBe(three);
    expect(next.epoch).toBeGreaterThan(start.epoch);
    expect(next.ejected.map(({ kind, node }) => `${kind}/${node}`)).toEqual(["history/b", "release/stable"]);
  });

  test("after all was lost has an epoch beyond those there were, though the clock went back a little", () => {
    expect(configured(undefined, policies, 5000).epoch).toBe(5000);
    expect(configured({ ...start, epoch: 6000 }, three, 5000).epoch).toBe(6001);
  });
});

test("whatever is reported: epochs rise with every change and with nothing else, and the table stays a good one", () => {
  const step = fc.record({ node: fc.constantFrom("a", "b", "x"), ok: fc.boolean(), wait: fc.nat(300) });
  fc.assert(
    fc.property(history(step, 60), (steps) => {
      const kept = new Kept();
      let now = 1;
      for (const { node, ok, wait } of steps) {
        now += wait;
        const before = kept.table;
        const after = kept.report(node, ok, now);
        if (after === before) continue;
        expect(after.epoch).toBeGreaterThan(before.epoch);
        expect(parseTable(JSON.parse(JSON.stringify(after)))).toEqual({ ok: true, value: after });
        for (const each of after.ejected) {
          expect(each.until - now).toBeLessThanOrEqual(RULES.probe_max_ms);
          expect(each.probing).toBe(each.until <= now);
        }
      }
    }),
  );
});
