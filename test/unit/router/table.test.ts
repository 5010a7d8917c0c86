import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/config.ts";
import { KINDS, Policies } from "../../../src/config/routing.ts";
import { describeTable, explain } from "../../../src/workers/router/explain.ts";
import { relayOf } from "../../../src/workers/router/relays.ts";
import { parseTable, resolve, type Table } from "../../../src/workers/router/table.ts";
import { word } from "../../support/arbitraries.ts";
import { keys, tableOf, without } from "./fixture.ts";

const two = tableOf({ history: { strategy: "consistent-hash", nodes: [{ name: "a" }, { name: "b" }] } });

describe("a routing table", () => {
  test("of no configuration has one history, no region, one release", () => {
    const table = tableOf({});
    const nodes = KINDS.map((kind) => resolve(table, kind, "key"));
    expect(nodes).toMatchObject([
      { ok: true, value: { node: "0", epoch: 0, strategy: "consistent-hash" } },
      { ok: true, value: { node: "main" } },
      { ok: true, value: { node: "none" } },
      { ok: true, value: { node: "stable" } },
    ]);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ["weight 0", { nodes: [{ name: "a", weight: 0 }] }, "nodes.0.weight: a weight is above 0"],
    ["a negative weight", { nodes: [{ name: "a" }, { name: "b", weight: -1 }] }, "nodes.1.weight: a weight is above 0"],
    ["two nodes of one name", { nodes: [{ name: "a" }, { name: "a" }] }, 'nodes.1.name: two nodes are called "a"'],
    ["no nodes", { nodes: [] }, "nodes: a policy has at least one node"],
    ["no list of nodes", {}, "nodes: "],
    ["a name that is none", { nodes: [{ name: "a b" }] }, "nodes.0.name: letters, digits"],
    ["an option of another strategy", { strategy: "hash", nodes: [{ name: "a" }], load_factor: 2 }, '"load_factor"'],
    ["a bound below the mean", { nodes: [{ name: "a" }], load_factor: 0.9 }, "load_factor: "],
    ["a strategy that is none", { strategy: "random", nodes: [{ name: "a" }] }, "strategy: "],
    [
      "a ring too large",
      { nodes: [{ name: "a", weight: 1000 }], virtual_nodes: 4096 },
      "a ring of over 1048576 points",
    ],
  ])("with %s is refused, by name", (_, policy, message) => {
    const history = { strategy: "consistent-hash", ...policy };
    expect(() => parseConfig(JSON.stringify({ routing: { policies: { history } } }))).toThrow(message);
    const table = parseTable({ ...two, policies: { ...two.policies, history } });
    expect(table).toMatchObject({ ok: false, error: expect.stringContaining(message) as string });
  });

  test.each<[string, Record<string, unknown>]>([
    ["a region that is none", { region: { strategy: "priority", nodes: [{ name: "moon" }] } }],
    ["relays listed", { relay: { strategy: "consistent-hash", nodes: [{ name: "0" }] } }],
    ["relays in turn: a user's devices belong together", { relay: { strategy: "round-robin" } }],
    ["a kind that is none", { cache: { strategy: "hash", nodes: [{ name: "a" }] } }],
  ])("with %s is refused", (_, policies) => {
    expect(Policies.safeParse(policies).success).toBe(false);
  });

  test("of another shape is refused", () => {
    for (const value of [undefined, null, {}, [], "table", { epoch: -1, policies: {}, ejected: [] }]) {
      expect(parseTable(value).ok).toBe(false);
    }
    expect(parseTable(JSON.parse(JSON.stringify(two)))).toEqual({ ok: true, value: two });
  });
});

describe("a key", () => {
  test("has no node when none is healthy: unavailable", () => {
    expect(resolve(without(two, "history", "a", "b"), "history", "key")).toMatchObject({
      ok: false,
      error: { code: "unavailable", message: "no node of history is healthy" },
    });
  });

  test("stays away from what is ejected, not from what is on trial, nor from its namesake of another kind", () => {
    const out = without(two, "history", "a");
    const trial: Table = { ...out, ejected: out.ejected.map((each) => ({ ...each, probing: true })) };
    const other = without(two, "release", "a");
    const nodes = (table: Table): Set<unknown> =>
      new Set(keys(50).map((key) => (resolve(table, "history", key) as { value: { node: string } }).value.node));
    expect(nodes(out)).toEqual(new Set(["b"]));
    expect(nodes(trial)).toEqual(new Set(["a", "b"]));
    expect(nodes(other)).toEqual(new Set(["a", "b"]));
  });

  test("comes with the epoch by which it was decided", () => {
    expect(resolve({ ...two, epoch: 7 }, "history", "key")).toMatchObject({ value: { epoch: 7 } });
  });
});

describe("a group's relays", () => {
  const { relay } = Policies.parse({});

  test("share the users evenly: the fullest of 100 has at most 1.25 times the mean", () => {
    const had = new Uint32Array(100);
    for (let n = 0; n < 300_000; n += 1) {
      const node = relayOf(relay, `u_${n}`, 100);
      had[node] = (had[node] ?? 0) + 1;
    }
    expect(Math.max(...had)).toBeLessThanOrEqual(1.25 * 3000);
  });

  test.each(["consistent-hash", "hash"])("by %s are always one of those there are", (strategy) => {
    const policy = Policies.parse({ relay: { strategy } }).relay;
    fc.assert(
      fc.property(word(1, 64), fc.integer({ min: 1, max: 40 }), (uid, relays) => {
        const node = relayOf(policy, uid, relays);
        expect(Number.isInteger(node) && node >= 0 && node < relays).toBe(true);
        expect(relayOf(policy, uid, relays)).toBe(node);
      }),
    );
  });

  test("one more moves nobody but those whose relay it becomes", () => {
    fc.assert(
      fc.property(word(1, 64), fc.integer({ min: 1, max: 40 }), (uid, relays) => {
        const [before, after] = [relayOf(relay, uid, relays), relayOf(relay, uid, relays + 1)];
        if (after !== relays) expect(after).toBe(before);
      }),
    );
  });

  test("without a number, or with too many, are refused", () => {
    for (const relays of [0, -1, 1.5, 1001, Number.NaN]) {
      expect(resolve(two, "relay", "u", { relays })).toMatchObject({ error: { code: "invalid_argument" } });
    }
  });

  test("keep the rings of a few sizes only, and answer the same after one was dropped", () => {
    const before = relayOf(relay, "somebody", 999);
    for (const relays of [1000, 998, 997, 996]) relayOf(relay, "somebody", relays);
    expect(relayOf(relay, "somebody", 999)).toBe(before);
  });
});

describe("a decision explained", () => {
  test("says the rule, and who was passed over", () => {
    const key = keys(50).find((each) => resolve(two, "history", each).ok && nodeOf(two, each) === "a") ?? "";
    expect(explain(two, "history", key)).toMatchObject({
      value: {
        kind: "history",
        key,
        node: "a",
        strategy: "consistent-hash",
        why: "the first node on the ring from the key's place on",
      },
    });
    const out = explain(without(two, "history", "a"), "history", key);
    expect(out).toMatchObject({
      value: {
        node: "b",
        nodes: [
          { name: "a", weight: 1, healthy: false, ejected_until: 1e15 },
          { name: "b", weight: 1, healthy: true },
        ],
        why: expect.stringMatching(/passed over a: ejected or full$/) as string,
      },
    });
  });

  test("of a relay lists the relays there are; the whole table lists none", () => {
    const view = explain(two, "relay", "u", { relays: 3 });
    expect(view.ok && view.value.nodes.map(({ name }) => name)).toEqual(["0", "1", "2"]);
    expect(describeTable(two).policies.relay.nodes).toEqual([]);
  });

  test("is refused as the decision is", () => {
    expect(explain(without(two, "history", "a", "b"), "history", "k")).toMatchObject({
      error: { code: "unavailable" },
    });
  });
});

function nodeOf(table: Table, key: string): string | undefined {
  const decision = resolve(table, "history", key);
  return decision.ok ? decision.value.node : undefined;
}
