/**
 * One user: the registry of the user's connections everywhere, the heads of the user's conversations, and the way of
 * messages through both. Joins the parts that decide; the shell (user-object.ts) owns sockets, timers and object calls. No
 * clock, no chance, no await: what is here runs in simulations too.
 */
import type { Config } from "../../config/config.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import type { Ref } from "../../protocol/codec.ts";
import { directCid, kindOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import { encodeControl, requestKey, SYNCED, type Attach, type UpFrame } from "../../protocol/link.ts";
import type { Marks, PushCall, PushReply, Signal } from "../rpc.ts";
import { Delivery } from "./delivery.ts";
import { Devices } from "./devices.ts";
import { Groups } from "./groups.ts";
import { Heads } from "./heads.ts";
import type { Link } from "./links.ts";
import { addressOf, inside, stranger } from "./membership.ts";
import { Outgoing } from "./outgoing.ts";
import { PeerNames } from "./peer-names.ts";
import { Presence } from "./presence.ts";
import { Receipts } from "./receipts.ts";
import { Recovery } from "./recovery.ts";
import { Registry } from "./registry.ts";
import { Sending } from "./sending.ts";
import * as make from "./server-frames.ts";
import { Typing } from "./typing.ts";
import type { UserPort } from "./user-port.ts";
import type { HeadRow, UserStore } from "./user-store.ts";
import { Watermarks, type Learn } from "./watermarks.ts";
import { WriteBehind } from "./write-behind.ts";

type Up<T extends UpFrame["t"]> = Extract<UpFrame, { t: T }>;

export class User {
  readonly uid: Uid;
  readonly heads: Heads;
  readonly presence: Presence;
  readonly registry: Registry;
  readonly #store: UserStore;
  readonly #config: Config;
  readonly #port: UserPort;
  readonly #devices: Devices;
  readonly #writes: WriteBehind;
  readonly #delivery: Delivery;
  readonly #sending: Sending;
  readonly #watermarks: Watermarks;
  readonly #recovery: Recovery;
  readonly #typing: Typing;
  readonly #names: PeerNames;
  readonly #groups: Groups;

  constructor(uid: Uid, store: UserStore, config: Config, port: UserPort, links: readonly Link[]) {
    this.uid = uid;
    this.#store = store;
    this.#config = config;
    this.#port = port;
    const heads = new Heads(store, uid);
    const devices = new Devices(heads, port, links);
    const writes = new WriteBehind(heads, config.writes);
    const outgoing = new Outgoing();
    const receipts = new Receipts();
    const names = new PeerNames(uid, port, { heads, writes, devices });
    const groups = new Groups(port, { heads, devices, writes });
    const parts = { store, heads, devices, writes, outgoing, receipts, names, groups };
    const delivery = new Delivery(uid, config, port, parts);
    this.heads = heads;
    this.#names = names;
    this.#groups = groups;
    this.#devices = devices;
    this.#writes = writes;
    this.#delivery = delivery;
    const learn: Learn = (cid, done, now) => this.#learn(cid, done, now);
    this.#recovery = new Recovery(learn);
    this.#watermarks = new Watermarks(uid, config, port, { ...parts, learn });
    this.#sending = new Sending(uid, config, port, { ...parts, delivery, watermarks: this.#watermarks });
    const mine = (cid: Cid): boolean => stranger(uid, heads, cid) === undefined;
    this.#typing = new Typing(devices, config.timeouts.typing_ms, mine);
    this.presence = new Presence(uid, store, config, port, () => devices.links);
    this.registry = new Registry(config, port, { store, devices, presence: this.presence });
  }

  get links(): ReadonlySet<Link> {
    return this.#devices.links;
  }

  // --- links -----------------------------------------------------------------------------------------------------

  /** A session connects, or connects again. */
  attach(link: Link, attach: Attach, now: number): void {
    if (!this.registry.admit(link, attach, now)) return;
    if (attach.since !== undefined) this.heads.sawVersion(attach.since, now);
    if (this.heads.version === 0) this.heads.nextVersion(now);
    this.#port.send(link, encodeControl({ do: "attached", version: this.heads.version }));
    if (attach.since !== undefined) this.#sync(link, attach.since, attach.again ? undefined : {}, now);
    else this.#groups.tellPulled(link, attach.again);
    for (const [cid, seq] of Object.entries(attach.seen ?? {})) this.#recover(cid as Cid, seq, now);
  }

  /** A device has entries that this object lost before they were written: the conversation has them (RES1). */
  #recover(cid: Cid, seq: number, now: number): void {
    if (seq <= (this.heads.get(cid)?.head ?? 0) || stranger(this.uid, this.heads, cid) !== undefined) return;
    this.#recovery.want(cid, now);
    this.#recovery.tick(now);
  }

  #learn(cid: Cid, done: Parameters<Learn>[1], asked: number): void {
    if (this.heads.get(cid)?.membership?.mode === "pull") return this.#groups.refresh([cid], done, asked, true);
    const have = this.heads.get(cid)?.head ?? 0;
    this.#port.append(cid, have, this.heads.taken(cid), [], (reply, now) => {
      const membership = reply?.membership;
      const entered = membership && this.#groups.enter(cid, membership, now);
      const mine = stranger(this.uid, this.heads, cid) === undefined;
      const fresh = mine && reply ? this.#delivery.take(cid, reply.entries, true, now, reply.own) : undefined;
      if (fresh !== undefined) this.#delivery.handOver(cid, fresh, now, reply?.settled !== true);
      if (entered !== undefined && membership !== undefined) this.#groups.settle(cid, membership, entered, now);
      // In pull mode, or to a stranger, it says nothing: this object will be told of either, and is asked again.
      done(reply !== undefined && reply.pull !== true && reply.head >= have, now);
    });
  }

  // --- frames of the user's devices ------------------------------------------------------------------------------

  /** Frames of one link, in order. */
  frames(link: Link, frames: readonly UpFrame[], now: number): void {
    for (const frame of frames) {
      const cid = frame.t === "send" ? frame.to : frame.t === "pull" || frame.t === "read" ? frame.cid : "";
      this.#groups.use(link, cid as Cid);
      this.#frame(link, frame, now);
    }
    this.#sending.start(now);
  }

  #frame(link: Link, frame: UpFrame, now: number): void {
    switch (frame.t) {
      case "send":
        return this.#sending.send(link, frame, now);
      case "amend":
        return this.#sending.amend(link, frame, now);
      case "release":
        return this.#sending.release(link, frame);
      case "ack":
        return this.#watermarks.ack(link, frame, now);
      case "read":
        return this.#watermarks.read(link, frame, now);
      case "typing":
        return this.#type(link, frame, now);
      case "sync":
        return this.#sync(link, frame.since, { req: frame.req }, now);
      case "pull":
        return this.#pull(link, frame);
      case "watch":
        return this.presence.watch(frame.users, (user, online, seen) => {
          this.#devices.tell(link, [make.presenceFrame(user, online, seen)], { about: user });
        });
      case "unwatch":
        return this.presence.unwatch(frame.users);
      case "poll":
        return this.#groups.poll(link, frame);
    }
  }

  #type(link: Link, frame: Up<"typing">, now: number): void {
    const { cid, on } = frame;
    const to = addressOf(this.uid, this.heads, cid);
    if (typeof to !== "string") return this.#devices.refuse(link, to, cid);
    const head = this.heads.get(cid);
    const signal = { t: "typing", cid, user: this.uid, on } as const;
    const peer = kindOf(cid) === "direct" ? peerOf(cid, this.uid) : undefined;
    if (peer !== undefined && head === undefined) return;
    // Where only contacts write to each other, the chat knows who they are.
    if (peer !== undefined && this.#config.messages.dm === "anyone") return this.#port.signal(peer, signal, () => {});
    // In a large group too many would see too much typing; in a small one each word of it is a call per member.
    if (peer === undefined && (head?.membership?.mode !== "push" || !this.#typing.news(cid, on, now))) return;
    this.#port.groupSignal(cid, signal);
  }

  /**
   * Tells the heads that changed after a version, then `synced` if `end` is given. Large groups are asked how far they are, and are
   * always told: what their relays hand to a device moves no version here. What this object knows by itself goes first: a
   * message that is pushed while they answer has a newer version, and must not cover what the device has not been told (RES1).
   */
  #sync(link: Link, since: number, end: { req?: Ref } | undefined, now: number): void {
    const known = this.heads.plausible(since, now) ? since : 0;
    const changed = this.heads.since(known).filter((row) => known > 0 || inside(row));
    // In this turn: whatever is pushed next goes to this link, too, and must not come before the hole is announced (ORD2).
    if (end === undefined) this.#groups.tellLeft(link, changed);
    this.#devices.tellHeads(link, changed);
    link.behind.clear();
    this.#names.ask(changed, now);
    // Over a link that was made anew the device still listens to its relays.
    const large = end === undefined ? [] : this.#groups.pulled();
    if (end?.req === undefined) this.#groups.toTell(link);
    const cids = large.map(({ cid }) => cid);
    const told = new Map(changed.map(({ cid, version }) => [cid, version]));
    this.#groups.refresh(cids, () => this.#synced(link, cids, told, end), now);
  }

  #synced(link: Link, large: readonly Cid[], told: ReadonlyMap<Cid, number>, end: { req?: Ref } | undefined): void {
    if (!this.links.has(link)) return;
    const moved = large.flatMap((cid) => this.heads.get(cid) ?? []).filter((row) => told.get(row.cid) !== row.version);
    this.#devices.tellHeads(link, moved);
    if (end?.req === undefined) this.#groups.tellPulled(link, end === undefined);
    if (end === undefined) return;
    const { version } = this.heads;
    const done = [end.req === undefined ? SYNCED : requestKey(end.req)];
    this.#devices.tell(link, [make.syncedFrame(end.req, version)], { version, done });
  }

  #pull(link: Link, frame: Up<"pull">): void {
    const { req, cid, after, before, limit } = frame;
    const key = requestKey(req);
    const refusal = stranger(this.uid, this.heads, cid);
    if (refusal !== undefined) return this.#devices.refuse(link, refusal, req, key);
    this.#port.page(cid, { after, before, limit }, (page) => {
      if (page === undefined) return this.#devices.refuse(link, refuse("unavailable", "try again", 1000), req, key);
      // Left since it was asked: nothing follows that word (SEC1).
      const since = stranger(this.uid, this.heads, cid);
      if (since !== undefined) return this.#devices.refuse(link, since, req, key);
      if (!page.ok) return this.#devices.refuse(link, page.error, req, key);
      this.#devices.tell(link, [make.pageFrame(req, cid, page.value)], { done: [key] });
    });
  }

  // --- calls of other objects ------------------------------------------------------------------------------------

  /** A conversation offers entries. The reply says what is known without a gap, and what of it is on disk. */
  push(call: PushCall, now: number): PushReply {
    const { cid, membership } = call;
    const entered = membership && this.#groups.enter(cid, membership, now);
    if (membership !== undefined && !inside(this.heads.get(cid))) return this.#pastEnd(call);
    const fresh = this.#delivery.take(cid, call.entries, call.skip, now, call.own);
    if (fresh !== undefined) this.#delivery.handOver(cid, fresh, now, !call.settle);
    if (entered !== undefined && membership !== undefined) this.#groups.settle(cid, membership, entered, now);
    const reply = this.taken(call);
    if (call.settle && reply.taken < reply.have) {
      const attentive = fresh !== undefined && [...this.links].some((link) => !link.lagging);
      this.#writes.settle(cid, attentive, now);
    }
    return reply;
  }

  /** What is known of a conversation without a gap, and how much of it is on disk. */
  taken({ cid, membership, settle }: PushCall): PushReply {
    const have = this.heads.get(cid)?.head ?? 0;
    const taken = this.heads.taken(cid);
    if (membership === undefined) return { have, taken };
    // A group waits for what it said of the membership, too: as long as that is not on disk, not all is.
    const partly = settle && this.heads.unwritten(cid);
    return { have, taken: partly ? Math.min(taken, have - 1) : taken, online: this.links.size > 0 };
  }

  /** Entries of a membership that is over: they go nowhere, and count as taken once its end is on disk (SEC1). */
  #pastEnd({ cid, entries }: PushCall): PushReply {
    const have = Math.max(entries.at(-1)?.seq ?? 0, this.heads.get(cid)?.head ?? 0);
    return { have, taken: this.heads.unwritten(cid) ? have - 1 : have, online: this.links.size > 0 };
  }

  /** Watermarks that go with the answer to a push whose writer waits for it; of no push is this asked twice. */
  ride(cid: Cid, now: number): Marks | undefined {
    return this.#watermarks.ride(cid, now);
  }

  /** The peer of a direct chat reports its watermarks. */
  receipt(cid: Cid, from: Uid, delivered: number, read: number, now: number): boolean {
    return this.#watermarks.reported(cid, from, delivered, read, now);
  }

  /** Something for whoever is online; false when nobody is. What comes from somebody blocked ends here. */
  signal(signal: Signal, now: number): boolean {
    if (this.links.size === 0) return false;
    // The group did not know yet that this user has left, or this object is the first to know (SEC1).
    if ("cid" in signal && stranger(this.uid, this.heads, signal.cid) !== undefined) return true;
    if (signal.t === "receipts") {
      for (const { user, delivered, read } of signal.of) {
        this.#devices.tellAll(make.receiptFrame(signal.cid, user, read > 0 ? { delivered, read } : { delivered }));
      }
      return true;
    }
    if (this.#store.isBlocked(signal.user)) return true;
    if (signal.t === "typing") this.#typing.set(signal.cid, signal.user, signal.on, now);
    else if (signal.t === "presence") {
      const { user, online, lastSeen } = signal;
      this.#devices.tellAll(make.presenceFrame(user, online, lastSeen), undefined, user);
    } else for (const link of this.links) if (!link.lagging) this.#devices.tell(link, [signal.frame]);
    return true;
  }

  /** Asks those of these conversations that are large groups how far they are. */
  refresh(rows: readonly HeadRow[], done: () => void, now: number): void {
    const large = rows.filter(({ membership }) => membership?.mode === "pull").map(({ cid }) => cid);
    this.#groups.refresh(large, done, now);
  }

  // --- settings --------------------------------------------------------------------------------------------------

  blocks(): Uid[] {
    return this.#store.blocks();
  }

  /** Blocks or unblocks; `done` when the direct chat knows, or when telling it was put off. */
  setBlock(other: Uid, on: boolean, now: number, done: () => void): void {
    if (!this.#store.setBlock(other, on, now)) return done();
    this.presence.blocked(other, on);
    this.#tellBlock(other, on, now, done);
  }

  #tellBlock(other: Uid, on: boolean, now: number, done: () => void): void {
    this.#port.block(directCid(this.uid, other), on, (told) => {
      if (told) this.#store.blockTold(other, on);
      else this.#port.alarm(now + this.#config.writes.offer_ms);
      done();
    });
  }

  /** Mutes or pins; refused when this user has no such conversation, or when the disk refused: then it may come later. */
  setConversation(
    cid: Cid,
    change: { muted?: boolean | undefined; pinned?: boolean | undefined },
    now: number,
  ): Result<HeadRow, Refusal> {
    const head = this.heads.get(cid);
    if (!inside(head)) return err(refuse("not_found", "no such conversation"));
    const { muted = head.muted, pinned = head.pinned } = change;
    const changed = this.heads.change(cid, { muted, pinned }, this.heads.nextVersion(now));
    const written = this.#writes.flush(now);
    this.#devices.tellHead(cid);
    return written ? ok(changed) : err(refuse("unavailable", "try again", 1000));
  }

  // --- time ------------------------------------------------------------------------------------------------------

  /** Does what is due. */
  tick(now: number): void {
    // What is told afterwards is held by the output gate until it is on disk.
    this.#writes.tick(now);
    this.#sending.tick(now);
    this.#watermarks.tick(now);
    this.#recovery.tick(now);
    this.#typing.tick(now);
    this.#devices.tick(now);
  }

  /** When `tick` has something to do; undefined when it never does without another event. */
  nextTick(): number | undefined {
    let next: number | undefined;
    for (const part of [this.#sending, this.#watermarks, this.#recovery, this.#typing, this.#devices, this.#writes]) {
      const at = part.nextTick();
      if (at !== undefined && (next === undefined || at < next)) next = at;
    }
    return next;
  }

  /** The object's alarm: what must happen even if nothing else wakes the object. */
  alarm(now: number): void {
    this.presence.alarm(now);
    for (const { uid, on } of this.#store.untoldBlocks()) this.#tellBlock(uid, on, now, () => {});
  }
}
