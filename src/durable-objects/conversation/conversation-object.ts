/** The shell of a conversation: storage, alarms, calls to the members' objects. Decisions are in conversation.ts. */
import { DurableObject } from "cloudflare:workers";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { kindOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import type { Result } from "../../lib/result.ts";
import { services, type Env } from "../../workers/env.ts";
import { backoff } from "../lanes.ts";
import { counted, freshCost } from "../cost.ts";
import type { AppendReply, ConversationRpc, Draft, Page, PageQuery, PushCall } from "../rpc.ts";
import { Conversation, refuseAll } from "./conversation.ts";
import { ConversationStore } from "./conversation-store.ts";

/** A push that has not answered by then counts as failed, and is repeated: receivers drop what they have. */
const PUSH_DEADLINE_MS = 10_000;
/** The alarm asks again after 1, 2, 4 … times its first delay, at most this many. */
const LONGEST_ALARM = 64;

export class ConversationObject extends DurableObject<Env> implements ConversationRpc {
  /** What this object has cost since it woke. */
  readonly cost = freshCost();
  #core!: Conversation;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #alarmAttempts = 0;
  /** Replies held until their entries are taken. */
  readonly #held = new Set<{ uid: Uid | undefined; ready: () => boolean; go: () => void }>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      const armed = (await ctx.storage.getAlarm()) !== null;
      const store = new ConversationStore(counted(ctx.storage.sql, this.cost), (work) =>
        ctx.storage.transactionSync(work as () => never),
      );
      this.#core = new Conversation(store, services(env).config, Date.now(), armed);
      // Who died with an alarm set may have left entries that nobody took: a wake for whatever reason offers them again.
      if (armed) this.#pump();
    });
  }

  async append(uid: Uid, have: number, taken: number, drafts: readonly Draft[]): Promise<AppendReply> {
    this.cost.requests += 1;
    // Who only asks what is there does not make a chat begin to exist.
    if (drafts.length === 0 && !this.#core.exists) return refuseAll([], refuse("not_found", "no such conversation"));
    const refusal = await this.#ensure(uid);
    if (refusal !== undefined) return refuseAll(drafts, refusal);
    const { reply, hold, arm } = this.#core.append(uid, have, taken, drafts, Date.now());
    if (arm) this.#setAlarm(1);
    // ORD3: no await from the commit to here, so no later message can enter the lanes before this one. What leaves,
    // the pushes and the reply alike, is held by the output gate until the commit is on disk (DUR1).
    if (reply.results.some((result) => "seq" in result)) this.#pump();
    if (!hold) return { ...reply, marks: this.#core.marksFor(uid) };
    await this.#hold(() => this.#core.settled(reply.head, uid), this.#writes.settle_ms, uid);
    if (!this.#core.settled(reply.head, uid)) {
      this.#core.arm();
      this.#setAlarm(1);
    }
    return { ...reply, settled: !this.#core.armed, marks: this.#core.marksFor(uid) };
  }

  async release(uid: Uid, ids: readonly string[]): Promise<void> {
    this.cost.requests += 1;
    this.#core.release(uid, ids);
  }

  async page(uid: Uid, query: PageQuery): Promise<Result<Page, Refusal>> {
    this.cost.requests += 1;
    // A direct chat that nobody has written in yet is an empty one to its two users.
    if (!this.#core.exists && kindOf(this.#cid) === "direct" && peerOf(this.#cid, uid) !== undefined) {
      return { ok: true, value: { messages: [], head: 0, more: false } };
    }
    return this.#core.page(this.#cid, uid, query);
  }

  async count(uid: Uid, seq: number): Promise<Result<number, Refusal>> {
    this.cost.requests += 1;
    return this.#core.count(uid, seq);
  }

  async block(uid: Uid, on: boolean): Promise<void> {
    this.cost.requests += 1;
    if ((await this.#ensure(uid)) === undefined) this.#core.block(uid, on);
  }

  override async alarm(): Promise<void> {
    this.cost.requests += 1;
    this.#core.alarm();
    this.#pump();
    await this.#hold(() => this.#core.idle, this.#writes.settle_ms);
    this.#alarmAttempts = this.#core.idle ? 0 : this.#alarmAttempts + 1;
    if (this.#core.idle || this.#core.armed) return;
    this.#core.arm();
    this.#setAlarm(Math.min(LONGEST_ALARM, 2 ** this.#alarmAttempts));
  }

  get #cid(): Cid {
    return this.ctx.id.name as Cid;
  }

  get #writes(): { settle_ms: number; offer_ms: number } {
    return services(this.env).config.writes;
  }

  /** Creates a direct chat with its first use; refuses when the other user does not exist, or for strangers. */
  async #ensure(uid: Uid): Promise<Refusal | undefined> {
    if (this.#core.exists) return undefined;
    const peer = kindOf(this.#cid) === "direct" ? peerOf(this.#cid, uid) : undefined;
    if (peer === undefined) return refuse("not_member", "not a member");
    if (!(await services(this.env).users.exists(peer))) return refuse("not_found", "no such user");
    this.#core.create([uid, peer]);
    return undefined;
  }

  /** Starts every push that is due; one in flight per member. */
  #pump(): void {
    for (const uid of this.#core.members) {
      const call = this.#core.nextPush(this.#cid, uid, Date.now());
      if (call !== undefined) void this.#push(uid, call);
    }
    this.#schedule();
  }

  async #push(uid: Uid, call: PushCall): Promise<void> {
    try {
      // A stub whose call failed is broken for good, so each push takes a fresh one; the lane keeps the order.
      const stub = this.env.USERS.get(this.env.USERS.idFromName(uid));
      const reply = await withDeadline(stub.push(call), PUSH_DEADLINE_MS);
      this.#core.pushed(uid, reply, Date.now(), Math.random());
    } catch {
      this.#core.pushFailed(uid, Date.now(), Math.random());
    }
    const waiting = new Set([...this.#held].map((held) => held.uid));
    for (const held of this.#held) if (held.ready()) held.go();
    // Watermarks that came with an answer nobody waits for any more.
    for (const other of this.#core.members) if (other !== uid && !waiting.has(other)) this.#passOn(other);
    this.#pump();
  }

  /** Tells a writer the watermarks that no reply of this object will carry to it. */
  #passOn(uid: Uid): void {
    const due = this.#core.marksDue(uid);
    if (due === undefined) return;
    const { delivered, read } = due.marks;
    const stub = this.env.USERS.get(this.env.USERS.idFromName(uid));
    // Lost, the next watermark makes it good.
    void stub.receipt(this.#cid, due.from, delivered, read).catch(() => {});
  }

  /** Pumps again when a push that failed is due. */
  #schedule(): void {
    const due = this.#core.nextDue();
    if (due === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#pump();
      },
      Math.max(0, due - Date.now()),
    );
  }

  /** Resolves when `ready` holds, or after `ms`. `uid`: whose call waits for it. */
  #hold(ready: () => boolean, ms: number, uid?: Uid): Promise<void> {
    if (ready()) return Promise.resolve();
    return new Promise((resolve) => {
      const held = { uid, ready, go: (): void => {} };
      const timer = setTimeout(() => held.go(), ms);
      held.go = (): void => {
        clearTimeout(timer);
        this.#held.delete(held);
        resolve();
      };
      this.#held.add(held);
    });
  }

  #setAlarm(times: number): void {
    this.cost.rowsWritten += 1;
    const { offer_ms } = this.#writes;
    const jitter = backoff(0, { backoff: offer_ms * times, longest: Number.MAX_SAFE_INTEGER }, Math.random());
    void this.ctx.storage.setAlarm(Date.now() + Math.max(jitter, offer_ms / 2));
  }
}

/** The promise's outcome, or a rejection after `ms`. */
async function withDeadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("deadline")), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
