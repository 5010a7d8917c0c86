/** All SQL of a conversation. Synchronous; what one transaction writes is durable together or not at all. */
import type { ConversationKind, Uid } from "../../protocol/ids.ts";
import { migrate, migrated, type Sql, type Transact } from "../migrate.ts";
import type { Amended } from "../message-json.ts";
import type { Entry, Position } from "../rpc.ts";
import { ArchiveStore, type Stale } from "./archive-store.ts";
import { ContactStore } from "./contact-store.ts";
import { CONVERSATION_SCHEMA, GROUP_SCHEMA } from "./conversation-schema.ts";
import { GroupStore } from "./group-store.ts";

/** An entry with what only the log knows of it. */
export interface LogRow extends Entry {
  readonly device: string;
  readonly hash: string;
}

export interface MemberRow {
  readonly uid: Uid;
  /** Entries up to here are not this member's (SEC1). */
  readonly joinedSeq: number;
  readonly takenSeq: number;
  /** In a direct chat: this member takes nothing from the other. */
  readonly blocks: boolean;
  /** The account is deleted. */
  readonly gone: boolean;
}

/** All that one batch of drafts changes. */
export interface Writes {
  readonly rows: readonly LogRow[];
  readonly amended: ReadonlyMap<number, Amended>;
  /** Entries whose text is erased. */
  readonly erased: readonly number[];
  readonly qos2: readonly { sender: Uid; id: string; seq: number; hash: string }[];
  /** Entries that the store may have and that are no longer as it has them. */
  readonly stale?: readonly Stale[] | undefined;
  /** Cursors that fell far behind, written along. */
  readonly taken: readonly { uid: Uid; seq: number }[];
  /** What else belongs to the same commit. */
  readonly also?: (() => void) | undefined;
}

type RawRow = {
  seq: number;
  id: string;
  sender: string;
  device: string;
  ts: number;
  kind: string;
  priority: number;
  count: number;
  hash: string;
  body: string;
  extra: string;
};

const COLUMNS = "seq, id, sender, device, ts, kind, priority, count, hash, body, extra";

/** Ids read at a time. */
const IDS = 4096;

/** What a member's `blocks` says beside 0. */
const BLOCKS = 1;
const GONE = 2;

export class ConversationStore {
  readonly #sql: Sql;
  readonly #transact: Transact;
  readonly #isGroup: boolean;
  /** What leaves the log for the store. */
  readonly archive: ArchiveStore;
  /** How far the store has everything; written with every entry. */
  archived = 0;
  /** It has tables. Without them it has no members, so nobody gets further than to its `members` and `last`. */
  #made: boolean;

  constructor(sql: Sql, transact: Transact, kind: ConversationKind = "direct") {
    this.#sql = sql;
    this.#transact = transact;
    this.#isGroup = kind === "group";
    this.archive = new ArchiveStore(sql, transact);
    // Anybody may ask about a conversation that never was; being asked leaves nothing on the disk.
    this.#made = migrated(sql);
    if (this.#made) this.#make();
    if (this.#made) this.archived = this.archive.archived();
  }

  /** Whether there are tables. */
  get made(): boolean {
    return this.#made;
  }

  /** Whether there is a group behind this, and what only groups keep. */
  group(): GroupStore | undefined {
    return this.#made && this.#isGroup ? new GroupStore(this.#sql) : undefined;
  }

  /** What its two users are to each other, which may be so without a chat. */
  contacts(): ContactStore {
    return new ContactStore(this.#sql, this.#transact);
  }

  /** Makes the tables of a group. */
  makeGroup(shard: string): GroupStore {
    this.#make();
    this.#pin(shard);
    return new GroupStore(this.#sql);
  }

  /** The newest entry. */
  last(): LogRow | undefined {
    if (!this.#made) return undefined;
    const [row] = this.#sql.exec<RawRow>(`SELECT ${COLUMNS} FROM log ORDER BY seq DESC LIMIT 1`).toArray();
    return row && toEntry(row);
  }

  row(seq: number): LogRow | undefined {
    const [row] = this.#sql.exec<RawRow>(`SELECT ${COLUMNS} FROM log WHERE seq = ?`, seq).toArray();
    return row && toEntry(row);
  }

  /** Entries with `after < seq < before`, ascending, the oldest `limit` of them. */
  range(after: number, before: number, limit: number): LogRow[] {
    return this.#sql
      .exec<RawRow>(`SELECT ${COLUMNS} FROM log WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?`, after, before, limit)
      .toArray()
      .map(toEntry);
  }

  /** A sender's newest countable entry with `after < seq < before`. Reads what lies between: for members far behind. */
  newestBy(sender: Uid, after: number, before: number): Position | undefined {
    return this.#sql
      .exec<{ seq: number; count: number }>(
        `SELECT seq, count FROM log WHERE seq > ? AND seq < ? AND sender = ? AND kind NOT IN ('amend', 'system')
         ORDER BY seq DESC LIMIT 1`,
        after,
        before,
        sender,
      )
      .toArray()[0];
  }

  /** Sender, id and seq of every entry from `seq` on; a few at a time, because a busy window has more than fit memory. */
  *ids(from: number): Iterable<{ seq: number; sender: string; id: string }> {
    for (let next = from; ;) {
      const rows = this.#sql
        .exec<{ seq: number; sender: string; id: string }>(
          "SELECT seq, sender, id FROM log WHERE seq >= ? ORDER BY seq LIMIT ?",
          next,
          IDS,
        )
        .toArray();
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < IDS) return;
      next = last.seq + 1;
    }
  }

  /** The first seq whose time is at or after `ts`; head + 1 when none is. Times never fall along the log. */
  firstSince(ts: number, head: number): number {
    let low = 1;
    let high = head + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.row(middle)?.ts ?? 0) < ts) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  members(): MemberRow[] {
    if (!this.#made) return [];
    return this.#sql
      .exec<{ uid: string; joined_seq: number; taken_seq: number; blocks: number }>(
        "SELECT uid, joined_seq, taken_seq, blocks FROM member ORDER BY uid",
      )
      .toArray()
      .map((row) => ({
        uid: row.uid as Uid,
        joinedSeq: row.joined_seq,
        takenSeq: row.taken_seq,
        blocks: row.blocks === BLOCKS,
        gone: row.blocks === GONE,
      }));
  }

  /** Makes the conversation: until now it had no tables. */
  createMembers(uids: readonly Uid[], shard: string): void {
    this.#make();
    this.#transact(() => {
      this.#pin(shard);
      for (const uid of uids) {
        this.#sql.exec("INSERT INTO member (uid, joined_seq, taken_seq, blocks) VALUES (?, 0, 0, 0)", uid);
      }
    });
  }

  setBlocks(uid: Uid, on: boolean): void {
    this.#sql.exec("UPDATE member SET blocks = ? WHERE uid = ?", on ? BLOCKS : 0, uid);
  }

  setGone(uid: Uid): void {
    this.#sql.exec("UPDATE member SET blocks = ? WHERE uid = ?", GONE, uid);
  }

  amended(seq: number): Amended | undefined {
    const [row] = this.#sql.exec<{ state: string }>("SELECT state FROM amended WHERE seq = ?", seq).toArray();
    return row && (JSON.parse(row.state) as Amended);
  }

  /** What was amended in a range of seqs, both ends included. */
  amendedBetween(first: number, last: number): Map<number, Amended> {
    const rows = this.#sql
      .exec<{ seq: number; state: string }>("SELECT seq, state FROM amended WHERE seq BETWEEN ? AND ?", first, last)
      .toArray();
    return new Map(rows.map((row) => [row.seq, JSON.parse(row.state) as Amended]));
  }

  qos2(sender: Uid, id: string): { seq: number; hash: string } | undefined {
    return this.#sql
      .exec<{ seq: number; hash: string }>("SELECT seq, hash FROM qos2 WHERE sender = ? AND id = ?", sender, id)
      .toArray()[0];
  }

  release(sender: Uid, ids: readonly string[]): void {
    this.#transact(() => {
      for (const id of ids) this.#sql.exec("DELETE FROM qos2 WHERE sender = ? AND id = ?", sender, id);
    });
  }

  saveTaken(taken: readonly { uid: Uid; seq: number }[]): void {
    const table = this.#isGroup ? "group_member" : "member";
    for (const { uid, seq } of taken) this.#sql.exec(`UPDATE ${table} SET taken_seq = ? WHERE uid = ?`, seq, uid);
  }

  /** One commit for one batch. */
  write(writes: Writes): void {
    const { rows, erased, amended, qos2, taken, also, stale = [] } = writes;
    const [row] = rows;
    // A statement is atomic by itself; a transaction around it would cost as much again.
    const alone = rows.length === 1 && erased.length + amended.size + qos2.length + taken.length + stale.length === 0;
    if (alone && row !== undefined && also === undefined) return this.#insert(row);
    this.#transact(() => {
      for (const each of rows) this.#insert(each);
      for (const seq of writes.erased) this.#sql.exec("UPDATE log SET body = '' WHERE seq = ?", seq);
      for (const [seq, state] of writes.amended) {
        this.#sql.exec(
          "INSERT INTO amended (seq, state) VALUES (?, ?) ON CONFLICT (seq) DO UPDATE SET state = excluded.state",
          seq,
          JSON.stringify(state),
        );
      }
      for (const { seq, rev, erased: gone } of stale) {
        this.#sql.exec(
          `INSERT INTO stale (seq, rev, erased) VALUES (?, ?, ?)
           ON CONFLICT (seq) DO UPDATE SET rev = excluded.rev, erased = MAX(erased, excluded.erased)`,
          seq,
          rev,
          gone ? 1 : 0,
        );
      }
      for (const { sender, id, seq, hash } of writes.qos2) {
        this.#sql.exec("INSERT INTO qos2 (sender, id, seq, hash) VALUES (?, ?, ?, ?)", sender, id, seq, hash);
      }
      this.saveTaken(writes.taken);
      also?.();
    });
  }

  #make(): void {
    migrate(this.#sql, this.#transact, CONVERSATION_SCHEMA);
    if (this.#isGroup) migrate(this.#sql, this.#transact, GROUP_SCHEMA, "group_step");
    this.#made = true;
  }

  #pin(shard: string): void {
    this.#sql.exec("INSERT INTO pin (id, shard) VALUES (0, ?) ON CONFLICT DO NOTHING", shard);
  }

  #insert(row: LogRow): void {
    this.#sql.exec(
      `INSERT INTO log (${COLUMNS}, archived) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.seq,
      row.id,
      row.from,
      row.device,
      row.ts,
      row.kind,
      row.priority,
      row.count,
      row.hash,
      row.body,
      extraOf(row),
      this.archived,
    );
  }
}

type Extra = Pick<Entry, "reply_to" | "mentions" | "target" | "op">;

function extraOf(row: LogRow): string {
  const { reply_to, mentions, target, op } = row;
  if (reply_to === undefined && mentions === undefined && target === undefined && op === undefined) return "";
  return JSON.stringify({ reply_to, mentions, target, op });
}

function toEntry(row: RawRow): LogRow {
  const extra = row.extra === "" ? {} : (JSON.parse(row.extra) as Extra);
  return {
    seq: row.seq,
    id: row.id,
    from: row.sender as Uid,
    device: row.device,
    ts: row.ts,
    kind: row.kind as Entry["kind"],
    priority: row.priority,
    count: row.count,
    hash: row.hash,
    body: row.body,
    ...extra,
  };
}
