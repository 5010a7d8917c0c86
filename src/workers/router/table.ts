/**
 * The routing table: policies, what is ejected from them, and an epoch. Whoever has the same table decides the same, and two
 * tables of one epoch are equal. Plain data: it crosses RPC and is shared by the requests of an isolate.
 */
import { z } from "zod";
import { KINDS, Policies, type Kind, type NodePolicy, type RouteNode, type Strategy } from "../../config/routing.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { MOST_RELAYS, relayOf } from "./relays.ts";
import { choose, WHY, type Live } from "./strategies.ts";

const Ejection = z.object({
  kind: z.enum(KINDS),
  node: z.string(),
  /** When it is tried again, ms. */
  until: z.number().int(),
  /** Ejections in a row, without a success between them. */
  times: z.number().int().min(1),
  /** It is being tried again: keys go to it, and its next report decides. */
  probing: z.boolean(),
});
export type Ejection = z.infer<typeof Ejection>;

export const Table = z.object({
  /** Grows with every change; 0: the configured table, which no router has published. */
  epoch: z.number().int().min(0),
  policies: Policies,
  ejected: z.array(Ejection),
});
export type Table = z.infer<typeof Table>;

/** Reads a table that came from elsewhere; the error names all that is wrong. */
export function parseTable(value: unknown): Result<Table, string> {
  const parsed = Table.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  return err(parsed.error.issues.map(({ path, message }) => `${path.join(".") || "table"}: ${message}`).join("; "));
}

/** The table of configured policies alone. */
export function configuredTable(policies: Policies): Table {
  return { epoch: 0, policies, ejected: [] };
}

/** What only the caller knows at the moment; `relays` is for `relay`, how many the group has. */
export interface RouteLive extends Live {
  readonly relays?: number | undefined;
}

export interface Decision {
  readonly node: string;
  readonly epoch: number;
  readonly strategy: Strategy;
  /** Nodes that the key would have belonged to, were they healthy and not full. */
  readonly passed: readonly string[];
}

/** The node that a key belongs to. Refuses with `unavailable` when no node is healthy. */
export function resolve(table: Table, kind: Kind, key: string, live: RouteLive = {}): Result<Decision, Refusal> {
  const { epoch } = table;
  if (kind === "relay") {
    const policy = table.policies.relay;
    const relays = live.relays ?? 1;
    if (!Number.isInteger(relays) || relays < 1 || relays > MOST_RELAYS)
      return err(refuse("invalid_argument", `relays: from 1 to ${MOST_RELAYS}`));
    return ok({ node: String(relayOf(policy, key, relays)), epoch, strategy: policy.strategy, passed: [] });
  }
  const policy = table.policies[kind];
  const choice = choose(policy, key, (name) => isHealthy(table, kind, name), live);
  if (choice !== undefined) return ok({ ...choice, epoch, strategy: policy.strategy });
  return err(refuse("unavailable", `no node of ${kind} is healthy`, RETRY_MS));
}

/** When it is worth asking again after no node was healthy. */
const RETRY_MS = 1_000;

/** Whether keys go to a node: it is not ejected, or is being tried again. */
export function isHealthy(table: Table, kind: Kind, node: string): boolean {
  const ejection = ejectionOf(table, kind, node);
  return ejection === undefined || ejection.probing;
}

export function ejectionOf(table: Table, kind: Kind, node: string): Ejection | undefined {
  return table.ejected.find((each) => each.kind === kind && each.node === node);
}

/** Whether a policy lists the node. Relays are listed nowhere, so nobody watches them. */
export function isListed(policies: Policies, kind: Kind, node: string): boolean {
  return kind !== "relay" && nodesOf(policies[kind]).some(({ name }) => name === node);
}

export function nodesOf(policy: NodePolicy): readonly RouteNode[] {
  return policy.nodes;
}

/** The sentence that tells a person why a key went there. */
export function why({ strategy, passed }: Decision): string {
  const rule = WHY[strategy];
  return passed.length === 0 ? rule : `${rule}; passed over ${passed.join(", ")}: ejected or full`;
}
