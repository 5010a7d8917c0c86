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
  readonly ts: number;
  readonly priority: number;
  readonly reply_to: number | undefined;
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
  ts: number;
  priority: number;
  extra: string;
}

interface Log {
  readonly entries: Durable[];
  readonly ids: Set<string>;
  /** What was said about an entry later, by its seq. */
  readonly amendments: Map<number, Durable[]>;
}

export class Ledger {
  readonly #logs = new Map<Cid, Log>();
  readonly #stats: Stats;

  constructor(stats: Stats) {
    this.#stats = stats;
  }

  get cids(): Cid[] {
    return [...this.#logs].filter(([, { entries }]) => entries.length > 0).map(([cid]) => cid);
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
    const { entries, ids, amendments } = this.#log(cid);
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
      if (entry.target !== undefined) amendments.set(entry.target, [...(amendments.get(entry.target) ?? []), entry]);
      this.#stats.count(
        entry.kind === "amend" ? "amendments" : entry.kind === "system" ? "system entries" : "messages",
      );
    }
  }

  /** The log on disk is what was ever durable, but for texts that were erased; and for what has left it, from its beginning on. */
  compare(cid: Cid, sql: Sql): void {
    const { entries } = this.#log(cid);
    const rows = rowsAfter(sql, 0);
    const left = entries.length === 0 ? 0 : (rows[0]?.seq ?? 0) - 1;
    if (rows.length !== entries.length - left)
      throw new Violation("ORD1", `${cid}: ${rows.length} rows, ${entries.length - left} were durable`);
    for (const [i, row] of rows.entries()) {
      const durable = entries[left + i] as Durable;
      const same = JSON.stringify({ ...row, body: "" }) === JSON.stringify({ ...durable, body: "" });
      if (!same || (row.body !== durable.body && row.body !== ""))
        throw new Violation("ORD1", `${cid}/${row.seq} changed`);
    }
  }

  /** What everybody must end up seeing: the log with its amendments. */
  view(cid: Cid): Shown[] {
    const { entries } = this.#log(cid);
    return entries.map((entry) => this.shown(cid, entry, entries.length));
  }

  /** An entry with the amendments up to a seq. */
  shown(cid: Cid, entry: Durable, upTo: number): Shown {
    const { seq, id, from, kind } = entry;
    const reactions = new Set<string>();
    let [body, edited] = [kind === "amend" ? "" : entry.body, 0];
    for (const { seq: at, from: by, op, body: news } of this.amendments(cid, seq)) {
      if (at > upTo) break;
      if (op === "recall") return { seq, id, from, kind, body: "", edited: 0, recalled: true, reactions: new Set() };
      if (op === "edit") [body, edited] = [news, at];
      else if (op === "react") reactions.add(`${emojiOf(news)} ${by}`);
      else if (op === "unreact") reactions.delete(`${emojiOf(news)} ${by}`);
    }
    return { seq, id, from, kind, body, edited, recalled: false, reactions };
  }

  /** What was said about an entry, in order. */
  amendments(cid: Cid, seq: number): readonly Durable[] {
    return this.#log(cid).amendments.get(seq) ?? [];
  }

  #log(cid: Cid): Log {
    let log = this.#logs.get(cid);
    if (log === undefined) {
      log = { entries: [], ids: new Set(), amendments: new Map() };
      this.#logs.set(cid, log);
    }
    return log;
  }
}

function rowsAfter(sql: Sql, seq: number): Durable[] {
  const query = "SELECT seq, id, sender, kind, body, count, ts, priority, extra FROM log WHERE seq > ? ORDER BY seq";
  return sql
    .exec<Row>(query, seq)
    .toArray()
    .map(({ sender, extra, ...row }) => {
      const { reply_to, target, op } = (extra === "" ? {} : JSON.parse(extra)) as Partial<Durable>;
      return { ...row, from: sender, reply_to, target, op };
    });
}

function countable(kind: string): boolean {
  return kind !== "amend" && kind !== "system";
}

function emojiOf(body: string): string {
  return (JSON.parse(body) as { emoji: string }).emoji;
}
