/** Which of a group's relays a user's devices belong to. */
import type { RelayPolicy } from "../../config/routing.ts";
import { hash64 } from "../../lib/hash.ts";
import { Ring } from "./ring.ts";

/** More are not asked for: a group of a million members has five hundred. */
export const MOST_RELAYS = 1000;

/** Points of all rings kept for one policy, a dozen bytes each. */
const KEPT_POINTS = 2 ** 20;

const kept = new WeakMap<RelayPolicy, Map<number, Ring>>();

/** The relay, from 0, of a key among so many. One more relay takes keys from the others and moves none between them. */
export function relayOf(policy: RelayPolicy, key: string, relays: number): number {
  if (!(relays > 1)) return 0;
  if (policy.strategy === "hash") return hash64(key)[1] % relays;
  return ringOf(policy, relays, policy.virtual_nodes).lookup(key);
}

function ringOf(policy: RelayPolicy, relays: number, virtualNodes: number): Ring {
  let rings = kept.get(policy);
  if (rings === undefined) kept.set(policy, (rings = new Map<number, Ring>()));
  let ring = rings.get(relays);
  if (ring !== undefined) return ring;
  const nodes = Array.from({ length: relays }, (_, n) => ({ name: String(n), weight: 1 }));
  ring = new Ring(nodes, virtualNodes);
  rings.set(relays, ring);
  let points = [...rings.values()].reduce((sum, each) => sum + each.points, 0);
  for (const [oldest, each] of rings) {
    if (points <= KEPT_POINTS || oldest === relays) break;
    points -= each.points;
    rings.delete(oldest);
  }
  return ring;
}
