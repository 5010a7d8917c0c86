/**
 * Where keys belong, for callers of the router: decided here, by a copy of its table. Plain data only, because the requests of an
 * isolate share it: none waits for what another has begun. A router that is down changes nothing: the last good table goes on, and
 * before there was one, the configured policies.
 */
import type { Kind, Routing } from "../config/routing.ts";
import { type Result } from "../lib/result.ts";
import type { Refusal } from "../protocol/codes.ts";
import { relayOf } from "./router/relays.ts";
import { configuredTable, parseTable, resolve, type Decision, type RouteLive, type Table } from "./router/table.ts";

/** After a router that did not answer, ms. */
const RETRY_MS = 1_000;

export interface RoutesWorld {
  now(): number;
  /** The router's table; newer than of an epoch, if one is given. Rejects when there is none to be had. */
  fetchTable(beyond?: number): Promise<unknown>;
  /** Lets work outlive the request that began it. */
  later(work: Promise<void>): void;
  /** The router did not answer, or not with a table. */
  failed(error: unknown): void;
}

export class Routes {
  readonly #refreshMs: number;
  readonly #world: RoutesWorld;
  #table: Table;
  /** When the router is asked the next time in passing. */
  #next = Number.NEGATIVE_INFINITY;
  /** Until then nobody waits for a router that did not answer. */
  #downUntil = Number.NEGATIVE_INFINITY;
  #turn = 0;

  constructor(routing: Routing, world: RoutesWorld) {
    this.#refreshMs = routing.refresh_ms;
    this.#world = world;
    this.#table = configuredTable(routing.policies);
  }

  /** The table as far as it is known here; epoch 0: the configured one. */
  get table(): Table {
    return this.#table;
  }

  /** The node of a key. Asks the router first when it has never answered yet. */
  async node(kind: Kind, key: string, live?: RouteLive): Promise<Result<Decision, Refusal>> {
    if (this.#table.epoch === 0 && this.#world.now() >= this.#downUntil) await this.#fetch();
    return this.local(kind, key, live);
  }

  /** The node of a key by what is known here. */
  local(kind: Kind, key: string, live: RouteLive = {}): Result<Decision, Refusal> {
    this.#freshen();
    this.#turn += 1;
    return resolve(this.#table, kind, key, { turn: this.#turn, ...live });
  }

  /** Which of a group's relays, from 0, the devices of a user belong to. */
  relay(uid: string, relays: number): { readonly node: number; readonly epoch: number } {
    this.#freshen();
    return { node: relayOf(this.#table.policies.relay, uid, relays), epoch: this.#table.epoch };
  }

  /** Whether somebody went by an older table than the one that is known here: they refresh theirs, and come back. */
  isStale(epoch: number): boolean {
    return epoch < this.#table.epoch;
  }

  /** Fetches a newer table than this one, after a callee said `stale_route`. Never rejects. */
  async refresh(): Promise<void> {
    await this.#fetch(this.#table.epoch);
  }

  /** Has the table fetched when it is time, by one request while the others go on by what there is. */
  #freshen(): void {
    const now = this.#world.now();
    if (now < this.#next) return;
    this.#next = now + this.#refreshMs;
    this.#world.later(this.#fetch());
  }

  async #fetch(beyond?: number): Promise<void> {
    try {
      this.#take(await this.#world.fetchTable(beyond));
      this.#next = this.#world.now() + this.#refreshMs;
    } catch (error) {
      this.#downUntil = this.#world.now() + RETRY_MS;
      this.#next = this.#downUntil;
      this.#world.failed(error);
    }
  }

  /** An older table than this one is an answer that was overtaken. */
  #take(answer: unknown): void {
    const table = parseTable(answer);
    if (!table.ok) throw new TypeError(`the router's table is not valid: ${table.error}`);
    if (table.value.epoch > this.#table.epoch) this.#table = table.value;
  }
}
