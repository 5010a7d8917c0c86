/**
 * One conversation: membership, the single ordered log, dedup, the outbox to members. Decides and writes; the shell
 * (conversation-object.ts) carries the pushes. No clock, no chance, no await: what is here runs in simulations too.
 */
import type { Config } from "../../config/config.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { FRAME_BYTES } from "../../protocol/frames.ts";
import type { Cid, Uid } from "../../protocol/ids.ts";
import { messageFields, type Amended } from "../message-json.ts";
import type { AppendReply, Draft, Entry, Marks, Page, PageQuery, Position, PushCall, PushReply } from "../rpc.ts";
import { decide, type LogView } from "./append.ts";
import type { ConversationStore, LogRow, MemberRow } from "./conversation-store.ts";
import { Dedup } from "./dedup.ts";
import { Outbox } from "./outbox.ts";

/** Newest entries kept in memory, so that pushes read no rows. */
const TAIL = 256;
/** Entries of one push; a receiver further behind is told to announce a hole. */
const PUSH_ENTRIES = 128;
/** Room that a page leaves in a frame for the fields around its messages. */
const PAGE_BYTES = FRAME_BYTES - 1024;
/** Ids are remembered for twice the window, so that an id from a clock that runs ahead is never forgotten too early. */
const REMEMBERED_WINDOWS = 2;

export interface Appended {
  readonly reply: AppendReply;
  /** True: hold the reply until `settled` or a deadline (DUR3). */
  readonly hold: boolean;
  /** True: set the safety alarm in this same turn, so that it is durable with the entries. */
  readonly arm: boolean;
}

export class Conversation {
  readonly #store: ConversationStore;
  readonly #config: Config;
  #members: Map<Uid, MemberRow>;
  #outbox: Outbox;
  #dedup = new Dedup();
  #tail: LogRow[] = [];
  #last: LogRow | undefined;
  /** Watermarks on their way from one member of a direct chat to the other; `carried`: an answer or a call took them along. */
  readonly #marks = new Map<Uid, { readonly marks: Marks; carried: boolean }>();
  /** Ids below this seq may be forgotten. */
  #dedupFloor = 1;
  #armed: boolean;

  /** Reads what a wake needs. `armed`: a safety alarm is set. */
  constructor(store: ConversationStore, config: Config, now: number, armed: boolean) {
    this.#store = store;
    this.#config = config;
    this.#armed = armed;
    const members = store.members();
    this.#members = new Map(members.map((member) => [member.uid, member]));
    this.#outbox = new Outbox(members);
    this.#last = store.last();
    this.#loadDedup(now);
  }

  get exists(): boolean {
    return this.#members.size > 0;
  }

  get head(): number {
    return this.#last?.seq ?? 0;
  }

  /** True while a safety alarm is set. */
  get armed(): boolean {
    return this.#armed;
  }

  get members(): readonly Uid[] {
    return [...this.#members.keys()];
  }

  /** Creates a direct chat. */
  create(uids: readonly Uid[]): void {
    if (this.exists) return;
    this.#store.createMembers(uids);
    const members = this.#store.members();
    this.#members = new Map(members.map((member) => [member.uid, member]));
    this.#outbox = new Outbox(members);
  }

  /**
   * Puts drafts into the log: one commit. `have` and `taken`: what the caller's object knows and has on disk. Throws when
   * the disk refuses; then nothing has changed.
   */
  append(uid: Uid, have: number, taken: number, drafts: readonly Draft[], now: number): Appended {
    const member = this.#members.get(uid);
    if (member === undefined) {
      return { reply: refuseAll(drafts, refuse("not_member", "not a member")), hold: false, arm: false };
    }
    this.#outbox.took(uid, Math.min(taken, this.head));
    const blocked = [...this.#members.values()].some((other) => other.uid !== uid && other.blocks);
    const view = this.#view();
    const decision = decide(view, { uid, joinedSeq: member.joinedSeq, blocked }, drafts, now, this.#config.messages);
    let arm = false;
    if (decision.rows.length > 0) {
      // A lone message needs no alarm: its reply waits until the others have it on disk. In a busy conversation one
      // alarm stands for all messages until it fires, and replies leave at once.
      arm = !this.#armed && now - view.lastTs < this.#config.writes.offer_ms;
      const cursors = this.#outbox.lagging();
      this.#store.write({ ...decision, taken: cursors });
      this.#armed ||= arm;
      this.#outbox.stored(cursors);
      this.#remember(decision.rows, decision.erased, now);
    }
    this.#outbox.handed(uid, this.head);
    const from = Math.max(have, member.joinedSeq);
    // As with a push, a hole is left only for a caller that is far behind: a full batch beside a peer's is not far.
    const { entries, own } = this.#offer(uid, from, TAIL);
    const reply = { results: decision.results, entries, own, head: this.head, settled: !this.#armed };
    const stands = decision.results.some((result) => "seq" in result);
    return { reply, hold: stands && !this.#armed && !this.#outbox.taken(this.head, uid), arm };
  }

  /** True when a held reply may go: everybody but `uid` has `seq` on disk, or an alarm stands behind it. */
  settled(seq: number, uid: Uid): boolean {
    return this.#armed || this.#outbox.taken(seq, uid);
  }

  /** A safety alarm was set outside of a batch: a held reply met its deadline. */
  arm(): void {
    this.#armed = true;
  }

  /** The next push to a member, then in flight; undefined when there is nothing to push, or one is in flight. */
  nextPush(cid: Cid, uid: Uid, now: number): PushCall | undefined {
    const from = this.#outbox.start(uid, this.head, now);
    if (from === undefined) return undefined;
    const { entries, own, skip } = this.#offer(uid, from, PUSH_ENTRIES);
    this.#outbox.covers(uid, entries.at(-1)?.seq ?? from);
    return { cid, entries, settle: !this.#armed, skip, own };
  }

  pushed(uid: Uid, reply: PushReply, now: number, chance: number): void {
    this.#outbox.pushed(uid, reply, now, chance);
    const { marks } = reply;
    const known = this.#marks.get(uid)?.marks;
    if (marks === undefined || (known?.delivered === marks.delivered && known.read === marks.read)) return;
    this.#marks.set(uid, { marks, carried: false });
  }

  /** Watermarks that nothing has carried to `uid` yet; the caller does. */
  marksDue(uid: Uid): { readonly from: Uid; readonly marks: Marks } | undefined {
    for (const [from, sent] of this.#marks) {
      if (from === uid || sent.carried) continue;
      sent.carried = true;
      return { from, marks: sent.marks };
    }
    return undefined;
  }

  /** For an answer to `uid`: also marks that were carried before, because that answer may have died with its receiver. */
  marksFor(uid: Uid): Marks | undefined {
    for (const [from, sent] of this.#marks) {
      if (from === uid) continue;
      sent.carried = true;
      return sent.marks;
    }
    return undefined;
  }

  pushFailed(uid: Uid, now: number, chance: number): void {
    this.#outbox.failed(uid, now, chance);
  }

  /** The alarm fired: what is not known to be taken is offered again. */
  alarm(): void {
    this.#armed = false;
    this.#outbox.offerAgain();
  }

  /** True when nobody has to be offered anything. */
  get idle(): boolean {
    return this.#outbox.taken(this.head);
  }

  /** When a push that failed is due again. */
  nextDue(): number | undefined {
    return this.#outbox.nextDue(this.head);
  }

  /** One page with amendments applied, as long as it fits a frame. Refused for who is not a member (SEC1). */
  page(cid: Cid, uid: Uid, query: PageQuery): Result<Page, Refusal> {
    const member = this.#members.get(uid);
    if (member === undefined) return err(refuse("not_member", "not a member"));
    const rows = this.#store.page(query, member.joinedSeq);
    const amended = this.#store.amendedBetween(rows[0]?.seq ?? 0, rows.at(-1)?.seq ?? 0);
    const texts = rows.map((row) => `{${messageFields(cid, row, amended.get(row.seq))}}`);
    const ascending = query.after !== undefined;
    const kept = fitting(ascending ? texts : texts.toReversed(), PAGE_BYTES);
    const messages = ascending ? kept : kept.toReversed();
    const edge = ascending ? rows[kept.length - 1]?.seq : rows[rows.length - kept.length]?.seq;
    const end = ascending ? Math.min(this.head, (query.before ?? this.head + 1) - 1) : member.joinedSeq + 1;
    const more = edge !== undefined && (ascending ? edge < end : edge > end);
    return ok({ messages, head: this.head, more });
  }

  /** Countable entries up to and with `seq`. */
  count(uid: Uid, seq: number): Result<number, Refusal> {
    if (!this.#members.has(uid)) return err(refuse("not_member", "not a member"));
    const row = seq === this.head ? this.#last : this.#store.row(seq);
    return row === undefined ? err(refuse("invalid_argument", "seq is beyond the head")) : ok(row.count);
  }

  release(uid: Uid, ids: readonly string[]): void {
    if (this.#members.has(uid)) this.#store.release(uid, ids);
  }

  block(uid: Uid, on: boolean): void {
    const member = this.#members.get(uid);
    if (member === undefined || member.blocks === on) return;
    this.#store.setBlocks(uid, on);
    this.#members.set(uid, { ...member, blocks: on });
  }

  #view(): LogView {
    return {
      head: this.head,
      count: this.#last?.count ?? 0,
      lastTs: this.#last?.ts ?? 0,
      row: (seq) => this.#row(seq),
      amended: (seq): Amended | undefined => this.#store.amended(seq),
      qos2: (sender, id) => this.#store.qos2(sender, id),
      find: (sender, id) => {
        for (const seq of this.#dedup.candidates(sender, id)) {
          const row = this.#row(seq);
          if (row?.id === id && row.from === sender) return row;
        }
        return undefined;
      },
    };
  }

  #row(seq: number): LogRow | undefined {
    const first = this.#tail[0]?.seq;
    return first !== undefined && seq >= first ? this.#tail[seq - first] : this.#store.row(seq);
  }

  /**
   * What a member that has everything up to `from` is given: at most `limit` entries, or the newest alone if it is far behind,
   * with what it has to know of those left out: its own newest, up to which it has read (UNR1).
   */
  #offer(uid: Uid, from: number, limit: number): { entries: Entry[]; skip: boolean; own: Position | undefined } {
    if (from >= this.head) return { entries: [], skip: false, own: undefined };
    if (this.head - from <= TAIL) return { entries: this.#entries(from, limit), skip: false, own: undefined };
    const start = this.head - PUSH_ENTRIES;
    // The member may have lost more than what it is not offered: only what it has taken is sure.
    const own = this.#store.newestBy(uid, this.#outbox.takenBy(uid), start + 1);
    return { entries: this.#entries(start, PUSH_ENTRIES), skip: true, own };
  }

  /** Entries above `from`, ascending, at most `limit`. */
  #entries(from: number, limit: number): Entry[] {
    const first = this.#tail[0]?.seq;
    const rows =
      first !== undefined && from + 1 >= first
        ? this.#tail.slice(from + 1 - first, from + 1 - first + limit)
        : this.#store.range(from, Number.MAX_SAFE_INTEGER, limit);
    return rows.map(({ device: _device, hash: _hash, ...entry }) => entry);
  }

  #remember(rows: readonly LogRow[], erased: readonly number[], now: number): void {
    for (const row of rows) {
      this.#tail.push(row);
      this.#dedup.add(row.from, row.id, row.seq, this.#dedupFloor);
    }
    if (this.#tail.length > 2 * TAIL) {
      this.#tail = this.#tail.slice(-TAIL);
      this.#dedupFloor = this.#store.firstSince(this.#forgetBefore(now), this.head);
    }
    const gone = new Set(erased);
    if (gone.size > 0) this.#tail = this.#tail.map((row) => (gone.has(row.seq) ? { ...row, body: "" } : row));
    this.#last = this.#tail.at(-1);
  }

  #loadDedup(now: number): void {
    if (this.head === 0) return;
    this.#dedupFloor = this.#store.firstSince(this.#forgetBefore(now), this.head);
    for (const { sender, id, seq } of this.#store.ids(this.#dedupFloor)) {
      this.#dedup.add(sender, id, seq, this.#dedupFloor);
    }
  }

  #forgetBefore(now: number): number {
    return now - REMEMBERED_WINDOWS * this.#config.messages.dedup_ms;
  }
}

/** Refuses every draft of a batch. */
export function refuseAll(drafts: readonly Draft[], refusal: Refusal): AppendReply {
  const results = drafts.map(({ id }) => ({ id, refusal }));
  return { results, entries: [], head: 0, settled: false };
}

/** The longest beginning whose texts, with a comma each, fit; at least one. Counts UTF-16 units as three bytes at most. */
function fitting(texts: readonly string[], bytes: number): string[] {
  const encoder = new TextEncoder();
  let left = bytes;
  const kept: string[] = [];
  for (const text of texts) {
    left -= encoder.encode(text).byteLength + 1;
    if (left < 0 && kept.length > 0) break;
    kept.push(text);
  }
  return kept;
}
