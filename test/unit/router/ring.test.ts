import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pointsOf, Ring } from "../../../src/workers/router/ring.ts";
import { anyText } from "../../support/arbitraries.ts";
import { keys, someNodes } from "./fixture.ts";

const named = (count: number, name: (n: number) => string): { name: string; weight: number }[] =>
  Array.from({ length: count }, (_, n) => ({ name: name(n), weight: 1 }));

/** Names of nodes and keys in the ways that differ least from each other. */
const NODES: [string, (n: number) => string][] = [
  ["0, 1, 2", (n) => `${n}`],
  ["shard-0001", (n) => `shard-${String(n).padStart(4, "0")}`],
  ["eu-west/pod/7919", (n) => `eu-west/pod/${n * 7919}`],
];
const KEYS: Record<string, (n: number) => string> = {
  users: (n) => `u_01j${n.toString(32).padStart(23, "0")}`,
  chats: (n) => `d.u_${n}.u_${n * 31 + 7}`,
};

/** How many of a million keys each node has. */
function counts(ring: Ring, key: (n: number) => string): Uint32Array {
  const had = new Uint32Array(ring.names.length);
  for (let n = 0; n < 1_000_000; n += 1) {
    const node = ring.lookup(key(n));
    had[node] = (had[node] ?? 0) + 1;
  }
  return had;
}

describe("a ring of a hundred nodes", () => {
  test.each(NODES)("called %s: the fullest has at most 1.25 times the mean of a million keys", (_, name) => {
    const ring = new Ring(named(100, name));
    for (const key of Object.values(KEYS)) {
      const had = counts(ring, key);
      expect(Math.max(...had)).toBeLessThanOrEqual(1.25 * 10_000);
      expect(Math.min(...had)).toBeGreaterThan(0.75 * 10_000);
    }
  });

  test.each(NODES)("called %s: one more takes at most 1.3 / n of the keys, and no key moves elsewhere", (_, name) => {
    const [before, after] = [new Ring(named(99, name)), new Ring(named(100, name))];
    const all = keys(200_000);
    const moved = all.filter((key) => before.lookup(key) !== after.lookup(key));
    expect(moved.length).toBeLessThanOrEqual((1.3 / 100) * all.length);
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.filter((key) => after.lookup(key) !== 99)).toEqual([]);
  });

  test("gives each its share by weight", () => {
    const weights = [0.5, 1, 2, 4];
    const ring = new Ring(weights.map((weight, n) => ({ name: `n${n}`, weight })));
    const all = keys(100_000);
    for (const [n, weight] of weights.entries()) {
      const share = all.filter((key) => ring.lookup(key) === n).length / all.length;
      expect(Math.abs(share / (weight / 7.5) - 1)).toBeLessThan(0.25);
    }
  });
});

describe("when nodes come and go", () => {
  const some = keys(300);

  test("who comes takes keys and moves none between others; who goes gives up only its own", () => {
    fc.assert(
      fc.property(someNodes(1, 12), fc.nat(), fc.integer({ min: 1, max: 64 }), (nodes, pick, virtualNodes) => {
        const changing = pick % nodes.length;
        const others = nodes.filter((_, n) => n !== changing);
        const whole = new Ring(nodes, virtualNodes);
        const rest = new Ring(others, virtualNodes);
        for (const key of some) {
          const whose = whole.names[whole.lookup(key)];
          if (whose !== nodes[changing]?.name) expect(rest.names[rest.lookup(key)]).toBe(whose);
        }
      }),
    );
  });

  test("a weight that grows takes keys and moves none between others", () => {
    fc.assert(
      fc.property(someNodes(2, 8), fc.nat(), (nodes, pick) => {
        const growing = nodes[pick % nodes.length]?.name;
        const heavier = nodes.map((node) => (node.name === growing ? { ...node, weight: node.weight * 2 } : node));
        const [before, after] = [new Ring(nodes, 32), new Ring(heavier, 32)];
        for (const key of some) {
          const now = after.names[after.lookup(key)];
          if (now !== growing) expect(before.names[before.lookup(key)]).toBe(now);
        }
      }),
    );
  });

  test("a node that is passed over is as good as gone", () => {
    fc.assert(
      fc.property(someNodes(2, 8), fc.nat(), (nodes, pick) => {
        const ill = pick % nodes.length;
        const whole = new Ring(nodes, 32);
        const rest = new Ring(
          nodes.filter((_, n) => n !== ill),
          32,
        );
        for (const key of some) {
          const found = whole.find(key, (node) => node !== ill);
          expect(whole.names[found.node]).toBe(rest.names[rest.lookup(key)]);
          expect(found.passed).toEqual(whole.lookup(key) === ill ? [ill] : []);
        }
      }),
    );
  });

  test("the order in which nodes are listed does not matter", () => {
    fc.assert(
      fc.property(someNodes(1, 8), (nodes) => {
        const [one, other] = [new Ring(nodes, 32), new Ring(nodes.toReversed(), 32)];
        for (const key of some) expect(one.names[one.lookup(key)]).toBe(other.names[other.lookup(key)]);
      }),
    );
  });
});

describe("a lookup", () => {
  test("finds the first point at or after the key's place, for any key", () => {
    fc.assert(
      fc.property(someNodes(1, 6), fc.integer({ min: 1, max: 5 }), anyText, (nodes, virtualNodes, key) => {
        const ring = new Ring(nodes, virtualNodes);
        // Who takes everything is asked once; who takes nothing asks each node once.
        expect(ring.find(key, () => true)).toEqual({ node: ring.lookup(key), passed: [] });
        const { node, passed } = ring.find(key, () => false);
        expect(node).toBe(-1);
        expect(passed.toSorted()).toEqual(nodes.map((_, n) => n).toSorted());
        expect(passed[0]).toBe(ring.lookup(key));
      }),
    );
  });

  test("in a ring of nothing finds nothing", () => {
    const ring = new Ring([]);
    expect(ring.lookup("key")).toBe(-1);
    expect(ring.find("key", () => true)).toEqual({ node: -1, passed: [] });
  });

  test("a node of little weight stands somewhere all the same", () => {
    expect([pointsOf(0.001, 64), pointsOf(1, 64), pointsOf(2.5, 64)]).toEqual([1, 64, 160]);
    expect(new Ring([{ name: "a", weight: 0.001 }], 64).points).toBe(1);
  });

  test.each([
    ["n16", "n157", "key-390"],
    ["n42", "n174", "key-517"],
  ])("two points at one place, of %s and %s: the same goes first, however they are listed", (a, b, key) => {
    // Found by search: the first point from the key's place on is both nodes'.
    const nodes = [a, b].map((name) => ({ name, weight: 1 }));
    for (const listed of [nodes, nodes.toReversed()]) {
      const ring = new Ring(listed);
      expect(ring.names[ring.lookup(key)]).toBe(b);
    }
  });

  test("where keys belong today they belong tomorrow", () => {
    const ring = new Ring(named(5, (n) => `n${n}`));
    expect(
      keys(12)
        .map((key) => ring.lookup(key))
        .join(""),
    ).toMatchInlineSnapshot(`"213003430442"`);
  });
});
