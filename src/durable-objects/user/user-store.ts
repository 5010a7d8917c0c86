/** All SQL of a user's object. Synchronous. */
import type { Cid, Uid } from "../../protocol/ids.ts";
import type { Mode } from "../group-rpc.ts";
import { migrate, type Sql, type Transact } from "../migrate.ts";
import type { Entry } from "../rpc.ts";
import { DeviceStore } from "./device-store.ts";
import { USER_SCHEMA } from "./user-schema.ts";

/** The newest message of a conversation, as a list of conversations shows it. */
export interface Last {
  readonly entry: Entry;
  readonly edited?: { readonly seq: number; readonly ts: number };
  readonly truncated?: true;
}

/** The user's part in a group. */
export interface InGroup {
  readonly mode: Mode;
  readonly relays: number;
  /** The first entry that is this user's to see. */
  readonly first: number;
  /** The entry that ended the membership; 0 = a member. */
  readonly left: number;
  /** The head of the group when it said so; undefined in rows from before this was kept. */
  readonly at?: number | undefined;
}

/** How far a conversation has got, how far this user has read, how far the other of a direct chat has. */
export interface HeadRow {
  readonly cid: Cid;
  readonly head: number;
  /** Countable entries up to `head`, and up to `read`. */
  readonly count: number;
  readonly read: number;
  readonly readCount: number;
  /** At least one of this user's devices has everything up to here. */
  readonly delivered: number;
  readonly peerDelivered: number;
  readonly peerRead: number;
  readonly version: number;
  readonly muted: boolean;
  readonly pinned: boolean;
  /** Of the peer, or of the group; "" = not known yet. */
  readonly name: string;
  readonly membership: InGroup | undefined;
  readonly last: Last | undefined;
}

type RawHead = {
  cid: string;
  head: number;
  count: number;
  read: number;
  read_count: number;
  delivered: number;
  peer_delivered: number;
  peer_read: number;
  version: number;
  muted: number;
  pinned: number;
  peer_name: string;
  last: string;
  membership: string;
};

const COLUMNS =
  "cid, head, count, read, read_count, delivered, peer_delivered, peer_read, version, muted, pinned, peer_name, last, " +
  "membership";

/** What an account consists of here: all tables of the schema. */
export const TABLES = ["head", "device", "block", "watcher", "qos2", "setting", "ended_login"];

export class UserStore {
  readonly devices: DeviceStore;
  readonly #sql: Sql;
  readonly #transact: Transact;
  /** The account is deleted: nothing is written any more. */
  #sealed = false;

  constructor(sql: Sql, transact: Transact) {
    this.#sql = sql;
    this.#transact = transact;
    migrate(sql, transact, USER_SCHEMA);
    this.devices = new DeviceStore(sql, transact);
  }

  head(cid: Cid): HeadRow | undefined {
    const [row] = this.#sql.exec<RawHead>(`SELECT ${COLUMNS} FROM head WHERE cid = ?`, cid).toArray();
    return row && toHead(row);
  }

  /** Heads changed after a version, in the order of their changes. */
  headsSince(version: number): HeadRow[] {
    return this.#sql
      .exec<RawHead>(`SELECT ${COLUMNS} FROM head WHERE version > ? ORDER BY version`, version)
      .toArray()
      .map(toHead);
  }

  /** Direct chats and groups behind one, in the order of their ids; the system conversation, `s.`, is the last of all. */
  chats(after: string, limit: number): Cid[] {
    return this.#sql
      .exec<{ cid: string }>("SELECT cid FROM head WHERE cid > ? AND cid < 's.' ORDER BY cid LIMIT ?", after, limit)
      .toArray()
      .map((row) => row.cid as Cid);
  }

  /** Deletes everything, and keeps one setting. */
  wipe(key: string, value: string): void {
    this.#transact(() => {
      for (const table of TABLES) this.#sql.exec(`DELETE FROM ${table}`);
      this.setSetting(key, value);
    });
    this.seal();
  }

  /** From now on heads are not written: what comes late is of the past. */
  seal(): void {
    this.#sealed = true;
  }

  lastVersion(): number {
    const [row] = this.#sql.exec<{ v: number | null }>("SELECT max(version) AS v FROM head").toArray();
    return row?.v ?? 0;
  }

  /** Writes heads, and the ids of QoS 2 messages with their conversations, as one commit. */
  write(heads: readonly HeadRow[], qos2: readonly { id: string; cid: Cid }[]): void {
    if (this.#sealed) return;
    this.#transact(() => {
      for (const head of heads) {
        this.#sql.exec(
          `INSERT INTO head (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (cid) DO UPDATE SET head = excluded.head, count = excluded.count, read = excluded.read,
             read_count = excluded.read_count, delivered = excluded.delivered,
             peer_delivered = excluded.peer_delivered, peer_read = excluded.peer_read, version = excluded.version,
             muted = excluded.muted, pinned = excluded.pinned, peer_name = excluded.peer_name, last = excluded.last,
             membership = excluded.membership`,
          head.cid,
          head.head,
          head.count,
          head.read,
          head.readCount,
          head.delivered,
          head.peerDelivered,
          head.peerRead,
          head.version,
          head.muted ? 1 : 0,
          head.pinned ? 1 : 0,
          head.name,
          head.last === undefined ? "" : JSON.stringify(head.last),
          head.membership === undefined ? "" : JSON.stringify(head.membership),
        );
      }
      for (const { id, cid } of qos2) {
        this.#sql.exec(
          "INSERT INTO qos2 (id, cid) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET cid = excluded.cid",
          id,
          cid,
        );
      }
    });
  }

  /** The conversation that a QoS 2 id was sent to. */
  qos2(id: string): Cid | undefined {
    const [row] = this.#sql.exec<{ cid: string }>("SELECT cid FROM qos2 WHERE id = ?", id).toArray();
    return row?.cid as Cid | undefined;
  }

  forgetQos2(ids: readonly string[]): void {
    this.#transact(() => {
      for (const id of ids) this.#sql.exec("DELETE FROM qos2 WHERE id = ?", id);
    });
  }

  blocks(): Uid[] {
    return this.#sql
      .exec<{ uid: string }>("SELECT uid FROM block WHERE on_since > 0 ORDER BY uid")
      .toArray()
      .map((row) => row.uid as Uid);
  }

  isBlocked(uid: Uid): boolean {
    return this.#sql.exec("SELECT 1 AS x FROM block WHERE uid = ? AND on_since > 0", uid).toArray().length > 0;
  }

  /** Notes a block or its end; the conversation has not been told yet. False: it was so already. */
  setBlock(uid: Uid, on: boolean, now: number): boolean {
    if (this.isBlocked(uid) === on) return false;
    this.#sql.exec(
      `INSERT INTO block (uid, on_since, told) VALUES (?, ?, 0)
       ON CONFLICT (uid) DO UPDATE SET on_since = excluded.on_since, told = 0`,
      uid,
      on ? now : 0,
    );
    return true;
  }

  /** Blocks, and ends of blocks, that the conversation does not know yet. */
  untoldBlocks(): { uid: Uid; on: boolean }[] {
    return this.#sql
      .exec<{ uid: string; on_since: number }>("SELECT uid, on_since FROM block WHERE told = 0")
      .toArray()
      .map((row) => ({ uid: row.uid as Uid, on: row.on_since > 0 }));
  }

  /** The conversation knows; only if the block is still as it was told. */
  blockTold(uid: Uid, on: boolean): void {
    if (this.isBlocked(uid) !== on) return;
    if (on) this.#sql.exec("UPDATE block SET told = 1 WHERE uid = ?", uid);
    else this.#sql.exec("DELETE FROM block WHERE uid = ?", uid);
  }

  watchers(): Uid[] {
    return this.#sql
      .exec<{ uid: string }>("SELECT uid FROM watcher")
      .toArray()
      .map((row) => row.uid as Uid);
  }

  setWatcher(uid: Uid, on: boolean): void {
    if (on) this.#sql.exec("INSERT INTO watcher (uid) VALUES (?) ON CONFLICT DO NOTHING", uid);
    else this.#sql.exec("DELETE FROM watcher WHERE uid = ?", uid);
  }

  /** Remembers that a login has ended; forgets those that ended before `since`. */
  endLogin(login: string, now: number, since: number): void {
    this.#transact(() => {
      this.#sql.exec("DELETE FROM ended_login WHERE at < ?", since);
      this.#sql.exec("INSERT INTO ended_login (login, at) VALUES (?, ?) ON CONFLICT DO NOTHING", login, now);
    });
  }

  hasEnded(login: string): boolean {
    return this.#sql.exec("SELECT 1 AS x FROM ended_login WHERE login = ?", login).toArray().length > 0;
  }

  setting(key: string): string | undefined {
    return this.#sql.exec<{ value: string }>("SELECT value FROM setting WHERE key = ?", key).toArray()[0]?.value;
  }

  setSetting(key: string, value: string): void {
    this.#sql.exec(
      "INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      key,
      value,
    );
  }
}

function toHead(row: RawHead): HeadRow {
  return {
    cid: row.cid as Cid,
    head: row.head,
    count: row.count,
    read: row.read,
    readCount: row.read_count,
    delivered: row.delivered,
    peerDelivered: row.peer_delivered,
    peerRead: row.peer_read,
    version: row.version,
    muted: row.muted === 1,
    pinned: row.pinned === 1,
    name: row.peer_name,
    last: row.last === "" ? undefined : (JSON.parse(row.last) as Last),
    membership: row.membership === "" ? undefined : (JSON.parse(row.membership) as InGroup),
  };
}
