/** Routing as a person looks at it: a decision with its reasons, and the whole table with its health. */
import { KINDS, type Kind, type RouteNode, type Strategy } from "../../config/routing.ts";
import { ok, type Result } from "../../lib/result.ts";
import type { Refusal } from "../../protocol/codes.ts";
import { ejectionOf, isHealthy, nodesOf, resolve, why, type RouteLive, type Table } from "./table.ts";

export interface NodeView {
  readonly name: string;
  readonly weight: number;
  readonly priority: number;
  readonly healthy: boolean;
  /** It was ejected, and its next report decides. */
  readonly on_trial?: true;
  /** ms since the epoch. */
  readonly ejected_until?: number;
}

export interface RouteView {
  readonly kind: Kind;
  readonly key: string;
  readonly node: string;
  readonly epoch: number;
  readonly strategy: Strategy;
  readonly nodes: NodeView[];
  readonly why: string;
}

export interface TableView {
  readonly epoch: number;
  readonly policies: Readonly<Record<Kind, { readonly strategy: Strategy; readonly nodes: NodeView[] }>>;
}

/** Where a key belongs and why. Refuses as `resolve` does. */
export function explain(table: Table, kind: Kind, key: string, live: RouteLive = {}): Result<RouteView, Refusal> {
  const decision = resolve(table, kind, key, live);
  if (!decision.ok) return decision;
  const { node, epoch, strategy } = decision.value;
  const nodes = nodeViews(table, kind, live.relays ?? 1);
  return ok({ kind, key, node, epoch, strategy, nodes, why: why(decision.value) });
}

/** The whole table. Relays stand in no table, so none are shown. */
export function describeTable(table: Table): TableView {
  const policies = KINDS.map((kind) => [
    kind,
    { strategy: table.policies[kind].strategy, nodes: nodeViews(table, kind, 0) },
  ]);
  return { epoch: table.epoch, policies: Object.fromEntries(policies) as TableView["policies"] };
}

function nodeViews(table: Table, kind: Kind, relays: number): NodeView[] {
  const nodes: readonly RouteNode[] =
    kind === "relay"
      ? Array.from({ length: relays }, (_, n) => ({ name: String(n), weight: 1, priority: 0 }))
      : nodesOf(table.policies[kind]);
  return nodes.map(({ name, weight, priority }) => {
    const ejection = ejectionOf(table, kind, name);
    const view = { name, weight, priority, healthy: isHealthy(table, kind, name) };
    if (ejection === undefined) return view;
    return ejection.probing ? { ...view, on_trial: true } : { ...view, ejected_until: ejection.until };
  });
}
