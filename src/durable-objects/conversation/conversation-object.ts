/** The shell of a conversation: storage, alarms, calls to the members' objects. Decisions are in conversation.ts. */
import { DurableObject } from "cloudflare:workers";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { kindOf, ownerOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { services, type Env } from "../../workers/env.ts";
import { counted, freshCost } from "../cost.ts";
import type { Config } from "../../config/config.ts";
import type { Admission, Done, GroupCard, GroupChange, GroupHead, MemberView, Role } from "../group-rpc.ts";
import type { ContactOperation, ContactView } from "../contact-rpc.ts";
import type { Transact } from "../migrate.ts";
import type { AppendReply, Confirmed, ConversationRpc, Draft, Marks, Page, PageQuery, Signal } from "../rpc.ts";
import type { Saga } from "../saga.ts";
import { Archiver } from "./archiver.ts";
import { Carrier } from "./carrier.ts";
import { contactCarrier } from "./contact-carrier.ts";
import type { ContactStep } from "./contacts.ts";
import { Conversation, GONE, NOT_MEMBER, refuseAll } from "./conversation.ts";
import { ConversationStore } from "./conversation-store.ts";
import type { Verification } from "./verify.ts";
import * as operations from "./group-operations.ts";
import { History } from "./history.ts";
import { Holds } from "./holds.ts";
import { MarkTimer } from "./mark-timer.ts";
import { OfferAlarm } from "./offer-alarm.ts";

/** An operation waits for at most so many members to know. */
const WAITED = 64;
/** An operation on contacts waits so long for the store to show what came of it. */
const SHOWN_MS = 2_000;
/** How much later than planned watermarks may be written before their reporter is told that they were not. */
const SLACK_MS = 2_000;

export class ConversationObject extends DurableObject<Env> implements ConversationRpc {
  /** What this object has cost since it woke. */
  readonly cost = freshCost();
  #core!: Conversation;
  #carrier!: Carrier;
  #history!: History;
  #archiver!: Archiver;
  /** When the object's one alarm rings, ms. Set earlier for whatever wants it, it does all that is due. */
  #alarmAt: number | undefined;
  #contacts: Saga<ContactStep> | undefined;
  readonly #marks = new MarkTimer(services(this.env).config, (news) => {
    for (const [writer, of] of news) this.#carrier.signal([writer], { t: "receipts", cid: this.#cid, of });
    this.#holds.look();
  });
  readonly #offers = new OfferAlarm(services(this.env).config.writes.offer_ms);
  /** Replies held until their entries are taken. */
  readonly #holds = new Holds();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAt = (await ctx.storage.getAlarm()) ?? undefined;
      // An alarm that is far off does not stand behind what is written from now on.
      const armed = this.#alarmAt !== undefined && this.#alarmAt <= Date.now() + this.#writes.offer_ms;
      const transact: Transact = (work) => ctx.storage.transactionSync(work as () => never);
      const store = new ConversationStore(counted(ctx.storage.sql, this.cost), transact, kindOf(this.#cid));
      this.#core = new Conversation(this.#cid, store, services(env).config, Date.now(), armed);
      this.#carrier = new Carrier(this.#cid, this.#core, env, (uid) => this.#answered(uid));
      this.#history = new History(this.#cid, this.#core, env);
      this.#archiver = new Archiver(this.#cid, this.#core, this.#history, env, (at) => this.#wakeBy(at));
      this.#archiver.schedule();
      const { contacts } = this.#core;
      this.#contacts = contacts && contactCarrier(contacts, env, () => this.#answered(undefined));
      // Who died with an alarm set may have left entries that nobody took: a wake for whatever reason offers them again.
      if (this.#alarmAt !== undefined) this.#carrier.pump();
    });
  }

  async append(uid: Uid, have: number, taken: number, drafts: readonly Draft[]): Promise<AppendReply> {
    this.cost.requests += 1;
    // Who only asks what is there does not make a chat begin to exist.
    if (drafts.length === 0 && !this.#core.exists) return refuseAll([], refuse("not_found", "no such conversation"));
    // Nor does who may not write.
    const barred = this.#core.exists ? undefined : this.#core.barred;
    const refusal = barred ?? (await this.#ensure(uid));
    if (refusal !== undefined) return refuseAll(drafts, refusal);
    // What is written about old messages has to look at them first. The caller has no second call on its way, so none overtakes.
    const old = this.#core.log.away(this.#core.about(uid, drafts));
    if (old.length > 0) await this.#history.recall(old);
    const { reply, hold, arm } = this.#core.append(uid, have, taken, drafts, Date.now());
    if (arm) this.#setAlarm();
    // ORD3: no await from the commit to here, so no later message can enter the lanes before this one. What leaves,
    // the pushes and the reply alike, is held by the output gate until the commit is on disk (DUR1).
    if (reply.results.some((result) => "seq" in result)) this.#carrier.pump();
    this.#carrier.heard(uid);
    this.#marks.set(this.#core.group);
    this.#archiver.schedule();
    if (!hold) return { ...reply, marks: this.#core.marksFor(uid) };
    await this.#holds.until(() => this.#core.settled(reply.head, uid), this.#writes.settle_ms, uid);
    if (!this.#core.settled(reply.head, uid)) {
      this.#core.arm();
      this.#setAlarm();
    }
    return { ...reply, settled: !this.#core.armed, marks: this.#core.marksFor(uid) };
  }

  async release(uid: Uid, ids: readonly string[]): Promise<void> {
    this.cost.requests += 1;
    this.#core.release(uid, ids);
  }

  async page(uid: Uid, query: PageQuery): Promise<Result<Page, Refusal>> {
    this.cost.requests += 1;
    // A direct chat that nobody has written in yet is an empty one to its two users, and so is one's system conversation.
    if (!this.#core.exists && this.#isOf(uid)) {
      return { ok: true, value: { messages: [], head: 0, more: false } };
    }
    const plan = this.#core.page(uid, query);
    return plan.ok ? this.#history.page(plan.value) : plan;
  }

  async confirm(uid: Uid, seqs: readonly number[]): Promise<Result<Confirmed, Refusal>> {
    this.cost.requests += 1;
    return this.#core.confirm(uid, seqs);
  }

  async count(uid: Uid, seq: number): Promise<Result<number, Refusal>> {
    this.cost.requests += 1;
    return this.#core.count(uid, seq);
  }

  async verify(after: number): Promise<Result<Verification, Refusal>> {
    this.cost.requests += 1;
    if (!this.#core.exists) return err(refuse("not_found", "no such conversation"));
    return ok(await this.#history.verify(after));
  }

  async block(uid: Uid, on: boolean): Promise<void> {
    this.cost.requests += 1;
    if ((await this.#ensure(uid)) !== undefined) return;
    this.#core.block(uid, on);
    if (on) this.#core.contacts?.blocked(uid, Date.now());
    this.#spread();
  }

  async depart(uid: Uid, op: string): Promise<void> {
    const done = await this.#changing([], (now) => operations.depart(this.#core, uid, op, now));
    this.#spread();
    if (!done.ok) throw new Error(`an account does not leave: ${done.error.code}`);
  }

  override async alarm(): Promise<void> {
    this.cost.requests += 1;
    this.#alarmAt = undefined;
    this.#core.alarm();
    this.#carrier.pump();
    this.#contacts?.pump();
    this.#core.group?.receipts.flush();
    // One alarm for everything that has to go on: whoever set it, all is looked at, and it is set again while anything is left.
    const idle = (): boolean => this.#core.idle && this.#core.contacts?.idle !== false;
    await this.#holds.until(idle, this.#writes.settle_ms);
    // Now it is known who has what: more may leave the log.
    void this.#archiver.pump();
    this.#offers.rang(idle(), Date.now());
    if (idle() || this.#core.armed) return;
    this.#core.arm();
    this.#wakeBy(this.#offers.again(Date.now(), Math.random()));
  }

  // --- contacts: the rules are in contact-rules.ts ---------------------------------------------------------------

  async contact(uid: Uid, op: string, operation: ContactOperation): Done<ContactView> {
    this.cost.requests += 1;
    const { contacts } = this.#core;
    if (contacts === undefined || !this.#isOf(uid)) return err(NOT_MEMBER);
    if (this.#core.over) return err(GONE);
    const result = contacts.operate(uid, op, operation, (one) => this.#core.blocks(one), Date.now());
    this.#spread();
    if (result.ok) await this.#holds.until(() => contacts.shown(uid), SHOWN_MS);
    return result;
  }

  async announce(id: string, from: Uid, body: string, priority: number): Promise<void> {
    this.cost.requests += 1;
    this.#core.create([ownerOf(this.#cid)], this.#shard());
    if (this.#core.announce(id, from, body, priority, Date.now())) this.#safely(() => this.#carrier.pump());
  }

  /** What has changed between the two users goes to whom it concerns. */
  #spread(): void {
    if (this.#core.contacts?.idle === false) this.#safely(() => this.#contacts?.pump());
  }

  /** In the turn of the commit: an alarm stands behind what begins now. */
  #safely(begin: () => void): void {
    if (!this.#core.armed) {
      this.#core.arm();
      this.#setAlarm();
    }
    begin();
    this.#archiver.schedule();
  }

  // --- groups: the rules are in group-operations.ts --------------------------------------------------------------

  async createGroup(
    owner: Uid,
    name: string,
    change: Omit<GroupChange, "name">,
    members: readonly Uid[],
  ): Done<GroupCard> {
    this.cost.requests += 1;
    const place = { op: "created", shard: this.#shard() };
    return this.#changing([owner, ...members], (now) =>
      operations.createGroup(this.#core, owner, name, change, members, place, this.#groups, now),
    );
  }

  async card(uid: Uid): Done<GroupCard> {
    this.cost.requests += 1;
    return operations.card(this.#core, uid);
  }

  async change(uid: Uid, op: string, change: GroupChange): Done<GroupCard> {
    return this.#changing([], (now) => operations.changeGroup(this.#core, uid, op, change, now));
  }

  async members(uid: Uid, after: Uid | undefined, limit: number): Done<{ members: MemberView[]; next?: Uid }> {
    this.cost.requests += 1;
    return operations.memberPage(this.#core, uid, after, limit);
  }

  async add(uid: Uid, op: string, users: readonly Uid[]): Done<GroupCard> {
    return this.#changing(users, (now) => operations.add(this.#core, uid, op, users, this.#groups, now));
  }

  async join(uid: Uid, op: string): Done<GroupCard> {
    return this.#changing([uid], (now) => operations.join(this.#core, uid, op, this.#groups, now));
  }

  async remove(uid: Uid, op: string, target: Uid): Done<void> {
    return this.#changing([target], (now) => operations.remove(this.#core, uid, op, target, now));
  }

  async setMember(
    uid: Uid,
    op: string,
    target: Uid,
    change: { role?: Role | undefined; muted_until?: number | undefined },
  ): Done<MemberView> {
    return this.#changing([], (now) => operations.setMember(this.#core, uid, op, target, change, now));
  }

  async dismiss(uid: Uid, op: string): Done<void> {
    return this.#changing([uid], (now) => operations.dismiss(this.#core, uid, op, now));
  }

  async receipts(uid: Uid, seq: number): Done<{ delivered: number; read: number; members: number }> {
    this.cost.requests += 1;
    await this.#history.recall([seq]);
    return operations.receipts(this.#core, uid, seq);
  }

  async receiptList(
    uid: Uid,
    seq: number,
    list: "read" | "unread",
    after: Uid | undefined,
    limit: number,
  ): Done<{ users: Uid[]; next?: Uid }> {
    this.cost.requests += 1;
    await this.#history.recall([seq]);
    return operations.receiptList(this.#core, uid, seq, list, after, limit);
  }

  async signal(uid: Uid, signal: Signal): Promise<void> {
    this.cost.requests += 1;
    const to = this.#core.contacts ? this.#core.heardBy(uid) : operations.audience(this.#core, uid, Date.now());
    if (to === "relays" && signal.t === "message") this.#carrier.cast(signal.frame, uid);
    else if (to !== "relays") this.#carrier.signal(to, signal);
  }

  async mark(uid: Uid, delivered: number, read: number): Promise<boolean> {
    this.cost.requests += 1;
    const known = this.#core.group?.mark(uid, { delivered, read }) ?? false;
    this.#marks.set(this.#core.group);
    return known && this.#marked();
  }

  async marks(_relay: number, marks: readonly ({ readonly user: Uid } & Marks)[]): Promise<void> {
    this.cost.requests += 1;
    for (const { user, ...most } of marks) this.#core.group?.mark(user, most);
    this.#marks.set(this.#core.group);
    if (!(await this.#marked())) throw new Error("watermarks are not on disk");
  }

  async headOf(uid: Uid): Done<GroupHead> {
    this.cost.requests += 1;
    return operations.headOf(this.#core, uid);
  }

  async admit(relay: number, uid: Uid, after: number): Done<Admission> {
    this.cost.requests += 1;
    const mine = this.#core.member(uid);
    return mine.ok ? ok(mine.value.group.admit(relay, mine.value.me, after)) : mine;
  }

  /** An operation that changes the group; answers when the objects of `uids` know, or a little later. */
  async #changing<T>(uids: readonly Uid[], work: (now: number) => Result<T, Refusal>): Done<T> {
    this.cost.requests += 1;
    const { head } = this.#core;
    const result = work(Date.now());
    if (this.#core.head === head) return result;
    // In the turn of the commit, as in `append`. An alarm always stands behind a change: it may concern many objects.
    this.#safely(() => this.#carrier.pump());
    this.#marks.set(this.#core.group);
    const first = uids.slice(0, WAITED);
    await this.#holds.until(() => this.#core.group?.told(first) !== false, this.#writes.settle_ms);
    return result;
  }

  /** Who reports watermarks forgets what it has told: it hears so when a crash here cannot lose them any more (RCP1). */
  async #marked(): Promise<boolean> {
    const written = (): boolean => this.#core.group?.receipts.dirty !== true;
    await this.#holds.until(written, this.#groups.mark_flush_ms + SLACK_MS);
    return written();
  }

  /** Where the history of a new conversation goes. When all shards are ill, the first: archiving waits, writing does not. */
  #shard(): string {
    const { routes, config } = services(this.env);
    const shard = routes.local("history", this.#cid);
    return shard.ok ? shard.value.node : (config.routing.policies.history.nodes[0]?.name ?? "main");
  }

  get #groups(): Config["groups"] {
    return services(this.env).config.groups;
  }

  get #cid(): Cid {
    return this.ctx.id.name as Cid;
  }

  get #writes(): Config["writes"] {
    return services(this.env).config.writes;
  }

  /** Whether this is, by its id, a direct chat or the system conversation of a user. */
  #isOf(uid: Uid): boolean {
    const kind = kindOf(this.#cid);
    return kind === "direct" ? peerOf(this.#cid, uid) !== undefined : kind === "system" && ownerOf(this.#cid) === uid;
  }

  /** Creates a direct chat with its first use; refuses when the other user does not exist, or for strangers. */
  async #ensure(uid: Uid): Promise<Refusal | undefined> {
    if (this.#core.exists) return undefined;
    const peer = kindOf(this.#cid) === "direct" ? peerOf(this.#cid, uid) : undefined;
    if (peer === undefined) return refuse("not_member", "not a member");
    if (!(await services(this.env).users.exists(peer))) return refuse("not_found", "no such user");
    this.#core.create([uid, peer], this.#shard());
    return undefined;
  }

  /** A call was answered: what waited for it goes on. */
  #answered(uid: Uid | undefined): void {
    const waiting = this.#holds.look();
    if (this.#core.group !== undefined) return this.#marks.set(this.#core.group);
    // Watermarks that came with an answer nobody waits for any more.
    for (const other of this.#core.members) if (other !== uid && !waiting.has(other)) this.#passOn(other);
  }

  /** Tells a writer the watermarks that no reply of this object will carry to it. */
  #passOn(uid: Uid): void {
    const due = this.#core.marksDue(uid);
    if (due === undefined) return;
    const { delivered, read } = due.marks;
    // Lost, the next watermark makes it good.
    void this.#carrier
      .user(uid)
      .receipt(this.#cid, due.from, delivered, read)
      .catch(() => {});
  }

  #setAlarm(): void {
    this.#wakeBy(this.#offers.begin(Date.now(), Math.random()));
  }

  /** An alarm at this time or earlier, in this same turn. */
  #wakeBy(at: number): void {
    if (this.#alarmAt !== undefined && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    this.cost.rowsWritten += 1;
    void this.ctx.storage.setAlarm(at);
  }
}
