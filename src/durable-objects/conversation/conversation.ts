/**
 * One conversation: membership, the single ordered log, dedup, the outbox to members. Decides and writes; the shell
 * (conversation-object.ts) carries the pushes. No clock, no chance, no await: what is here runs in simulations too.
 */
import type { Config } from "../../config/config.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { hashHex } from "../../lib/hash.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { kindOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import type { GroupChange } from "../group-rpc.ts";
import type { AppendReply, Confirmed, Draft, Marks, PageQuery, PushCall, PushReply } from "../rpc.ts";
import { decide, seqsOf, type Sender } from "./append.ts";
import { Archive } from "./archive.ts";
import { Contacts } from "./contacts.ts";
import type { ConversationStore, MemberRow } from "./conversation-store.ts";
import { Group } from "./group.ts";
import { planCreate, silenced } from "./group-rules.ts";
import type { GroupMember } from "./group-store.ts";
import { Log, PUSH_ENTRIES, TAIL } from "./log.ts";
import { Outbox, type Start } from "./outbox.ts";
import { confirm, planPage, type PagePlan } from "./reading.ts";

/** The one answer to whoever has no part in it, whether it exists or not (SEC1). */
export const NOT_MEMBER = refuse("not_member", "not a member");

/** Said in a direct chat of which one account is deleted. */
export const GONE = refuse("not_found", "this account is deleted");

/** Said where only contacts may write to each other. */
const NO_CONTACT = refuse("permission_denied", "only contacts may write to each other");

export interface Appended {
  readonly reply: AppendReply;
  /** True: hold the reply until `settled` or a deadline (DUR3). */
  readonly hold: boolean;
  /** True: set the safety alarm in this same turn, so that it is durable with the entries. */
  readonly arm: boolean;
}

export class Conversation {
  /** What goes to the store, and what may leave the log. */
  readonly archive: Archive;
  /** In a direct chat: what its two users are to each other. */
  readonly contacts: Contacts | undefined;
  readonly #cid: Cid;
  readonly #store: ConversationStore;
  readonly #config: Config;
  readonly #log: Log;
  #members: Map<Uid, MemberRow>;
  #outbox: Outbox;
  #group: Group | undefined;
  /** Watermarks on their way from one member of a direct chat to the other; `carried`: an answer or a call took them along. */
  readonly #marks = new Map<Uid, { readonly marks: Marks; carried: boolean }>();
  #armed: boolean;
  /** In a group: the newest entry came after a silence, so its receivers write at once and need not be asked again. */
  #lone = false;

  /** Reads what a wake needs. `armed`: a safety alarm is set. */
  constructor(cid: Cid, store: ConversationStore, config: Config, now: number, armed: boolean) {
    this.#cid = cid;
    this.#store = store;
    this.#config = config;
    this.#armed = armed;
    this.contacts = kindOf(cid) === "direct" ? new Contacts(cid, config, store.contacts()) : undefined;
    const members = store.members();
    this.#members = new Map(members.map((member) => [member.uid, member]));
    this.#outbox = new Outbox(members.map(startOf));
    this.#log = new Log(store, config, now);
    this.archive = new Archive(store, this.#log, config);
    const stored = store.group();
    const state = stored?.state();
    if (stored === undefined || state === undefined) return;
    const parts = { conversation: store, store: stored, log: this.#log, outbox: this.#outbox, config };
    this.#group = new Group(cid, state, parts, now);
  }

  get exists(): boolean {
    return this.#members.size > 0 || this.#group !== undefined;
  }

  get head(): number {
    return this.#log.head;
  }

  get log(): Log {
    return this.#log;
  }

  /** True while a safety alarm is set. */
  get armed(): boolean {
    return this.#armed;
  }

  /** Members that entries are pushed to, or that have to be told something. */
  get members(): readonly Uid[] {
    return [...this.#outbox.uids];
  }

  /** The group that this is, with one of its members; refused for who is none, and if it is no group (SEC1). */
  member(uid: Uid): Result<{ group: Group; me: GroupMember }, Refusal> {
    const me = this.#group?.members.inside(uid);
    return this.#group === undefined || me === undefined ? err(NOT_MEMBER) : ok({ group: this.#group, me });
  }

  get group(): Group | undefined {
    return this.#group;
  }

  /** Creates a direct chat, or a user's system conversation, its history on this shard for good. */
  create(uids: readonly Uid[], shard: string): void {
    if (this.exists) return;
    this.#store.createMembers(uids, shard);
    const members = this.#store.members();
    this.#members = new Map(members.map((member) => [member.uid, member]));
    this.#outbox = new Outbox(members.map(startOf));
  }

  /** Creates a group. Throws when the disk refuses; then there is none. */
  createGroup(
    owner: Uid,
    name: string,
    change: Omit<GroupChange, "name">,
    others: readonly Uid[],
    request: { readonly op: string; readonly hash: string; readonly shard: string },
    now: number,
  ): Group {
    const relayMembers = this.#config.groups.relay_members;
    const plan = planCreate(owner, name, change, others, { now, relayMembers });
    const store = this.#store.makeGroup(request.shard);
    const parts = { conversation: this.#store, store, log: this.#log, outbox: this.#outbox, config: this.#config };
    const group = new Group(this.#cid, { ...plan.state, members: 0, nextSlot: 0 }, parts, now);
    group.commit(owner, request.op, request.hash, plan, now);
    this.#group = group;
    return group;
  }

  /** Entries that a decision on drafts looks at: what they are about, and what they repeat, for as long as its id is held. */
  about(uid: Uid, drafts: readonly Draft[]): number[] {
    const held = drafts.flatMap(({ qos, id }) => (qos === 2 ? (this.#store.qos2(uid, id)?.seq ?? []) : []));
    return [...seqsOf(drafts), ...held];
  }

  /**
   * Puts drafts into the log: one commit. `have` and `taken`: what the caller's object knows and has on disk. Throws when
   * the disk refuses; then nothing has changed.
   */
  append(uid: Uid, have: number, taken: number, drafts: readonly Draft[], now: number): Appended {
    const member = this.#group?.members.inside(uid);
    const sender = this.#sender(uid, member, now);
    if (sender === undefined) return { reply: refuseAll(drafts, NOT_MEMBER), hold: false, arm: false };
    const pull = this.#group?.pull === true;
    this.#group?.receipts.load();
    if (!pull) this.#outbox.took(uid, Math.min(taken, this.head));
    const quiet = now - this.#log.lastTs >= this.#config.writes.offer_ms;
    const decision = decide(this.#log.view(), sender, drafts, now, this.#config.messages);
    let arm = false;
    if (decision.rows.length > 0) {
      // A lone message of a direct chat needs no alarm: its reply waits until the other has it on disk. In a busy
      // conversation, and in a group, whose members are many, one alarm stands for all messages until it fires, and replies leave at once.
      arm = !this.#armed && (!quiet || member !== undefined);
      const cursors = this.#outbox.lagging();
      const stale = this.archive.stale(decision.amended.keys(), decision.erased, this.head + decision.rows.length);
      this.#store.write({ ...decision, stale, taken: cursors });
      this.#lone = quiet;
      this.#outbox.stored(cursors);
      this.#log.remember(decision.rows, decision.erased, now);
      const own = decision.rows.findLast(({ kind }) => kind !== "amend")?.seq ?? 0;
      if (member !== undefined) this.#group?.appended(member, own, now);
      this.#armed ||= arm;
    }
    const stands = decision.results.some((result) => "seq" in result);
    const answer = { results: decision.results, head: this.head, settled: !this.#armed };
    if (this.#group?.pull === true) {
      // A device must not be given an answer to what follows entries that are still on their way to its user's object.
      const before = this.#lastPushed(uid, Math.max(have, sender.joinedSeq));
      return { reply: { ...answer, ...before, pull: true }, hold: false, arm };
    }
    this.#outbox.handed(uid, this.head);
    const from = Math.max(have, sender.joinedSeq, this.#group?.membership(uid)?.base.seq ?? 0);
    // As with a push, a hole is left only for a caller that is far behind: a full batch beside a peer's is not far.
    const { entries, own } = this.#log.offer(uid, from, this.#outbox.takenBy(uid), TAIL);
    const hold = member === undefined && stands && !this.#armed && !this.#outbox.taken(this.head, uid);
    const membership = this.#group?.membership(uid);
    const told = membership?.marks !== undefined && { membership };
    const reply = { ...answer, entries, own, ...told };
    return { reply, hold, arm };
  }

  /** In pull mode: what a member whose object does not know of the mode yet is still pushed, with what it has to know. */
  #lastPushed(uid: Uid, have: number): Pick<AppendReply, "entries" | "own" | "membership"> {
    const membership = this.#group?.membership(uid);
    if (membership?.marks === undefined) return { entries: [] };
    const [from, to] = [Math.max(have, membership.base.seq), Math.min(this.head, this.#outbox.until(uid))];
    const { entries, own } = this.#log.offer(uid, from, this.#outbox.takenBy(uid), TAIL, to);
    return { entries, own, membership };
  }

  /**
   * Puts an entry of the servers into a user's system conversation: one commit; false when it is there already. Each counts for
   * unread (UNR1). Throws when the disk refuses; then nothing has changed.
   */
  announce(id: string, from: Uid, body: string, priority: number, now: number): boolean {
    if (this.#log.view().find(from, id) !== undefined) return false;
    const { seq, count } = this.#log.end;
    const ts = Math.max(now, this.#log.lastTs);
    const place = { seq: seq + 1, count: count + 1, ts, hash: hashHex(body) };
    const row = { ...place, id, from, device: "", kind: "system", body, priority } as const;
    const taken = this.#outbox.lagging();
    this.#store.write({ rows: [row], amended: new Map(), erased: [], qos2: [], taken });
    this.#outbox.stored(taken);
    this.#log.remember([row], [], now);
    return true;
  }

  /** Why nobody may write in this direct chat; undefined: they may, as far as this goes. */
  get barred(): Refusal | undefined {
    const open = this.contacts === undefined || this.#config.messages.dm === "anyone" || this.contacts.agreed;
    return open ? undefined : NO_CONTACT;
  }

  /** `uid` takes nothing from the other of this direct chat. */
  blocks(uid: Uid): boolean {
    return this.#members.get(uid)?.blocks === true;
  }

  /** One account of this direct chat is deleted: what was written stays for the other. */
  get over(): boolean {
    return [...this.#members.values()].some(({ gone }) => gone);
  }

  /** Whom something of the moment is for in a direct chat, where it goes this way. */
  heardBy(uid: Uid): Uid[] {
    const peer = this.contacts && peerOf(this.#cid, uid);
    return peer === undefined || this.over || this.blocks(peer) || this.barred !== undefined ? [] : [peer];
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
  nextPush(uid: Uid, now: number): PushCall | undefined {
    const from = this.#outbox.start(uid, this.head, now);
    if (from === undefined) return undefined;
    const membership = this.#group?.membership(uid);
    const to = Math.min(this.head, this.#outbox.until(uid));
    const { entries, own, skip } = this.#log.offer(uid, from, this.#outbox.takenBy(uid), PUSH_ENTRIES, to);
    this.#outbox.covers(uid, entries.at(-1)?.seq ?? from);
    const told = membership?.marks !== undefined || membership?.left !== undefined;
    const settle = membership === undefined ? !this.#armed : this.#lone || told;
    return { cid: this.#cid, entries, settle, skip, own, membership };
  }

  pushed(uid: Uid, reply: PushReply, now: number, chance: number): void {
    this.#outbox.pushed(uid, reply, now, chance);
    this.#group?.pushed(uid);
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
    this.#group?.checkpoint();
    this.#outbox.offerAgain();
  }

  /** True when nobody has to be offered anything. */
  get idle(): boolean {
    return this.#outbox.taken(this.head) && this.#group?.relayed !== false;
  }

  /** When a push that failed is due again. */
  nextDue(): number | undefined {
    const push = this.#outbox.nextDue(this.head);
    const multicast = this.#group?.multicast.nextDue();
    return push === undefined || (multicast !== undefined && multicast < push) ? multicast : push;
  }

  /** One page with amendments applied, as long as it fits a frame. Refused for who is not a member (SEC1). */
  page(uid: Uid, query: PageQuery): Result<PagePlan, Refusal> {
    const floor = this.#floor(uid);
    if (floor === undefined) return err(NOT_MEMBER);
    return ok(planPage(this.#cid, this.#log, floor, query));
  }

  /** Entries that have left the log and can go: everybody who is pushed to has them. */
  leaving(now: number): { readonly first: number; readonly last: number } | undefined {
    return this.archive.leaving(this.#outbox.floor(this.head), now);
  }

  /** What a search has found, as it is now; refused for who is not a member (SEC1). */
  confirm(uid: Uid, seqs: readonly number[]): Result<Confirmed, Refusal> {
    const floor = this.#floor(uid);
    if (floor === undefined) return err(NOT_MEMBER);
    return ok(confirm(this.#log, floor, seqs));
  }

  /** Countable entries up to and with `seq`. */
  count(uid: Uid, seq: number): Result<number, Refusal> {
    if (this.#floor(uid) === undefined) return err(NOT_MEMBER);
    const count = this.#log.countAt(seq);
    return count === undefined ? err(refuse("invalid_argument", "seq is beyond the head")) : ok(count);
  }

  release(uid: Uid, ids: readonly string[]): void {
    if (this.#floor(uid) !== undefined) this.#store.release(uid, ids);
  }

  block(uid: Uid, on: boolean): void {
    const member = this.#members.get(uid);
    if (member === undefined || member.gone || member.blocks === on) return;
    this.#store.setBlocks(uid, on);
    this.#members.set(uid, { ...member, blocks: on });
  }

  /** The account of one of the two of this direct chat is deleted. */
  depart(uid: Uid, now: number): void {
    const member = this.#members.get(uid);
    if (member !== undefined && !member.gone) {
      this.#store.setGone(uid);
      this.#members.set(uid, { ...member, blocks: false, gone: true });
    }
    this.contacts?.departed(now);
  }

  /** Entries up to here are not this member's; undefined: not a member. */
  #floor(uid: Uid): number | undefined {
    return this.#members.get(uid)?.joinedSeq ?? this.#group?.members.inside(uid)?.floor;
  }

  #sender(uid: Uid, member: GroupMember | undefined, now: number): Sender | undefined {
    if (member !== undefined && this.#group !== undefined) {
      const { state } = this.#group;
      return { uid, joinedSeq: member.floor, silenced: (op) => silenced(state, member, now, op) };
    }
    const row = this.#members.get(uid);
    if (row === undefined) return undefined;
    return { uid, joinedSeq: row.joinedSeq, silenced: this.#silence(uid) };
  }

  /** Why a member may not write here, if it is no group. */
  #silence(uid: Uid): Sender["silenced"] {
    if (kindOf(this.#cid) === "system") return () => refuse("permission_denied", "only the system writes here");
    // What was written may be taken back all the same, here and below.
    if (this.over) return (op) => (op === "recall" ? undefined : GONE);
    const blocked = [...this.#members.values()].some((other) => other.uid !== uid && other.blocks);
    if (blocked) return () => refuse("blocked", "this user takes no messages from you");
    const { barred } = this;
    return barred && ((op) => (op === "recall" ? undefined : barred));
  }
}

/** Refuses every draft of a batch. */
export function refuseAll(drafts: readonly Draft[], refusal: Refusal): AppendReply {
  const results = drafts.map(({ id }) => ({ id, refusal }));
  return { results, entries: [], head: 0, settled: false };
}

function startOf({ uid, takenSeq, joinedSeq }: MemberRow): Start {
  return { uid, taken: Math.max(takenSeq, joinedSeq), stored: takenSeq };
}
