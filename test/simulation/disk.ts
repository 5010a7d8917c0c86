/**
 * An object's storage with the output gate: what was written is lost in a crash until it is confirmed, and what an object
 * sends after a write leaves only with the confirmation. What it sent before, in the same turn, has left.
 */
import type { Sql, Transact } from "../../src/durable-objects/migrate.ts";
import { openSqlite } from "../support/sqlite.ts";
import type { Chance } from "./chance.ts";
import type { Clock } from "./clock.ts";

/** A disk that refuses: the write is undone, the object goes on. */
export class DiskRefused extends Error {}

/** Who wants to know of commits. */
export interface Commits {
  /** Something is written and not confirmed. */
  begun(): void;
  /** It has become durable. */
  done(): void;
}

const READS = /^\s*SELECT/i;

export class Disk {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #sqlite = openSqlite();
  readonly #commits: Commits;
  readonly #gated: boolean;
  /** Outputs that wait for a confirmation. */
  #held: (() => void)[] = [];
  #most = 0;
  #dirty = false;
  /** The confirmation that is awaited; an older one is of the past. */
  #turn = 0;
  /** Writes that are refused while it is true. */
  refuses = false;

  /** `gated: false` is the deliberate fault of an open gate. */
  constructor(clock: Clock, chance: Chance, commits: Commits, gated: boolean) {
    this.#clock = clock;
    this.#chance = chance;
    this.#commits = commits;
    this.#gated = gated;
  }

  /** The most outputs that ever waited. */
  get most(): number {
    return this.#most;
  }

  get dirty(): boolean {
    return this.#dirty;
  }

  readonly sql: Sql = {
    exec: (query, ...bindings) => {
      if (!READS.test(query)) this.wrote();
      return this.#sqlite.sql.exec(query, ...bindings);
    },
  };

  readonly transact: Transact = (work) => {
    if (this.refuses) throw new DiskRefused("the disk refuses");
    this.wrote();
    return this.#sqlite.transact(work);
  };

  /** Something was written: the confirmation is on its way. */
  wrote(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.#sqlite.sql.exec("BEGIN");
    this.#turn += 1;
    const turn = this.#turn;
    this.#commits.begun();
    this.#clock.after(this.#chance.duration(4, 200), () => turn === this.#turn && this.#dirty && this.#confirm());
  }

  /** Lets something out: now, or with the confirmation of what was written before it. */
  out(send: () => void): void {
    if (!this.#dirty || !this.#gated) return send();
    this.#held.push(send);
    this.#most = Math.max(this.#most, this.#held.length);
  }

  /** Everything that was not confirmed is lost. True: there was something. */
  crash(): boolean {
    const lost = this.#dirty;
    if (lost) this.#sqlite.sql.exec("ROLLBACK");
    this.#dirty = false;
    this.#held = [];
    return lost;
  }

  close(): void {
    this.#sqlite.close();
  }

  #confirm(): void {
    this.#sqlite.sql.exec("COMMIT");
    this.#dirty = false;
    this.#commits.done();
    for (const send of this.#held.splice(0)) send();
  }
}
