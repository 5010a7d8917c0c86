/** The SQL of what only groups keep. Synchronous; called inside the transactions of conversation-store.ts. */
import type { Uid } from "../../protocol/ids.ts";
import type { Role } from "../group-rpc.ts";
import type { Sql } from "../migrate.ts";
import type { GroupState } from "./group-rules.ts";

/** One member, or one who has left and whose object, or a relay, has not been told yet. */
export interface GroupMember {
  readonly uid: Uid;
  readonly role: Role;
  /** Entries up to here are not this member's (SEC1). */
  readonly floor: number;
  /** The head when this member joined: there reading, and pushing, begin. */
  readonly sinceSeq: number;
  readonly sinceCount: number;
  /** ms; 0 = not muted. */
  readonly mutedUntil: number;
  /** Where the member's watermarks stand; slots are never given twice. */
  readonly slot: number;
  readonly takenSeq: number;
  /** 0 = a member; else the entry that ended the membership. */
  readonly leftSeq: number;
}

type Raw = {
  uid: string;
  role: string;
  floor: number;
  since_seq: number;
  since_count: number;
  muted_until: number;
  slot: number;
  taken_seq: number;
  left_seq: number;
};

const COLUMNS = "uid, role, floor, since_seq, since_count, muted_until, slot, taken_seq, left_seq";

export class GroupStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  state(): GroupState | undefined {
    const [row] = this.#sql.exec<{ value: string }>("SELECT value FROM state WHERE id = 0").toArray();
    return row && (JSON.parse(row.value) as GroupState);
  }

  saveState(state: GroupState): void {
    this.#sql.exec(
      "INSERT INTO state (id, value) VALUES (0, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
      JSON.stringify(state),
    );
  }

  member(uid: Uid): GroupMember | undefined {
    const [row] = this.#sql.exec<Raw>(`SELECT ${COLUMNS} FROM group_member WHERE uid = ?`, uid).toArray();
    return row && toMember(row);
  }

  /** Everybody, those who are leaving too. */
  members(): GroupMember[] {
    return this.#select("1 = 1 ORDER BY uid");
  }

  /** Members in the order of their uids, after one. */
  page(after: Uid | "", limit: number): GroupMember[] {
    return this.#select("uid > ? AND left_seq = 0 ORDER BY uid LIMIT ?", after, limit);
  }

  /** Who got a slot from `slot` on. Reads every member. */
  membersFrom(slot: number): GroupMember[] {
    return this.#select("slot >= ? AND left_seq = 0", slot);
  }

  /** Of all members but one, an admin before others, the oldest first. Reads every member. */
  heir(but: Uid): GroupMember | undefined {
    return this.#select("left_seq = 0 AND uid <> ? ORDER BY role = 'admin' DESC, since_seq, slot LIMIT 1", but)[0];
  }

  /** Who has left and is kept until everybody concerned knows. Reads every member. */
  leaving(): GroupMember[] {
    return this.#select("left_seq > 0");
  }

  saveMember(member: GroupMember): void {
    this.#sql.exec(
      `INSERT INTO group_member (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (uid) DO UPDATE SET role = excluded.role, floor = excluded.floor, since_seq = excluded.since_seq,
         since_count = excluded.since_count, muted_until = excluded.muted_until, slot = excluded.slot,
         taken_seq = CASE slot WHEN excluded.slot THEN taken_seq ELSE excluded.taken_seq END, left_seq = excluded.left_seq`,
      member.uid,
      member.role,
      member.floor,
      member.sinceSeq,
      member.sinceCount,
      member.mutedUntil,
      member.slot,
      member.takenSeq,
      member.leftSeq,
    );
  }

  /** Everybody's membership ends with one entry. */
  endAll(seq: number): void {
    this.#sql.exec("UPDATE group_member SET left_seq = ? WHERE left_seq = 0", seq);
  }

  forgetMember(uid: Uid): void {
    this.#sql.exec("DELETE FROM group_member WHERE uid = ?", uid);
  }

  marks(): { chunk: number; data: ArrayBuffer | Uint8Array }[] {
    return this.#sql.exec<{ chunk: number; data: ArrayBuffer }>("SELECT chunk, data FROM mark").toArray();
  }

  saveMarks(chunk: number, data: Uint8Array): void {
    this.#sql.exec(
      "INSERT INTO mark (chunk, data) VALUES (?, ?) ON CONFLICT (chunk) DO UPDATE SET data = excluded.data",
      chunk,
      data,
    );
  }

  relays(): number[] {
    return this.#sql
      .exec<{ n: number }>("SELECT n FROM relay")
      .toArray()
      .map(({ n }) => n);
  }

  addRelay(n: number): void {
    this.#sql.exec("INSERT INTO relay (n) VALUES (?) ON CONFLICT DO NOTHING", n);
  }

  forgetRelay(n: number): void {
    this.#sql.exec("DELETE FROM relay WHERE n = ?", n);
  }

  #select(where: string, ...bindings: unknown[]): GroupMember[] {
    return this.#sql
      .exec<Raw>(`SELECT ${COLUMNS} FROM group_member WHERE ${where}`, ...bindings)
      .toArray()
      .map(toMember);
  }
}

function toMember(row: Raw): GroupMember {
  return {
    uid: row.uid as Uid,
    role: row.role as Role,
    floor: row.floor,
    sinceSeq: row.since_seq,
    sinceCount: row.since_count,
    mutedUntil: row.muted_until,
    slot: row.slot,
    takenSeq: row.taken_seq,
    leftSeq: row.left_seq,
  };
}
