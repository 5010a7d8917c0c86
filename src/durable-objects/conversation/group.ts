/**
 * What a group adds to a conversation: memberships that change, the two ways of entries to the devices and the switch between
 * them, and the members' watermarks. Who may see what is decided by the order of the log: a membership begins behind one entry and ends
 * with one. No clock, no chance, no await.
 */
import type { Config } from "../../config/config.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import type { ListedGroup } from "../../store/directory.ts";
import type { Cid, Uid } from "../../protocol/ids.ts";
import type {
  Admission,
  GroupCard,
  GroupHead,
  Membership,
  MemberView,
  Mode,
  MulticastCall,
  MulticastReply,
} from "../group-rpc.ts";
import type { Marks, Position } from "../rpc.ts";
import type { ConversationStore, LogRow } from "./conversation-store.ts";
import { cardOf, listingOf, type GroupState, type Plan } from "./group-rules.ts";
import type { GroupMember, GroupStore } from "./group-store.ts";
import { Leavers } from "./leavers.ts";
import { PUSH_ENTRIES, TAIL, type Log } from "./log.ts";
import { GroupReceipts } from "./group-receipts.ts";
import { Members } from "./members.ts";
import { modeFor, PushRate } from "./mode.ts";
import { Multicast } from "./multicast.ts";
import type { Outbox } from "./outbox.ts";

/** System entries go before what people write. */
const SYSTEM_PRIORITY = 2;

export class Group {
  readonly members: Members;
  readonly multicast: Multicast;
  readonly receipts: GroupReceipts;
  readonly #cid: Cid;
  readonly #conversation: ConversationStore;
  readonly #store: GroupStore;
  readonly #log: Log;
  readonly #outbox: Outbox;
  readonly #config: Config;
  readonly #rate: PushRate;
  #state: GroupState;
  /** Members whose objects do not know yet that they are members, or in which mode. */
  readonly #untold = new Set<Uid>();
  readonly #gone = new Leavers();

  constructor(
    cid: Cid,
    state: GroupState,
    parts: { conversation: ConversationStore; store: GroupStore; log: Log; outbox: Outbox; config: Config },
    now: number,
  ) {
    this.#cid = cid;
    this.#state = state;
    this.#conversation = parts.conversation;
    this.#store = parts.store;
    this.#log = parts.log;
    this.#outbox = parts.outbox;
    this.#config = parts.config;
    this.#rate = new PushRate(now);
    this.members = new Members(parts.store);
    this.multicast = new Multicast(parts.store.relays(), parts.config.groups.gather_us);
    this.receipts = new GroupReceipts(parts.store, parts.log, this.members, parts.config.groups);
    this.#wake();
  }

  get state(): GroupState {
    return this.#state;
  }

  get pull(): boolean {
    return this.#state.mode === "pull";
  }

  card(me: GroupMember): GroupCard {
    return cardOf(this.#cid, this.#state, me.role);
  }

  /** What the directory says of it. */
  get listing(): ListedGroup {
    return listingOf(this.#cid, this.#state, this.#log.head);
  }

  // --- memberships -----------------------------------------------------------------------------------------------

  /**
   * Writes what an operation makes of the group, as one commit, and lets lanes and relays know. `hash`: of the request, so that its
   * repetition is recognised. Throws when the disk refuses; then nothing has changed.
   */
  commit(uid: Uid, op: string, hash: string, plan: Plan, now: number): void {
    const { seq: head, count } = this.#log.end;
    const ts = Math.max(now, this.#log.lastTs);
    const rows = plan.events.map((event, i): LogRow => {
      const id = i === 0 ? op : `${op}-${i}`;
      const body = JSON.stringify(event);
      const fixed = { kind: "system", priority: SYSTEM_PRIORITY, device: "", count } as const;
      return { seq: head + 1 + i, id, from: uid, ts, body, hash, ...fixed };
    });
    const marks = this.receipts.table;
    const before = new Map(plan.members.map(({ uid: member }) => [member, this.members.get(member)]));
    const joins = plan.members.filter(
      ({ uid: member, slot, leftSeq }) => leftSeq === 0 && before.get(member)?.slot !== slot,
    );
    const undo = marks.change(
      joins.map(({ slot, sinceSeq }) => ({ slot, since: sinceSeq })),
      plan.members.filter(({ leftSeq }) => leftSeq > 0).map(({ slot }) => slot),
    );
    const back = plan.members.flatMap(({ uid: member, leftSeq }) => {
      const seq = before.get(member)?.leftSeq ?? 0;
      return leftSeq === 0 && seq > 0 && !this.multicast.passed(seq) ? { uid: member, seq } : [];
    });
    const state = { ...plan.state, gone: [...plan.state.gone, ...back] };
    const also = (): void => {
      if (plan.endAll) this.#store.endAll(state.dismissed);
      for (const member of plan.members) this.#store.saveMember(member);
      this.#store.saveState(state);
      marks.flush((chunk, data) => this.#store.saveMarks(chunk, data));
    };
    try {
      this.#conversation.write({ rows, amended: new Map(), erased: [], qos2: [], taken: [], also });
    } catch (error) {
      undo();
      throw error;
    }
    this.#log.remember(rows, [], now);
    this.#state = state;
    for (const member of plan.members) this.#changed(member, before.get(member.uid));
    if (plan.endAll) {
      this.members.shrink();
      for (const member of this.members.all()) this.#changed(member, member);
    }
    this.adapt(now);
  }

  /** A repetition of an operation, by its id: undefined = it is new. */
  known(uid: Uid, op: string, hash: string): Result<void, Refusal> | undefined {
    const row = this.#log.view().find(uid, op);
    if (row === undefined) return undefined;
    return row.hash === hash ? ok(undefined) : err(refuse("id_conflict", "this id was used for another request"));
  }

  /** True when these members' objects know what they have to. */
  told(uids: readonly Uid[]): boolean {
    return uids.every((uid) => !this.#untold.has(uid) && !(this.#gone.has(uid) && this.#outbox.has(uid)));
  }

  /** Lanes of everybody who is pushed entries, or has to be told something. */
  #wake(): void {
    const { mode, toldSlot, nextSlot, leaving, gone } = this.#state;
    for (const { uid, seq } of gone) this.#gone.add(uid, seq);
    if (leaving) for (const member of this.#store.leaving()) this.#changed(member, member);
    if (mode === "push") {
      for (const member of this.members.all()) if (member.leftSeq === 0) this.#lane(member, member.slot >= toldSlot);
    } else if (toldSlot < nextSlot) {
      for (const member of this.#store.membersFrom(toldSlot)) this.#lane(member, true);
    }
  }

  /** A membership began, changed or ended. */
  #changed(member: GroupMember, before: GroupMember | undefined): void {
    const { uid, leftSeq } = member;
    this.members.set(member);
    if (leftSeq === 0) {
      if (before === undefined || before.slot !== member.slot || before.leftSeq > 0) this.#lane(member, true);
      return;
    }
    this.#gone.add(uid, leftSeq);
    this.#untold.delete(uid);
    if (this.pull) {
      this.#outbox.join({ uid, taken: leftSeq, floor: leftSeq, until: leftSeq, notice: true });
    } else if (this.#outbox.has(uid)) this.#outbox.notify(uid, leftSeq);
    else this.#outbox.join({ ...this.#start(member), until: leftSeq, notice: true });
    this.multicast.tellAll();
  }

  #lane(member: GroupMember, notice: boolean): void {
    if (notice) this.#untold.add(member.uid);
    const until = this.pull ? this.#state.pullSince : Number.POSITIVE_INFINITY;
    this.#outbox.join({ ...this.#start(member), until, notice });
  }

  #start(member: GroupMember): { uid: Uid; taken: number; stored: number; floor: number } {
    const { seq } = this.#base(member);
    return { uid: member.uid, taken: Math.max(member.takenSeq, seq), stored: member.takenSeq, floor: seq };
  }

  /** Where pushing begins for a member; never behind the end of the membership, for nobody is told how far a group got since (SEC1). */
  #base({ sinceSeq, sinceCount, leftSeq }: GroupMember): Position {
    const { pushSince } = this.#state;
    if (pushSince.seq <= sinceSeq) return { seq: sinceSeq, count: sinceCount };
    if (leftSeq === 0 || pushSince.seq <= leftSeq) return pushSince;
    return { seq: leftSeq, count: this.#log.countAt(leftSeq) ?? sinceCount };
  }

  // --- the two ways ----------------------------------------------------------------------------------------------

  /** A batch was appended that would have been, or was, pushed to everybody. */
  appended(sender: GroupMember, read: number, now: number): void {
    if (read > 0) this.receipts.wrote(sender, read);
    this.#rate.add(this.#state.members, now);
    this.adapt(now);
  }

  /** Something of the moment was told to everybody: it costs as much as a message. */
  signalled(now: number): void {
    this.#rate.add(this.#state.members, now);
  }

  /** Switches the mode when that pays, under traffic: what is pushed and what is multicast meet at one entry. */
  adapt(now: number): void {
    const { mode, members, dismissed } = this.#state;
    const wanted = modeFor(mode, members, this.#rate, now, this.#config.groups);
    if (wanted === mode || dismissed > 0) return;
    this.switchTo(wanted);
  }

  /** What is pushed ends with the newest entry, or begins behind it; members and relays are told. */
  switchTo(mode: Mode): void {
    const { end } = this.#log;
    const change = mode === "pull" ? { pullSince: end.seq } : { pushSince: end };
    // The disk refused: the group goes on as it was, and the next message asks again.
    if (!this.#save({ ...this.#state, ...change, mode, toldSlot: 0 })) return;
    for (const member of this.members.all()) {
      if (member.leftSeq > 0) continue;
      if (mode === "push") this.#lane({ ...member, takenSeq: Math.min(member.takenSeq, end.seq) }, true);
      else {
        this.#untold.add(member.uid);
        this.#outbox.notify(member.uid, end.seq);
      }
    }
    this.multicast.tellAll();
  }

  /** What goes with every push to this member. */
  membership(uid: Uid): Membership | undefined {
    const member = this.members.get(uid);
    if (member === undefined) return undefined;
    const { name, mode, relays } = this.#state;
    const base = this.#base(member);
    const told = { name, mode, relays, base, first: member.floor + 1, at: this.#log.head };
    if (member.leftSeq > 0) return { ...told, left: member.leftSeq };
    if (!this.#untold.has(uid)) return told;
    const newest = this.#log.newest();
    const last = newest !== undefined && newest.seq > member.floor && newest.seq <= base.seq ? newest : undefined;
    return { ...told, marks: this.receipts.of(member, base), last };
  }

  /** A push was answered; who has been told everything needs nothing more. */
  pushed(uid: Uid): void {
    this.#forget([uid]);
    if (this.members.inside(uid) === undefined) return;
    if (this.#outbox.told(uid)) this.#untold.delete(uid);
    if (this.pull && this.#outbox.done(uid, this.#log.head)) this.#outbox.leave(uid);
    if (this.#untold.size > 0 || this.#state.toldSlot === this.#state.nextSlot) return;
    if (this.#save({ ...this.#state, toldSlot: this.#state.nextSlot }) && this.pull) this.members.shrink();
  }

  /** Members may stay away for long: whoever was told before them need not be told again after the next wake. */
  checkpoint(): void {
    const slots = [...this.#untold].flatMap((uid) => this.members.inside(uid)?.slot ?? []);
    const toldSlot = slots.reduce((least, slot) => Math.min(least, slot), this.#state.nextSlot);
    if (slots.length > 0 && toldSlot > this.#state.toldSlot) this.#save({ ...this.#state, toldSlot });
  }

  /** Forgets those of them who have left once everybody concerned knows. What the disk refuses is done with a later answer. */
  #forget(uids: Iterable<Uid>): void {
    for (const uid of uids) {
      const last = this.#gone.last(uid);
      if (last === undefined) continue;
      const back = this.members.inside(uid) !== undefined;
      if ((!back && !this.#outbox.done(uid, this.#log.head)) || !this.multicast.passed(last)) continue;
      if (!back) {
        if (!accepted(() => this.#store.forgetMember(uid))) continue;
        this.#outbox.leave(uid);
        this.members.forget(uid);
      }
      this.#gone.forget(uid);
    }
    const gone = this.#state.gone.filter(({ uid }) => this.#gone.has(uid));
    const leaving = this.#gone.size > 0;
    if (gone.length < this.#state.gone.length || leaving !== this.#state.leaving) {
      this.#save({ ...this.#state, gone, leaving });
    }
  }

  /** A new state, first on the disk, then in memory. False: the disk refused, and nothing has changed. */
  #save(state: GroupState): boolean {
    const saved = accepted(() => this.#store.saveState(state));
    if (saved) this.#state = state;
    return saved;
  }

  /** True when every relay has all that it has to hand on. */
  get relayed(): boolean {
    return this.multicast.passed(this.#end ?? this.#log.head);
  }

  /** In push mode: the last entry that relays hand on. */
  get #end(): number | undefined {
    return this.pull ? undefined : this.#state.pushSince.seq;
  }

  /** The next call to a relay, then in flight. */
  nextMulticast(n: number, now: number): MulticastCall | undefined {
    const end = this.#end;
    const head = end ?? this.#log.head;
    const due = this.multicast.start(n, head, now);
    if (due === undefined) return undefined;
    const { from } = due;
    const skip = from !== undefined && head - from > TAIL;
    const few = from === undefined || skip ? 0 : Math.min(PUSH_ENTRIES, head - from);
    const rows = few > 0 ? this.#log.rows(from as number, few) : [];
    this.multicast.covers(n, rows.at(-1)?.seq ?? head);
    const entries = rows.map(({ hash: _hash, ...entry }) => entry as MulticastCall["entries"][number]);
    const over = this.#state.dismissed > 0 ? this.#state.dismissed : undefined;
    // Of a group that is over everybody has left: that is said in one word, for the list could be as long as the group.
    const gone = over === undefined ? this.#gone.list() : [];
    return { cid: this.#cid, from, entries, skip, gone, over, head, end };
  }

  multicastDone(n: number, reply: MulticastReply): void {
    // In push mode a relay is done once it has what it had to hand on: whom it admits now, the group sends away.
    const ended = !this.pull && reply.have >= this.#state.pushSince.seq;
    // A row that stays is one call too many after the next wake.
    if (this.multicast.done(n, ended ? { ...reply, links: 0 } : reply)) accepted(() => this.#store.forgetRelay(n));
    if (this.#gone.size > 0 && !this.lingering) this.#forget(this.#gone.uids);
  }

  /** A relay has a device of this user that has everything up to `after`. */
  admit(n: number, member: GroupMember, after: number): Admission {
    const { head } = this.#log;
    const from = Math.max(after, member.floor);
    const push = !this.pull;
    if (!push) {
      // On the disk first: a relay that is only in memory would not be called any more after a wake.
      if (!this.multicast.has(n)) this.#store.addRelay(n);
      this.multicast.admit(n, head);
    }
    const near = head - from <= PUSH_ENTRIES;
    const to = push ? this.#state.pushSince.seq : head;
    const rows = near && from < to ? this.#log.rows(from, to - from) : [];
    const entries = rows.map(({ hash: _hash, ...entry }) => entry as MulticastCall["entries"][number]);
    return { head: to, entries: near ? entries : undefined, push, relays: this.#state.relays };
  }

  /** True while a relay may have links of somebody who has left (SEC1). */
  get lingering(): boolean {
    return this.#gone.size > 0 && !this.multicast.passed(this.#gone.newest);
  }

  // --- what is asked ---------------------------------------------------------------------------------------------

  /** Watermarks that somebody reports. False: not a member. */
  mark(uid: Uid, marks: Marks): boolean {
    const member = this.members.inside(uid);
    if (member === undefined) return false;
    this.receipts.raise(member, marks, this.#state.members);
    return true;
  }

  /** Members in the order of their uids, after one. */
  memberPage(after: Uid | undefined, limit: number): { members: MemberView[]; next?: Uid } {
    const rows = this.#store.page(after ?? "", limit + 1);
    const members = rows
      .slice(0, limit)
      .map(({ uid, role, mutedUntil }) => ({ user: uid, role, muted_until: mutedUntil }));
    const next = members.at(-1)?.user;
    return rows.length > limit && next !== undefined ? { members, next } : { members };
  }

  /** How far the group is for one member. */
  headOf(member: GroupMember): GroupHead {
    const { name, mode, relays } = this.#state;
    const { seq: head, count } = this.#log.end;
    return {
      head,
      count,
      ...this.receipts.of(member, this.#base(member)),
      last: this.#log.newest(),
      name,
      mode,
      relays,
    };
  }
}

/** False: the disk refused. */
function accepted(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
