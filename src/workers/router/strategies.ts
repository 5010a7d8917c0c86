/** How a key finds its node, by strategy. Same arguments, same answer: router and callers decide alike. */
import type { NodePolicy, RouteNode, Strategy } from "../../config/routing.ts";
import { hash64 } from "../../lib/hash.ts";
import { Ring } from "./ring.ts";

/** What only the caller knows at the moment. */
export interface Live {
  /** Load by node, in whatever unit: for `least-loaded`, and for rings with a bound. A node that is missing has none. */
  readonly loads?: ReadonlyMap<string, number> | undefined;
  /** For `round-robin`: how often the caller has asked before. */
  readonly turn?: number | undefined;
}

export interface Choice {
  readonly node: string;
  /** Nodes that the key would have belonged to, were they healthy and not full. */
  readonly passed: readonly string[];
}

export const WHY: Readonly<Record<Strategy, string>> = {
  "consistent-hash": "the first node on the ring from the key's place on",
  hash: "the node at the key's hash, modulo the number of nodes",
  weighted: "the key's share, by weight",
  priority: "the lowest priority that is healthy",
  "round-robin": "the next in turn",
  "least-loaded": "the least load for its weight",
};

/** The key's node among those that are healthy; undefined when none is. */
export function choose(
  policy: NodePolicy,
  key: string,
  healthy: (name: string) => boolean,
  live: Live = {},
): Choice | undefined {
  const nodes: readonly RouteNode[] = policy.nodes;
  switch (policy.strategy) {
    case "consistent-hash":
      return onRing(policy, key, healthy, live.loads);
    case "hash":
      return byHash(nodes, key, healthy);
    case "weighted":
      return best(nodes, healthy, (node) => draw(node, key));
    case "priority":
      return best(
        nodes,
        healthy,
        (node) => node.priority,
        (node) => draw(node, key),
      );
    case "round-robin":
      return inTurn(nodes, healthy, live.turn ?? 0);
    case "least-loaded":
      return best(
        nodes,
        healthy,
        (node) => ((live.loads?.get(node.name) ?? 0) + 1) / node.weight,
        (node) => draw(node, key),
      );
  }
}

/** Rings that were built, for as long as their policy lives. */
const rings = new WeakMap<NodePolicy, Ring>();

type RingPolicy = Extract<NodePolicy, { strategy: "consistent-hash" }>;

function onRing(
  policy: RingPolicy,
  key: string,
  healthy: (name: string) => boolean,
  loads: ReadonlyMap<string, number> | undefined,
): Choice | undefined {
  let ring = rings.get(policy);
  if (ring === undefined) {
    ring = new Ring(policy.nodes, policy.virtual_nodes);
    rings.set(policy, ring);
  }
  const { names } = ring;
  const alive = (node: number): boolean => healthy(names[node] ?? "");
  const full = isFull(policy, healthy, loads);
  let found = ring.find(key, (node) => alive(node) && !full(node));
  // Loads that are no whole numbers can leave no room anywhere; then the bound is nobody's.
  if (found.node < 0) found = ring.find(key, alive);
  const node = names[found.node];
  return node === undefined ? undefined : { node, passed: found.passed.map((each) => names[each] ?? "") };
}

/**
 * Whether one key more would put a node above its bound: `load_factor` times its share of all load, this key included, rounded up.
 * With whole loads some healthy node always has room: the bounds add up to more than there is.
 */
function isFull(
  { nodes, load_factor: factor }: RingPolicy,
  healthy: (name: string) => boolean,
  loads: ReadonlyMap<string, number> | undefined,
): (node: number) => boolean {
  if (factor === undefined || loads === undefined) return () => false;
  const alive = nodes.filter(({ name }) => healthy(name));
  const total = alive.reduce((sum, { name }) => sum + (loads.get(name) ?? 0), 1);
  const weights = alive.reduce((sum, { weight }) => sum + weight, 0);
  return (index) => {
    const node = nodes[index];
    if (node === undefined) return true;
    return (loads.get(node.name) ?? 0) + 1 > Math.ceil((factor * total * node.weight) / weights);
  };
}

/** The keys of a node that is not healthy spread over the others, whose own stay. */
function byHash(nodes: readonly RouteNode[], key: string, healthy: (name: string) => boolean): Choice | undefined {
  const [high, low] = hash64(key);
  const own = nodes[low % nodes.length];
  if (own === undefined || healthy(own.name)) return own && { node: own.name, passed: [] };
  const alive = nodes.filter(({ name }) => healthy(name));
  const other = alive[high % alive.length];
  return other && { node: other.name, passed: [own.name] };
}

function inTurn(nodes: readonly RouteNode[], healthy: (name: string) => boolean, turn: number): Choice | undefined {
  const passed: string[] = [];
  for (let step = 0; step < nodes.length; step += 1) {
    const name = nodes[(turn + step) % nodes.length]?.name ?? "";
    if (healthy(name)) return { node: name, passed };
    passed.push(name);
  }
  return undefined;
}

/** The healthy node for which the measures, the first that differs, are least. */
function best(
  nodes: readonly RouteNode[],
  healthy: (name: string) => boolean,
  ...measures: ((node: RouteNode) => number)[]
): Choice | undefined {
  const before = (a: RouteNode, b: RouteNode): boolean => {
    for (const measure of measures) {
      const difference = measure(a) - measure(b);
      if (difference !== 0) return difference < 0;
    }
    return a.name < b.name;
  };
  let chosen: RouteNode | undefined;
  for (const node of nodes) {
    if (healthy(node.name) && (chosen === undefined || before(node, chosen))) chosen = node;
  }
  if (chosen === undefined) return undefined;
  const winner = chosen;
  const passed = nodes.filter((node) => !healthy(node.name) && before(node, winner)).map(({ name }) => name);
  return { node: winner.name, passed };
}

/**
 * What a node draws for a key; the least wins. Exponentially distributed with the weight as its rate, so each node wins its
 * share by weight, and a weight that grows takes keys from others but moves none between them (weighted rendezvous hashing).
 */
function draw({ name, weight }: RouteNode, key: string): number {
  const [high, low] = hash64(`${name} ${key}`);
  // In (0, 1), with 53 bits.
  const uniform = (high * 2 ** 21 + (low >>> 11) + 0.5) / 2 ** 53;
  return -Math.log(uniform) / weight;
}
