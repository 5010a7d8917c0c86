/** The shell of a conversation in the simulated world: does with queues what conversation-object.ts does with the platform. */
import { Conversation, refuseAll } from "../../src/durable-objects/conversation/conversation.ts";
import { ConversationStore } from "../../src/durable-objects/conversation/conversation-store.ts";
import { backoff } from "../../src/durable-objects/lanes.ts";
import type { AppendReply, Draft, Page, PageQuery, PushCall, PushReply } from "../../src/durable-objects/rpc.ts";
import type { Result } from "../../src/lib/result.ts";
import { refuse, type Refusal } from "../../src/protocol/codes.ts";
import { kindOf, peerOf, type Cid, type Uid } from "../../src/protocol/ids.ts";
import { ask, call } from "./calls.ts";
import { Host } from "./host.ts";
import type { Life } from "./life.ts";
import type { Sim } from "./sim.ts";

const LONGEST_ALARM = 64;

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

export class ConversationHost extends Host {
  readonly cid: Cid;
  #core: Conversation | undefined;
  #timer = false;
  #alarmAttempts = 0;
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
      const { core } = this;
      const { reply, hold, arm } = core.append(uid, have, taken, drafts, this.sim.clock.now);
      if (arm) this.arm(1);
      if (reply.results.some((result) => "seq" in result)) this.pump();
      this.later();
      if (!hold) return respond({ ...reply, marks: core.marksFor(uid) });
      this.sim.stats.count("replies held");
      this.hold(
        () => core.settled(reply.head, uid),
        () => {
          if (!core.settled(reply.head, uid)) {
            core.arm();
            this.arm(1);
          }
          respond({ ...reply, settled: !core.armed, marks: core.marksFor(uid) });
        },
        uid,
      );
    });
  }

  page(uid: Uid, query: PageQuery): Result<Page, Refusal> {
    if (!this.core.exists && kindOf(this.cid) === "direct" && peerOf(this.cid, uid) !== undefined) {
      return { ok: true, value: { messages: [], head: 0, more: false } };
    }
    return this.core.page(uid, query);
  }

  protected wake(): void {
    const { sql, transact } = this.disk;
    const kind = kindOf(this.cid);
    const store =
      this.sim.bug === "forgetful dedup"
        ? new ForgetfulStore(sql, transact, kind)
        : new ConversationStore(sql, transact, kind);
    this.#core = new Conversation(this.cid, store, this.sim.config, this.sim.clock.now, this.alarmAt !== undefined);
    if (this.alarmAt !== undefined) this.pump();
  }

  protected ring(done: () => void): void {
    const { core } = this;
    core.alarm();
    core.group?.receipts.flush();
    this.pump();
    this.hold(
      () => core.idle,
      () => {
        this.#alarmAttempts = core.idle ? 0 : this.#alarmAttempts + 1;
        if (!core.idle && !core.armed) {
          core.arm();
          this.arm(Math.min(LONGEST_ALARM, 2 ** this.#alarmAttempts));
        }
        done();
      },
    );
  }

  protected sleep(): void {
    this.#core = undefined;
    this.#timer = false;
    this.#alarmAttempts = 0;
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

  protected arm(times: number): void {
    const { offer_ms } = this.sim.config.writes;
    const limits = { backoff: offer_ms * times, longest: Number.MAX_SAFE_INTEGER };
    this.setAlarm(this.sim.clock.now + Math.max(backoff(0, limits, this.sim.chance.next()), offer_ms / 2));
  }

  protected get stay(): Life {
    return this.awake();
  }
}
