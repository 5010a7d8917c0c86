/** The SQL of what leaves the log for the store. Synchronous; durable together or not at all. */
import type { Sql, Transact } from "../migrate.ts";

/** An entry that was amended after it went to the store. */
export interface Stale {
  readonly seq: number;
  /** The amendment's own seq: who has written the entry to the store with a log of at least that length has written this. */
  readonly rev: number;
  /** Its text is gone. */
  readonly erased: boolean;
}

/** Entries that leave the log at a time; a power of two. */
export const CHUNK = 512;

/** 512 entries that have left the log. */
export interface Passed {
  /** Countable entries before the first of them. */
  readonly count: number;
  /** A bit for each, from the lowest of the first byte on. */
  readonly countable: Uint8Array;
}

export class ArchiveStore {
  readonly #sql: Sql;
  readonly #transact: Transact;

  constructor(sql: Sql, transact: Transact) {
    this.#sql = sql;
    this.#transact = transact;
  }

  /** The database that this conversation's history goes to, and how often what has left the log was changed there. */
  pin(): { shard: string; generation: number } | undefined {
    return this.#sql.exec<{ shard: string; generation: number }>("SELECT shard, generation FROM pin").toArray()[0];
  }

  /** The oldest entry of the log; undefined when it has none. */
  first(): number | undefined {
    return this.#sql.exec<{ seq: number }>("SELECT seq FROM log ORDER BY seq LIMIT 1").toArray()[0]?.seq;
  }

  /** How far the store had everything when the newest entry was written. */
  archived(): number {
    const [row] = this.#sql.exec<{ archived: number }>("SELECT archived FROM log ORDER BY seq DESC LIMIT 1").toArray();
    return row?.archived ?? 0;
  }

  /** The lowest of those that the store has to be told again. */
  stale(limit: number): Stale[] {
    return this.#sql
      .exec<{ seq: number; rev: number; erased: number }>(
        "SELECT seq, rev, erased FROM stale ORDER BY seq LIMIT ?",
        limit,
      )
      .toArray()
      .map(({ seq, rev, erased }) => ({ seq, rev, erased: erased === 1 }));
  }

  /** Those in a range, both ends included. */
  staleBetween(first: number, last: number): Map<number, Stale> {
    const rows = this.#sql
      .exec<{ seq: number; rev: number; erased: number }>(
        "SELECT seq, rev, erased FROM stale WHERE seq BETWEEN ? AND ?",
        first,
        last,
      )
      .toArray();
    return new Map(rows.map(({ seq, rev, erased }) => [seq, { seq, rev, erased: erased === 1 }]));
  }

  /**
   * The store has these as they were when the log ended at `rev`. What was amended since stays. What amendments have made of entries below
   * `first`, which have left the log, is kept: who read the store before this write is told (`confirm`).
   */
  fresh(seqs: readonly number[], rev: number, first: number): void {
    if (seqs.length === 0) return;
    this.#transact(() => {
      for (const seq of seqs) this.#sql.exec("DELETE FROM stale WHERE seq = ? AND rev <= ?", seq, rev);
      if (seqs.some((seq) => seq < first)) this.#sql.exec("UPDATE pin SET generation = generation + 1");
    });
  }

  /** The oldest `CHUNK` entries, up to `last`, leave the log. */
  drop(last: number, passed: Passed): void {
    this.#transact(() => {
      this.#sql.exec(
        "INSERT INTO passed (chunk, count, countable) VALUES (?, ?, ?)",
        last / CHUNK - 1,
        passed.count,
        passed.countable,
      );
      // Not those before, which were amended after they had left.
      this.#sql.exec("DELETE FROM amended WHERE seq BETWEEN ? AND ?", last - CHUNK + 1, last);
      this.#sql.exec("DELETE FROM log WHERE seq <= ?", last);
    });
  }

  /** The countable position of an entry that has left the log. */
  count(seq: number): number | undefined {
    const [row] = this.#sql
      .exec<{ count: number; countable: ArrayBuffer }>(
        "SELECT count, countable FROM passed WHERE chunk = ?",
        Math.floor((seq - 1) / CHUNK),
      )
      .toArray();
    if (row === undefined) return undefined;
    const bits = new Uint8Array(row.countable);
    let count = row.count;
    for (let i = 0; i <= (seq - 1) % CHUNK; i += 1) count += ((bits[i >> 3] ?? 0) >> (i & 7)) & 1;
    return count;
  }
}
