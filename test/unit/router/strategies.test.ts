import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Policies, type NodePolicy } from "../../../src/config/routing.ts";
import { choose, type Live } from "../../../src/workers/router/strategies.ts";
import { keys, someNodes } from "./fixture.ts";

function policyOf(policy: Record<string, unknown>): NodePolicy {
  return Policies.parse({ history: policy }).history;
}

const well = (): boolean => true;
const except =
  (...ill: string[]) =>
  (name: string): boolean =>
    !ill.includes(name);

const STRATEGIES = ["consistent-hash", "hash", "weighted", "priority", "round-robin", "least-loaded"] as const;
const three = [{ name: "a" }, { name: "b" }, { name: "c" }];

/** How many of the keys each node has. */
function spread(policy: NodePolicy, all: readonly string[], healthy = well, live?: Live): Record<string, number> {
  const had: Record<string, number> = {};
  for (const key of all) {
    const node = choose(policy, key, healthy, live)?.node ?? "nowhere";
    had[node] = (had[node] ?? 0) + 1;
  }
  return had;
}

describe.each(STRATEGIES)("%s", (strategy) => {
  test("gives a healthy node, always the same, and names who was passed over; without one, nothing", () => {
    fc.assert(
      fc.property(
        someNodes(1, 6),
        fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
        fc.string(),
        fc.nat(),
        (nodes, ills, key, turn) => {
          const policy = policyOf({ strategy, nodes });
          const ill = nodes.filter((_, n) => ills[n] === true).map(({ name }) => name);
          const choice = choose(policy, key, except(...ill), { turn });
          if (ill.length === nodes.length) {
            expect(choice).toBeUndefined();
            return;
          }
          expect(nodes.map(({ name }) => name)).toContain(choice?.node);
          expect(ill).not.toContain(choice?.node);
          for (const passed of choice?.passed ?? []) expect(ill).toContain(passed);
          expect(choose(policyOf({ strategy, nodes }), key, except(...ill), { turn })).toEqual(choice);
          const healthyChoice = choose(policy, key, well, { turn });
          // Whoever would have had the key but for its health was passed over.
          if (healthyChoice?.node !== choice?.node) expect(choice?.passed).toContain(healthyChoice?.node);
        },
      ),
    );
  });
});

describe.each(["consistent-hash", "hash", "weighted"])("%s", (strategy) => {
  test("spreads keys evenly over nodes of one weight", () => {
    const had = spread(policyOf({ strategy, nodes: three }), keys(30_000));
    for (const count of Object.values(had)) expect(Math.abs(count / 10_000 - 1)).toBeLessThan(0.2);
    expect(Object.keys(had)).toHaveLength(3);
  });

  test("moves only the keys of a node that falls ill, and back when it is well", () => {
    const policy = policyOf({ strategy, nodes: three });
    for (const key of keys(1000)) {
      const own = choose(policy, key, well)?.node;
      const now = choose(policy, key, except("b"))?.node;
      if (own === "b") expect(["a", "c"]).toContain(now);
      else expect(now).toBe(own);
    }
  });
});

describe("weighted", () => {
  test("gives each its share, to a tenth of it", () => {
    const nodes = [
      { name: "stable", weight: 95 },
      { name: "canary", weight: 5 },
    ];
    const had = spread(policyOf({ strategy: "weighted", nodes }), keys(100_000));
    expect(Math.abs((had["canary"] ?? 0) / 5_000 - 1)).toBeLessThan(0.1);
  });

  test("keeps in the canary whoever was in it when its weight grows, and moves nobody else", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 49 }), (weight, more) => {
        const at = (canary: number): NodePolicy =>
          policyOf({
            strategy: "weighted",
            nodes: [
              { name: "stable", weight: 100 },
              { name: "canary", weight: canary },
            ],
          });
        const [before, after] = [at(weight), at(weight + more)];
        for (const key of keys(200)) {
          if (choose(before, key, well)?.node === "canary") expect(choose(after, key, well)?.node).toBe("canary");
        }
      }),
    );
  });
});

describe("priority", () => {
  const policy = policyOf({
    strategy: "priority",
    nodes: [{ name: "spare", priority: 2 }, { name: "first" }, { name: "second", priority: 1 }],
  });

  test("is the first that is healthy, for every key", () => {
    const cases: [string[], string, string[]][] = [
      [[], "first", []],
      [["first"], "second", ["first"]],
      [["first", "second"], "spare", ["first", "second"]],
      [["spare"], "first", []],
    ];
    for (const [ill, node, passed] of cases) {
      for (const key of keys(20)) expect(choose(policy, key, except(...ill))).toEqual({ node, passed });
    }
  });

  test("spreads keys by weight among equals", () => {
    const nodes = [{ name: "a", weight: 3 }, { name: "b" }, { name: "spare", priority: 1 }];
    const had = spread(policyOf({ strategy: "priority", nodes }), keys(20_000));
    expect(had["spare"]).toBeUndefined();
    expect(Math.abs((had["a"] ?? 0) / 15_000 - 1)).toBeLessThan(0.05);
  });
});

test("round-robin goes by turns, past who is ill", () => {
  const policy = policyOf({ strategy: "round-robin", nodes: three });
  const turns = (healthy: (name: string) => boolean): string =>
    Array.from({ length: 6 }, (_, turn) => choose(policy, "any", healthy, { turn })?.node).join("");
  expect(turns(well)).toBe("abcabc");
  expect(turns(except("b"))).toBe("accacc");
});

describe("least-loaded", () => {
  const policy = policyOf({ strategy: "least-loaded", nodes: [...three, { name: "big", weight: 10 }] });

  test("is who has least for its weight, among the healthy", () => {
    const loads = new Map(Object.entries({ a: 3, b: 1, c: 2, big: 100 }));
    expect(choose(policy, "k", well, { loads })?.node).toBe("b");
    expect(choose(policy, "k", except("b"), { loads })).toEqual({ node: "c", passed: ["b"] });
    expect(choose(policy, "k", well, { loads: new Map([...loads, ["big", 9]]) })?.node).toBe("big");
  });

  test("spreads keys over equals, and over all when no load is known", () => {
    const had = spread(policyOf({ strategy: "least-loaded", nodes: three }), keys(3_000));
    expect(Object.keys(had).toSorted()).toEqual(["a", "b", "c"]);
  });
});

describe("a ring with a bound", () => {
  test("keeps every node within its bound, rounded up, however keys come", () => {
    fc.assert(
      fc.property(
        someNodes(1, 6),
        fc.double({ min: 1, max: 2, noNaN: true }),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 200, size: "max" }),
        fc.nat(),
        (nodes, factor, some, pick) => {
          const policy = policyOf({ strategy: "consistent-hash", nodes, load_factor: factor, virtual_nodes: 16 });
          const ill = nodes.length > 1 ? (nodes[pick % nodes.length]?.name ?? "") : "";
          const alive = nodes.filter(({ name }) => name !== ill);
          const weights = alive.reduce((sum, { weight }) => sum + weight, 0);
          const loads = new Map<string, number>();
          for (const [n, key] of some.entries()) {
            // Few different keys: without the bound one node would have most of them.
            const node = choose(policy, `key ${key}`, except(ill), { loads })?.node ?? "";
            loads.set(node, (loads.get(node) ?? 0) + 1);
            const { weight = 0 } = nodes.find(({ name }) => name === node) ?? {};
            expect(loads.get(node)).toBeLessThanOrEqual(Math.ceil((factor * (n + 1) * weight) / weights));
          }
          expect(loads.get(ill)).toBeUndefined();
        },
      ),
    );
  });

  test("leaves a key where it belongs while there is room, and passes on to the next when there is none", () => {
    const policy = policyOf({ strategy: "consistent-hash", nodes: three, load_factor: 1.25 });
    for (const key of keys(50)) {
      const own = choose(policy, key, well)?.node ?? "";
      const even = new Map(three.map(({ name }) => [name, 10]));
      expect(choose(policy, key, well, { loads: even })).toEqual({ node: own, passed: [] });
      const full = new Map([...even, [own, 40]]);
      const next = choose(policy, key, well, { loads: full });
      expect(next?.node).toBe(choose(policy, key, except(own))?.node);
      expect(next?.passed).toEqual([own]);
    }
  });

  test("is no bound where loads are no whole numbers and leave no room", () => {
    const policy = policyOf({ strategy: "consistent-hash", nodes: three, load_factor: 1 });
    const loads = new Map(three.map(({ name }) => [name, 0.5]));
    for (const key of keys(20))
      expect(choose(policy, key, well, { loads })?.node).toBe(choose(policy, key, well)?.node);
  });
});
