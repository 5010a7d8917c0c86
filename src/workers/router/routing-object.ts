/**
 * The shell of the one object that keeps the routing table: epoch and ejections are durable here, so all isolates agree on them.
 * Decisions are in health.ts. A row is written when the table changes, and at no other time.
 */
import { DurableObject } from "cloudflare:workers";
import type { Kind } from "../../config/routing.ts";
import { ok, type Result } from "../../lib/result.ts";
import { describe, log } from "../../observability/log.ts";
import type { Refusal } from "../../protocol/codes.ts";
import { counted, freshCost } from "../../durable-objects/cost.ts";
import { services, type Env } from "../env.ts";
import { configured, due, Failures, reported } from "./health.ts";
import type { RoutingRpc } from "./rpc.ts";
import { RoutingStore } from "./routing-store.ts";
import type { Table } from "./table.ts";

export class RoutingObject extends DurableObject<Env> implements RoutingRpc {
  /** What this object has cost since it woke. */
  readonly cost = freshCost();
  readonly #store: RoutingStore;
  readonly #failures = new Failures();
  #table: Table;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new RoutingStore(counted(ctx.storage.sql, this.cost), (work) =>
      ctx.storage.transactionSync(work as () => never),
    );
    const { config, problems } = services(env);
    const stored = this.#store.load();
    // A configuration that cannot be read changes no table: what it would be replaced by are the defaults.
    this.#table =
      stored !== undefined && problems.length > 0 ? stored : configured(stored, config.routing.policies, Date.now());
    if (this.#table !== stored) this.#store.save(this.#table);
  }

  async table(): Promise<Table> {
    this.cost.requests += 1;
    this.#become(due(this.#table, Date.now()));
    return this.#table;
  }

  async report(kind: Kind, node: string, good: boolean): Promise<Result<Table, Refusal>> {
    this.cost.requests += 1;
    const now = Date.now();
    this.#become(due(this.#table, now));
    const { routing } = services(this.env).config;
    const next = reported(this.#table, this.#failures, { kind, node, ok: good }, routing, now);
    if (!next.ok) return next;
    this.#become(next.value);
    return ok(this.#table);
  }

  /** A table that the disk refuses does not come to be; the one there is goes on. */
  #become(table: Table): void {
    if (table === this.#table) return;
    try {
      this.#store.save(table);
    } catch (error) {
      log("error", "the routing table cannot be written", describe(error));
      return;
    }
    this.#table = table;
    const out = table.ejected.map(({ kind, node, probing }) => `${kind}/${node}${probing ? " (on trial)" : ""}`);
    log("warn", "the routing table changed", { epoch: table.epoch, ejected: out.join(", ") });
  }
}
