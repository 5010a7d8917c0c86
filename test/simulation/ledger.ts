/**
 * What is known to be durable in each conversation's log: taken from the disk at every commit, and compared with it ever
 * after (ORD1, DUP1). All other checks look here and not at what objects believe.
 */
import type { Sql } from "../../src/durable-objects/migrate.ts";
import type { Cid } from "../../src/protocol/ids.ts";
import type { Shown } from "./shown.ts";
import type { Stats } from "./stats.ts";
import { Violation } from "./violation.ts";

export interface Durable {
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  readonly kind: string;
  /** JSON text as it was when it became durable. */
  readonly body: string;
  readonly count: number;
  readonly target: number | undefined;
  readonly op: string | undefined;
}

interface Row extends Record<string, SqlStorageValue> {
  seq: number;
  id: string;
  sender: string;
  kind: string;
  body: string;
  count: number;
  extra: string;
}

interface Log {
  readonly entries: Durable[];
  readonly ids: Set<string>;
}

export class Ledger {
  readonly #logs = new Map<Cid, Log>();
  readonly #stats: Stats;

  constructor(stats: Stats) {
    this.#stats = stats;
  }

  get cids(): Cid[] {
    return [...this.#logs.keys()];
  }

  head(cid: Cid): number {
    return this.#log(cid).entries.length;
  }

  entry(cid: Cid, seq: number): Durable | undefined {
    return this.#log(cid).entries[seq - 1];
  }

  has(cid: Cid, from: string, id: string): boolean {
    return this.#log(cid).ids.has(`${from} ${id}`);
  }

  entries(cid: Cid): readonly Durable[] {
    return this.#log(cid).entries;
  }

  /** Countable entries by others than `uid` with read < seq ≤ head (UNR1). */
  unread(cid: Cid, uid: string, read: number, head: number): number {
    return this.#log(cid)
      .entries.slice(read, head)
      .filter((entry) => entry.from !== uid && countable(entry.kind)).length;
  }

  /** A conversation committed something. */
  committed(cid: Cid, sql: Sql): void {
    const { entries, ids } = this.#log(cid);
    for (const entry of rowsAfter(sql, entries.length)) {
      const before = entries.at(-1);
      if (entry.seq !== entries.length + 1)
        throw new Violation("ORD1", `${cid}: ${entry.seq} follows ${entries.length}`);
      const key = `${entry.from} ${entry.id}`;
      if (ids.has(key)) throw new Violation("DUP1", `${cid}: ${key} stands in the log twice`);
      const count = (before?.count ?? 0) + (countable(entry.kind) ? 1 : 0);
      if (entry.count !== count)
        throw new Violation("UNR1", `${cid}/${entry.seq}: position ${entry.count}, not ${count}`);
      ids.add(key);
      entries.push(entry);
      this.#stats.count(
        entry.kind === "amend" ? "amendments" : entry.kind === "system" ? "system entries" : "messages",
      );
    }
  }

  /** The log on disk is what was ever durable, but for texts that were erased. */
  compare(cid: Cid, sql: Sql): void {
    const { entries } = this.#log(cid);
    const rows = rowsAfter(sql, 0);
    if (rows.length !== entries.length)
      throw new Violation("ORD1", `${cid}: ${rows.length} rows, ${entries.length} were durable`);
    for (const [i, row] of rows.entries()) {
      const durable = entries[i] as Durable;
      const same = JSON.stringify({ ...row, body: "" }) === JSON.stringify({ ...durable, body: "" });
      if (!same || (row.body !== durable.body && row.body !== ""))
        throw new Violation("ORD1", `${cid}/${row.seq} changed`);
    }
  }

  /** What everybody must end up seeing: the log with its amendments. */
  view(cid: Cid): Shown[] {
    const shown: Shown[] = [];
    for (const { seq, id, from, kind, body, target, op } of this.#log(cid).entries) {
      shown.push({
        seq,
        id,
        from,
        kind,
        body: kind === "amend" ? "" : body,
        edited: 0,
        recalled: false,
        reactions: new Set(),
      });
      const at = target === undefined ? undefined : shown[target - 1];
      if (at === undefined || at.recalled) continue;
      if (op === "recall") shown[at.seq - 1] = { ...at, body: "", edited: 0, recalled: true, reactions: new Set() };
      else if (op === "edit") shown[at.seq - 1] = { ...at, body, edited: seq };
      else if (op === "react" || op === "unreact") {
        const reaction = `${emojiOf(body)} ${from}`;
        if (op === "react") at.reactions.add(reaction);
        else at.reactions.delete(reaction);
      }
    }
    return shown;
  }

  #log(cid: Cid): Log {
    let log = this.#logs.get(cid);
    if (log === undefined) {
      log = { entries: [], ids: new Set() };
      this.#logs.set(cid, log);
    }
    return log;
  }
}

function rowsAfter(sql: Sql, seq: number): Durable[] {
  const query = "SELECT seq, id, sender, kind, body, count, extra FROM log WHERE seq > ? ORDER BY seq";
  return sql
    .exec<Row>(query, seq)
    .toArray()
    .map(({ sender, extra, ...row }) => {
      const { target, op } = (extra === "" ? {} : JSON.parse(extra)) as { target?: number; op?: string };
      return { ...row, from: sender, target, op };
    });
}

function countable(kind: string): boolean {
  return kind !== "amend" && kind !== "system";
}

function emojiOf(body: string): string {
  return (JSON.parse(body) as { emoji: string }).emoji;
}
