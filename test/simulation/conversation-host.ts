/** The shell of a conversation in the simulated world: does with queues what conversation-object.ts does with the platform. */
import { Conversation, refuseAll } from "../../src/durable-objects/conversation/conversation.ts";
import { ConversationStore, type Writes } from "../../src/durable-objects/conversation/conversation-store.ts";
import { OfferAlarm } from "../../src/durable-objects/conversation/offer-alarm.ts";
import type { AppendReply, Draft, Page, PageQuery, PushCall, PushReply } from "../../src/durable-objects/rpc.ts";
import type { Result } from "../../src/lib/result.ts";
import { refuse, type Refusal } from "../../src/protocol/codes.ts";
import { kindOf, peerOf, type Cid, type Uid } from "../../src/protocol/ids.ts";
import { ask, call } from "./calls.ts";
import type { Bug } from "./bugs.ts";
import { DiskRefused } from "./disk.ts";
import { HistoryCarrier } from "./history/carrier.ts";
import { Reader } from "./history/reader.ts";
import { Host } from "./host.ts";
import type { Life } from "./life.ts";
import type { Sim } from "./sim.ts";

export interface Held {
  readonly uid: Uid | undefined;
  readonly ready: () => boolean;
  readonly go: () => void;
}

/** The deliberate fault of a wake that reads no ids. */
class ForgetfulStore extends ConversationStore {
  override *ids(): Iterable<{ seq: number; sender: string; id: string }> {
    yield* [];
  }
}

/** The deliberate fault of amendments that nobody lists for the store. */
class ListlessStore extends ConversationStore {
  override write(writes: Writes): void {
    super.write({ ...writes, stale: [] });
  }
}

const STORES: Partial<Record<Bug, typeof ConversationStore>> = {
  "forgetful dedup": ForgetfulStore,
  "stale list forgotten": ListlessStore,
};

export class ConversationHost extends Host {
  readonly cid: Cid;
  #core: Conversation | undefined;
  #reader: Reader | undefined;
  #carrier: HistoryCarrier | undefined;
  #timer = false;
  #offers: OfferAlarm | undefined;
  protected readonly waiting = new Set<Held>();
  /** Members with a push in flight: never two for one. */
  readonly #pushing = new Set<Uid>();

  constructor(sim: Sim, cid: Cid) {
    super(sim, cid, sim.bug !== "open gate");
    this.cid = cid;
  }

  get core(): Conversation {
    this.awake();
    return this.#core as Conversation;
  }

  append(
    uid: Uid,
    have: number,
    taken: number,
    drafts: readonly Draft[],
    respond: (reply: AppendReply) => void,
    fail: () => void,
  ): void {
    if (drafts.length === 0 && !this.core.exists) {
      return respond(refuseAll([], refuse("not_found", "no such conversation")));
    }
    this.#ensure(uid, fail, (refusal) => {
      if (refusal !== undefined) return respond(refuseAll(drafts, refusal));
      this.reader.recall(this.core.about(uid, drafts), () => this.#append(uid, have, taken, drafts, respond, fail));
    });
  }

  #append(
    uid: Uid,
    have: number,
    taken: number,
    drafts: readonly Draft[],
    respond: (reply: AppendReply) => void,
    fail: () => void,
  ): void {
    const { core } = this;
    const { first } = core.log;
    const appended = unlessRefused(() => core.append(uid, have, taken, drafts, this.sim.clock.now));
    if (appended === undefined) {
      this.sim.stats.count("writes refused");
      return fail();
    }
    const { reply, hold, arm } = appended;
    this.#countOld(first, drafts, reply);
    if (arm) this.arm();
    if (reply.results.some((result) => "seq" in result)) this.pump();
    this.later();
    this.tellStore();
    if (!hold) return respond({ ...reply, marks: core.marksFor(uid) });
    this.sim.stats.count("replies held");
    this.hold(
      () => core.settled(reply.head, uid),
      () => {
        if (!core.settled(reply.head, uid)) {
          core.arm();
          this.arm();
        }
        respond({ ...reply, settled: !core.armed, marks: core.marksFor(uid) });
      },
      uid,
    );
  }

  #countOld(first: number, drafts: readonly Draft[], { results }: AppendReply): void {
    for (const [i, result] of results.entries()) {
      const { target = first, reply_to = first } = drafts[i] ?? {};
      if (!("seq" in result)) continue;
      if (target < first) this.sim.stats.count("amendments of what has left");
      if (reply_to < first) this.sim.stats.count("answers to what has left");
    }
  }

  page(uid: Uid, query: PageQuery, respond: (page: Result<Page, Refusal>) => void): void {
    if (!this.core.exists && kindOf(this.cid) === "direct" && peerOf(this.cid, uid) !== undefined) {
      return respond({ ok: true, value: { messages: [], head: 0, more: false } });
    }
    const plan = this.core.page(uid, query);
    if (plan.ok) this.reader.page(plan.value, respond);
    else respond(plan);
  }

  protected wake(): void {
    const { sql, transact } = this.disk;
    const { sim, cid, alarmAt } = this;
    const { now } = sim.clock;
    const Store = (sim.bug && STORES[sim.bug]) ?? ConversationStore;
    // An alarm that is far off does not stand behind what is written from now on.
    const armed = alarmAt !== undefined && alarmAt <= now + sim.config.writes.offer_ms;
    this.#core = new Conversation(cid, new Store(sql, transact, kindOf(cid)), sim.config, now, armed);
    this.#offers = new OfferAlarm(sim.config.writes.offer_ms);
    this.#reader = new Reader(sim, this, cid, this.#core);
    this.#carrier = new HistoryCarrier(sim, this, cid, this.#core, (at) => this.#wakeBy(at));
    this.tellStore();
    if (alarmAt !== undefined) this.pump();
  }

  get #nextOffer(): OfferAlarm {
    this.awake();
    return this.#offers as OfferAlarm;
  }

  protected get reader(): Reader {
    this.awake();
    return this.#reader as Reader;
  }

  /** Comes back when something is due to the store. */
  protected tellStore(): void {
    this.awake();
    this.#carrier?.schedule();
  }

  /** Something was written past this host: the alarm of a writer that died stands behind it. */
  offersLater(): void {
    this.setAlarm(this.sim.clock.now + this.sim.config.writes.offer_ms);
  }

  protected ring(done: () => void): void {
    const { core } = this;
    core.alarm();
    core.group?.receipts.flush();
    this.pump();
    this.hold(
      () => core.idle,
      () => {
        // Now it is known who has what: more may leave the log.
        this.#carrier?.pump();
        const { sim } = this;
        const offers = this.#nextOffer;
        offers.rang(core.idle, sim.clock.now);
        if (!core.idle && !core.armed) {
          core.arm();
          this.#wakeBy(offers.again(sim.clock.now, sim.chance.next()));
        }
        done();
      },
    );
  }

  protected sleep(): void {
    this.#core = undefined;
    this.#reader = undefined;
    this.#carrier = undefined;
    this.#timer = false;
    this.#offers = undefined;
    this.waiting.clear();
    this.#pushing.clear();
  }

  protected broken(): void {}

  /** Watermarks of a group wait to be written and told. */
  protected later(): void {}

  protected idle(): boolean {
    return !this.#timer && this.waiting.size === 0;
  }

  protected confirmed(): void {
    this.sim.ledger.committed(this.cid, this.disk.sql);
  }

  /** Creates the chat with its first use. */
  #ensure(uid: Uid, fail: () => void, then: (refusal?: Refusal) => void): void {
    if (this.core.exists) return then();
    const peer = kindOf(this.cid) === "direct" ? peerOf(this.cid, uid) : undefined;
    if (peer === undefined) return then(refuse("not_member", "not a member"));
    ask(this.sim, this, this.sim.uids.includes(peer), (exists) => {
      if (exists === undefined) return fail();
      // The disk may refuse the new members: that fails the call.
      if (this.disk.refuses) return fail();
      if (exists) this.core.create([uid, peer], "main");
      then(exists ? undefined : refuse("not_found", "no such user"));
    });
  }

  protected pump(): void {
    for (const uid of this.core.members) this.look(uid);
    this.schedule();
  }

  /** Starts the push that is due to a member. */
  protected look(uid: Uid): void {
    const push = this.pushOf(uid);
    if (push !== undefined) this.#push(uid, push);
  }

  protected pushOf(uid: Uid): PushCall | undefined {
    return this.core.nextPush(uid, this.sim.clock.now);
  }

  #push(uid: Uid, push: PushCall): void {
    const { sim, core } = this;
    if (this.#pushing.has(uid)) sim.checks.fail("ORD2", `two pushes in flight to ${uid} of ${this.cid}`);
    this.#pushing.add(uid);
    const receiver = sim.user(uid);
    call<PushReply>(
      sim,
      this,
      receiver,
      (respond) => receiver.push(push, respond),
      (reply) => {
        this.#pushing.delete(uid);
        if (reply === undefined) core.pushFailed(uid, sim.clock.now, sim.chance.next());
        else core.pushed(uid, reply, sim.clock.now, sim.chance.next());
        this.answered(uid);
      },
      `push ${push.entries[0]?.seq}-${push.entries.at(-1)?.seq} ${push.settle ? "settle" : ""}`,
    );
  }

  /** A push was answered, or failed: what waited for it goes on. */
  protected answered(uid: Uid): void {
    const waiting = new Set([...this.waiting].map((held) => held.uid));
    for (const held of this.waiting) if (held.ready()) held.go();
    for (const other of this.core.members) if (other !== uid && !waiting.has(other)) this.#passOn(other);
    this.pump();
  }

  #passOn(uid: Uid): void {
    const due = this.core.marksDue(uid);
    if (due === undefined) return;
    const { delivered, read } = due.marks;
    const writer = this.sim.user(uid);
    const what = `marks ${delivered} ${read}`;
    call(
      this.sim,
      this,
      writer,
      (respond) => writer.receipt(this.cid, due.from, delivered, read, respond),
      () => {},
      what,
    );
  }

  protected schedule(): void {
    const due = this.core.nextDue();
    if (due === undefined || this.#timer) return;
    this.#timer = true;
    this.stay.after(due - this.sim.clock.now, () => {
      this.#timer = false;
      this.pump();
    });
  }

  protected hold(ready: () => boolean, then: () => void, uid?: Uid): void {
    if (ready()) return then();
    const held: Held = {
      uid,
      ready,
      go: () => {
        if (this.waiting.delete(held)) then();
      },
    };
    this.waiting.add(held);
    this.stay.after(this.sim.config.writes.settle_ms, held.go);
  }

  protected arm(): void {
    this.#wakeBy(this.#nextOffer.begin(this.sim.clock.now, this.sim.chance.next()));
  }

  /** One alarm for everything: at this time or earlier. */
  #wakeBy(at: number): void {
    if (this.alarmAt === undefined || this.alarmAt > at) this.setAlarm(at);
  }

  protected get stay(): Life {
    return this.awake();
  }
}

/** Undefined when the disk refused what that would have written: the call fails, as if it threw to who serves it. */
function unlessRefused<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof DiskRefused) return undefined;
    throw error;
  }
}
