/** The shell of a group in the simulated world: what conversation-object.ts and carrier.ts do beside a direct chat. */
import { Audience } from "../../../src/durable-objects/conversation/audience.ts";
import * as operations from "../../../src/durable-objects/conversation/group-operations.ts";
import type { Admission, Mode, MulticastCall, MulticastReply } from "../../../src/durable-objects/group-rpc.ts";
import type { Marks, PushCall, Signal } from "../../../src/durable-objects/rpc.ts";
import { ok, type Result } from "../../../src/lib/result.ts";
import type { Refusal } from "../../../src/protocol/codes.ts";
import type { Uid } from "../../../src/protocol/ids.ts";
import { call } from "../calls.ts";
import { ConversationHost } from "../conversation-host.ts";

type Work<T> = (now: number) => Result<T, Refusal>;

export class GroupHost extends ConversationHost {
  #lazyAt: number | undefined;
  #mode: Mode = "push";
  readonly #audience = new Audience();
  /** Relays with a multicast in flight: never two to one. */
  readonly #carrying = new Set<number>();

  /** An operation that changes the group; answers when the objects of `uids` know, or a little later. */
  changing<T>(uids: readonly Uid[], work: Work<T>, respond: (result: Result<T, Refusal>) => void): void {
    const { core } = this;
    const { head } = core;
    const result = work(this.sim.clock.now);
    if (core.head === head) return respond(result);
    if (!core.armed) {
      core.arm();
      this.arm();
    }
    this.pump();
    this.later();
    this.tellStore();
    this.hold(
      () => core.group?.told(uids) !== false,
      () => respond(result),
    );
  }

  mark(uid: Uid, delivered: number, read: number, respond: (known: boolean) => void): void {
    const { core } = this;
    const known = core.group?.mark(uid, { delivered, read }) ?? false;
    this.later();
    if (!known || core.group?.receipts.hasNews !== true) return respond(known);
    this.hold(
      () => core.group?.receipts.dirty !== true,
      () => respond(known),
    );
  }

  marks(list: readonly ({ readonly user: Uid } & Marks)[]): void {
    for (const { user, ...most } of list) this.core.group?.mark(user, most);
    this.later();
  }

  admit(relay: number, uid: Uid, after: number): Result<Admission, Refusal> {
    const mine = this.core.member(uid);
    return mine.ok ? ok(mine.value.group.admit(relay, mine.value.me, after)) : mine;
  }

  signal(uid: Uid, signal: Signal): void {
    const to = operations.audience(this.core, uid, this.sim.clock.now);
    if (to !== "relays") return this.#tell(to, signal);
    if (signal.t !== "message") return;
    const { frame } = signal;
    for (const n of this.core.group?.multicast.relays ?? []) {
      const relay = this.sim.relay(this.cid, n);
      call<true>(
        this.sim,
        this,
        relay,
        (respond) => {
          relay.core.cast(frame, uid);
          respond(true);
        },
        () => {},
        "cast",
      );
    }
  }

  protected override pump(): void {
    for (const uid of this.core.members) this.look(uid);
    this.#multicast();
    this.schedule();
  }

  /** As carrier.ts: the member whose push was answered is looked at, and nobody else. */
  protected override answered(uid: Uid): void {
    this.#goOn();
    this.look(uid);
    this.schedule();
  }

  protected override later(): void {
    const { group } = this.core;
    if (group === undefined || !(group.receipts.dirty || group.receipts.hasNews)) return;
    const { writes, groups } = this.sim.config;
    const at = this.sim.clock.now + (group.receipts.hasNews ? writes.receipt_ms : groups.mark_flush_ms);
    if (this.#lazyAt !== undefined && this.#lazyAt <= at) return;
    this.#lazyAt = at;
    this.stay.after(at - this.sim.clock.now, () => {
      if (this.#lazyAt === at) this.#settle();
    });
  }

  protected override sleep(): void {
    super.sleep();
    this.#lazyAt = undefined;
    this.#carrying.clear();
  }

  protected override idle(): boolean {
    return super.idle() && this.#lazyAt === undefined;
  }

  /** The deliberate fault: who has not the place where pushing begins is pushed from where it is. */
  protected override pushOf(uid: Uid): PushCall | undefined {
    const push = super.pushOf(uid);
    const first = push?.entries[0]?.seq;
    if (push?.membership === undefined || first === undefined || this.sim.bug !== "pushed from before") return push;
    const have = Math.min(this.sim.user(uid).core.heads.get(this.cid)?.head ?? 0, first - 1);
    const before = this.core.log.entries(have, first - 1 - have);
    const { count = 0 } = this.core.log.row(have) ?? {};
    return {
      ...push,
      entries: [...before, ...push.entries],
      membership: { ...push.membership, base: { seq: have, count } },
    };
  }

  #goOn(): void {
    for (const held of this.waiting) if (held.ready()) held.go();
    this.later();
  }

  #settle(): void {
    const { group } = this.core;
    this.#lazyAt = undefined;
    if (group === undefined) return;
    group.receipts.flush();
    for (const [writer, of] of group.receipts.news()) this.#tell([writer], { t: "receipts", cid: this.cid, of });
    for (const held of this.waiting) if (held.ready()) held.go();
  }

  #tell(uids: Iterable<Uid>, signal: Signal): void {
    for (const uid of uids) {
      if (!this.#audience.interested(uid, this.sim.clock.now)) continue;
      const to = this.sim.user(uid);
      call<boolean>(
        this.sim,
        this,
        to,
        (respond) => {
          const heard = to.core.signal(signal, this.sim.clock.now);
          to.after();
          respond(heard);
        },
        (heard) => heard !== undefined && this.#audience.heard(uid, heard, this.sim.clock.now),
        "signal",
      );
    }
  }

  #multicast(): void {
    const { group } = this.core;
    if (group === undefined) return;
    for (const n of group.multicast.relays) {
      const due = group.nextMulticast(n, this.sim.clock.now);
      if (due !== undefined) this.#carry(n, this.sim.bug === "gone stay" ? { ...due, gone: [] } : due);
    }
  }

  #carry(n: number, due: MulticastCall): void {
    const { sim } = this;
    const relay = sim.relay(this.cid, n);
    if (this.#carrying.has(n)) sim.checks.fail("ORD2", `two multicasts in flight to relay ${n} of ${this.cid}`);
    this.#carrying.add(n);
    if (due.gone.length > 0) sim.stats.count("removals told to relays");
    call<MulticastReply>(
      sim,
      this,
      relay,
      (respond) => {
        const reply = relay.core.multicast(due, sim.clock.now);
        relay.after();
        respond(reply);
      },
      (reply) => {
        this.#carrying.delete(n);
        const { group } = this.core;
        if (reply === undefined) group?.multicast.failed(n, sim.clock.now, sim.chance.next());
        else group?.multicastDone(n, reply);
        this.#goOn();
        this.#multicast();
        this.schedule();
      },
      `multicast from ${due.from} to ${due.entries.at(-1)?.seq} end ${due.end} gone ${JSON.stringify(due.gone)}`,
    );
  }

  /** Switches that are on disk. */
  protected override confirmed(): void {
    super.confirmed();
    const mode = this.core.group?.state.mode ?? "push";
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.sim.stats.count(mode === "pull" ? "switches to pull" : "switches to push");
    this.sim.trace(this.name, () => `goes to ${mode} mode at ${this.core.head}`);
  }
}
