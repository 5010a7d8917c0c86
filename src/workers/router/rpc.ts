/** What the router and the object behind it answer to: plain data and interfaces. */
import type { Kind } from "../../config/routing.ts";
import type { Result } from "../../lib/result.ts";
import type { Refusal } from "../../protocol/codes.ts";
import type { Decision, RouteLive, Table } from "./table.ts";

/** Methods of the entrypoint `Router`. */
export interface RouterRpc {
  /** The whole table, at most `routing.cache_ms` old; with `beyond`, a newer one than of that epoch if there is any. */
  table(beyond?: number): Promise<Table>;
  /** Where a key belongs. Callers with a table of their own need not ask. */
  resolve(kind: Kind, key: string, live?: RouteLive): Promise<Result<Decision, Refusal>>;
  /** What became of a call to a node. The epoch after it; `invalid_argument` for a node that no policy lists. */
  report(kind: Kind, node: string, ok: boolean): Promise<Result<number, Refusal>>;
}

/** Methods of `RoutingObject`: the one place where the table changes, so that all isolates agree. */
export interface RoutingRpc {
  table(): Promise<Table>;
  report(kind: Kind, node: string, ok: boolean): Promise<Result<Table, Refusal>>;
}

/** The name of the one RoutingObject. */
export const ROUTING_NAME = "table";
