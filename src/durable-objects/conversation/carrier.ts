/**
 * Carries what a conversation has to say to its members' objects and relays: pushes, multicasts, signals. A shell beside
 * conversation-object.ts; what is due is decided by the core.
 */
import { describe, log } from "../../observability/log.ts";
import type { Cid, Uid } from "../../protocol/ids.ts";
import { services, type Env } from "../../workers/env.ts";
import type { MulticastCall, RelayRpc } from "../group-rpc.ts";
import type { PushCall, Signal, UserRpc } from "../rpc.ts";
import { withDeadline } from "../saga.ts";
import { Audience } from "./audience.ts";
import type { Conversation } from "./conversation.ts";
import type { Group } from "./group.ts";

/** A call that has not answered by then counts as failed, and is repeated: receivers drop what they have. */
const DEADLINE_MS = 10_000;
/** Pushes of one group in flight at a time. */
const PUSHES = 64;

export class Carrier {
  readonly #cid: Cid;
  readonly #core: Conversation;
  readonly #env: Env;
  /** A call was answered or failed. */
  readonly #answered: (uid: Uid | undefined) => void;
  readonly #audience = new Audience();
  /** Members to look at, from `#at` on; those with a push in flight look for themselves when it is answered, last of all. */
  #queue: Uid[] = [];
  #at = 0;
  #pushing = 0;
  #timer: { at: number; handle: ReturnType<typeof setTimeout> } | undefined;

  constructor(cid: Cid, core: Conversation, env: Env, answered: (uid: Uid | undefined) => void) {
    this.#cid = cid;
    this.#core = core;
    this.#env = env;
    this.#answered = answered;
  }

  /** Starts every call that is due: one in flight per member and per relay. */
  pump(): void {
    this.#queue = [...this.#core.members];
    this.#at = 0;
    this.#next();
    this.#multicast();
    this.#schedule();
  }

  /** This member's object called: somebody may be connected. */
  heard(uid: Uid): void {
    this.#audience.heard(uid, true, Date.now());
  }

  /** Tells whoever is connected, kept nowhere. */
  signal(uids: Iterable<Uid>, signal: Signal): void {
    const now = Date.now();
    for (const uid of uids) {
      if (!this.#audience.interested(uid, now)) continue;
      // Lost, it is lost: it was of the moment.
      const heard = (online: boolean): void => this.#audience.heard(uid, online, Date.now());
      void this.user(uid)
        .signal(signal)
        .then(heard, () => {});
    }
  }

  /** The same to the devices that listen to relays. */
  cast(frame: string, from: Uid): void {
    for (const n of this.#core.group?.multicast.relays ?? []) {
      void this.#relay(n)
        .cast(frame, from)
        .catch(() => {});
    }
  }

  /** A fresh stub: one whose call failed is broken for good. */
  user(uid: Uid): UserRpc {
    return services(this.#env).user(uid);
  }

  #relay(n: number): RelayRpc {
    const { RELAYS } = this.#env;
    const stub: unknown = RELAYS.get(RELAYS.idFromName(`${this.#cid}#${n}`));
    return stub as RelayRpc;
  }

  #next(): void {
    while (this.#pushing < PUSHES && this.#at < this.#queue.length) {
      const uid = this.#queue[this.#at] as Uid;
      this.#at += 1;
      const call = this.#core.nextPush(uid, Date.now());
      if (call !== undefined) void this.#push(uid, call);
    }
  }

  async #push(uid: Uid, call: PushCall): Promise<void> {
    this.#pushing += 1;
    try {
      const reply = await withDeadline(this.user(uid).push(call), DEADLINE_MS);
      if (reply.online !== undefined) this.#audience.heard(uid, reply.online, Date.now());
      this.#core.pushed(uid, reply, Date.now(), Math.random());
    } catch (error) {
      log("warn", "push failed", describe(error));
      this.#core.pushFailed(uid, Date.now(), Math.random());
    }
    this.#pushing -= 1;
    this.#answered(uid);
    // More may have come for this member meanwhile.
    this.#queue.push(uid);
    this.#next();
    this.#schedule();
  }

  #multicast(): void {
    const { group } = this.#core;
    if (group === undefined) return;
    for (const n of group.multicast.relays) {
      const call = group.nextMulticast(n, Date.now());
      if (call !== undefined) void this.#carry(group, n, call);
    }
  }

  async #carry(group: Group, n: number, call: MulticastCall): Promise<void> {
    try {
      const reply = await withDeadline(this.#relay(n).multicast(call), DEADLINE_MS);
      group.multicastDone(n, reply);
    } catch (error) {
      log("warn", "multicast failed", describe(error));
      group.multicast.failed(n, Date.now(), Math.random());
    }
    this.#answered(undefined);
    this.#multicast();
    this.#schedule();
  }

  /** Pumps again when a call that failed is due, or what waits for company goes. */
  #schedule(): void {
    const at = this.#core.nextDue();
    if (at === undefined || (this.#timer !== undefined && this.#timer.at <= at)) return;
    clearTimeout(this.#timer?.handle);
    const wake = (): void => {
      this.#timer = undefined;
      this.pump();
    };
    this.#timer = { at, handle: setTimeout(wake, Math.max(1, at - Date.now())) };
  }
}
