/** The router's entrypoint: a stateless front of the routing object, reached by the binding ROUTER. */
import { WorkerEntrypoint } from "cloudflare:workers";
import type { Kind } from "../../config/routing.ts";
import { ok, type Result } from "../../lib/result.ts";
import { describe, log } from "../../observability/log.ts";
import type { Refusal } from "../../protocol/codes.ts";
import { services, type Env } from "../env.ts";
import { ROUTING_NAME, type RouterRpc, type RoutingRpc } from "./rpc.ts";
import { ejectionOf, resolve, type Decision, type RouteLive, type Table } from "./table.ts";

/** What an isolate keeps: plain data, shared by its requests. */
interface Kept {
  table: Table | undefined;
  /** When it was fetched, ms. */
  at: number;
  turn: number;
}

const kept = new WeakMap<Env, Kept>();

export class Router extends WorkerEntrypoint<Env> implements RouterRpc {
  async table(beyond = -1): Promise<Table> {
    const mine = this.#kept();
    const fresh = Date.now() - mine.at < services(this.env).config.routing.cache_ms;
    if (mine.table !== undefined && fresh && mine.table.epoch > beyond) return mine.table;
    try {
      return this.#keep(await this.#object().table());
    } catch (error) {
      if (mine.table === undefined) throw error;
      // The last good table goes on.
      log("error", "the routing object does not answer", describe(error));
      mine.at = Date.now();
      return mine.table;
    }
  }

  async resolve(kind: Kind, key: string, live: RouteLive = {}): Promise<Result<Decision, Refusal>> {
    const mine = this.#kept();
    const table = await this.table();
    mine.turn += 1;
    return resolve(table, kind, key, { turn: mine.turn, ...live });
  }

  async report(kind: Kind, node: string, good: boolean): Promise<Result<number, Refusal>> {
    const { table } = this.#kept();
    // That a healthy node is well is no news, and by far the most frequent report.
    if (good && table !== undefined && ejectionOf(table, kind, node) === undefined) return ok(table.epoch);
    const answer = await this.#object().report(kind, node, good);
    return answer.ok ? ok(this.#keep(answer.value).epoch) : answer;
  }

  #kept(): Kept {
    let mine = kept.get(this.env);
    if (mine === undefined) kept.set(this.env, (mine = { table: undefined, at: Number.NEGATIVE_INFINITY, turn: 0 }));
    return mine;
  }

  /** Answers may overtake each other: the newest table stays. */
  #keep(table: Table): Table {
    const mine = this.#kept();
    if (mine.table === undefined || table.epoch > mine.table.epoch) mine.table = table;
    mine.at = Date.now();
    return mine.table;
  }

  /** A fresh stub: one that threw is broken. */
  #object(): RoutingRpc {
    const stub: unknown = this.env.ROUTING.getByName(ROUTING_NAME);
    return stub as RoutingRpc;
  }
}
