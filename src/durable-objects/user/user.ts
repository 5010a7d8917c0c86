/**
 * One user: the registry of the user's connections everywhere, the heads of the user's conversations, and the way of
 * messages through both. Decides and writes; the shell (user-object.ts) owns sockets, timers and object calls. No clock,
 * no chance, no await: what is here runs in simulations too.
 */
import type { Config } from "../../config/config.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import type { Ref } from "../../protocol/codec.ts";
import { directCid, kindOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import { encodeControl, encodeDown, keyOf, requestKey, SYNCED, type Attach, type UpFrame } from "../../protocol/link.ts";
import { messageFrame } from "../message-json.ts";
import type { AppendReply, Draft, Entry, PushCall, PushReply } from "../rpc.ts";
import { Heads } from "./heads.ts";
import { judge } from "./inbox.ts";
import { Link } from "./links.ts";
import { Outgoing, type Item } from "./outgoing.ts";
import { Presence } from "./presence.ts";
import { Receipts } from "./receipts.ts";
import * as make from "./server-frames.ts";
import type { UserPort } from "./user-port.ts";
import type { HeadRow, UserStore } from "./user-store.ts";

/** How often a device that does not acknowledge is told the heads that moved, ms. */
const BEHIND_MS = 1000;
/** After a failed write, ms. */
const FLUSH_RETRY_MS = 1000;

type Up<T extends UpFrame["t"]> = Extract<UpFrame, { t: T }>;

export class User {
  readonly uid: Uid;
  readonly heads: Heads;
  readonly presence: Presence;
  readonly #store: UserStore;
  readonly #config: Config;
  readonly #port: UserPort;
  readonly #links = new Set<Link>();
  readonly #outgoing = new Outgoing();
  readonly #receipts = new Receipts();
  /** The newest own entry per chat, as far as it is known since the wake: a peer's message reads up to it. */
  readonly #ownSeq = new Map<Cid, number>();
  /** Chats whose receiver side a writer waits for (settle): an ack is a reason to write at once. */
  readonly #settling = new Set<Cid>();
  readonly #qos2: { id: string; cid: Cid }[] = [];
  readonly #typing = new Map<string, { cid: Cid; user: Uid; until: number }>();
  #flushAt: number | undefined;
  #behindAt: number | undefined;

  constructor(uid: Uid, store: UserStore, config: Config, port: UserPort, links: readonly Link[]) {
    this.uid = uid;
    this.#store = store;
    this.#config = config;
    this.#port = port;
    this.heads = new Heads(store, uid);
    for (const link of links) this.#links.add(link);
    this.presence = new Presence(uid, store, config, port, () => this.#links);
  }

  get links(): ReadonlySet<Link> {
    return this.#links;
  }

  // --- links -----------------------------------------------------------------------------------------------------

  /** A session connects, or connects again. Of two connections of one device the later one stays. */
  attach(link: Link, attach: Attach, now: number): void {
    for (const other of this.#links) {
      if (other.device !== link.device || other === link) continue;
      if (other.session === link.session) {
        this.#links.delete(other);
        this.#port.drop(other);
      } else if (other.started > link.started) {
        this.#port.shut(link, "replaced");
        return;
      } else {
        this.#links.delete(other);
        this.#port.shut(other, "replaced");
      }
    }
    this.#links.add(link);
    this.#port.keep(link);
    if (!attach.again) this.#store.noteDevice(link.device, attach.name ?? "", attach.platform ?? "", now);
    this.presence.connected(now);
    if (attach.since !== undefined) this.heads.sawVersion(attach.since, now);
    if (this.heads.version === 0) this.heads.nextVersion(now);
    this.#port.send(link, encodeControl({ do: "attached", version: this.heads.version }));
    if (attach.since !== undefined) this.#sync(link, attach.since, attach.again ? undefined : {}, now);
    for (const [cid, seq] of Object.entries(attach.seen ?? {})) this.#recover(cid as Cid, seq);
  }

  /** A device has entries that this object lost before they were written: the conversation has them (RES1). */
  #recover(cid: Cid, seq: number): void {
    const have = this.heads.get(cid)?.head ?? 0;
    if (seq <= have || this.#member(cid) !== undefined) return;
    this.#port.append(cid, have, this.heads.taken(cid), [], (reply, now) => {
      if (reply !== undefined) this.#accept(cid, reply.entries, true, now);
    });
  }

  /** A link is gone. */
  closed(link: Link, now: number): void {
    if (!this.#links.delete(link)) return;
    if (this.#links.size === 0) this.presence.disconnected(now);
  }

  /** Ends the connections of a login, or all. */
  endSessions(login: string | undefined, now: number): void {
    for (const link of this.#links) {
      if (login !== undefined && link.login !== login) continue;
      this.#port.shut(link, "unauthenticated");
      this.closed(link, now);
    }
  }

  // --- frames of the user's devices ------------------------------------------------------------------------------

  /** Frames of one link, in order. */
  frames(link: Link, frames: readonly UpFrame[], now: number): void {
    for (const frame of frames) this.#frame(link, frame, now);
    this.#startLanes(now);
  }

  #frame(link: Link, frame: UpFrame, now: number): void {
    switch (frame.t) {
      case "send":
        return this.#send(link, frame, now);
      case "amend":
        return this.#amend(link, frame, now);
      case "release":
        return this.#release(link, frame);
      case "ack":
        return this.#ack(link, frame, now);
      case "read":
        return this.#read(link, frame, now);
      case "typing":
        return this.#typingFrame(link, frame, now);
      case "sync":
        return this.#sync(link, frame.since, { req: frame.req }, now);
      case "pull":
        return this.#pull(link, frame);
      case "watch":
        return this.presence.watch(frame.users, (user, online, seen) => {
          this.#tell(link, [make.presenceFrame(user, online, seen)], { about: user });
        });
      case "unwatch":
        return this.presence.unwatch(frame.users);
    }
  }

  #send(link: Link, frame: Up<"send">, now: number): void {
    const to = this.#address(frame.to);
    if (typeof to !== "string") {
      if (frame.qos !== 0) this.#refuse(link, to, frame.id, frame.id);
      return;
    }
    const { id, kind, body, priority, qos, reply_to, mentions } = frame;
    if (qos === 0) return this.#ephemeral(link, to, frame, now);
    const ttl = frame.ttl === undefined ? Number.POSITIVE_INFINITY : frame.ttl * 1000;
    const draft: Draft = { id, device: link.device, kind, body, priority, qos, reply_to, mentions };
    this.#queue(link, to, draft, now + Math.min(ttl, this.#config.timeouts.send_ms));
  }

  #amend(link: Link, frame: Up<"amend">, now: number): void {
    const to = this.#address(frame.cid);
    if (typeof to !== "string") return this.#refuse(link, to, frame.id, frame.id);
    const { id, body, target, op } = frame;
    const draft: Draft = { id, device: link.device, kind: "amend", body, priority: 1, qos: 1, target, op };
    this.#queue(link, to, draft, now + this.#config.timeouts.send_ms);
  }

  #queue(link: Link, cid: Cid, draft: Draft, deadline: number): void {
    const item: Item = { draft, session: link.session, cid, deadline, answered: false };
    const refusal = this.#outgoing.add(item);
    if (refusal !== undefined) this.#refuse(link, refusal, draft.id, draft.id);
  }

  /** Where a send goes; refused unless this user takes part there. */
  #address(to: string): Cid | Refusal {
    const cid = to.startsWith("@") ? undefined : (to as Cid);
    if (cid === undefined) {
      const peer = to.slice(1) as Uid;
      return peer === this.uid ? refuse("invalid_argument", "that is yourself") : directCid(this.uid, peer);
    }
    if (kindOf(cid) === "system") return refuse("permission_denied", "only the system writes here");
    return this.#member(cid) ?? cid;
  }

  /** A refusal for conversations this user has no part in; their existence does not show (SEC1). */
  #member(cid: Cid): Refusal | undefined {
    const mine = kindOf(cid) === "direct" ? peerOf(cid, this.uid) !== undefined : this.heads.get(cid) !== undefined;
    return mine ? undefined : refuse("not_member", "not a member");
  }

  #ephemeral(link: Link, cid: Cid, frame: Up<"send">, now: number): void {
    const peer = peerOf(cid, this.uid);
    if (peer === undefined) return;
    const { id, kind, body, priority, reply_to, mentions } = frame;
    const rest = JSON.stringify({ reply_to, mentions, ephemeral: true }).slice(1, -1);
    const text = `{"t":"message","cid":"${cid}","id":"${id}","from":"${this.uid}","ts":${now},"kind":"${kind}","body":${body},"priority":${priority},${rest}}`;
    for (const other of this.#links) if (other !== link && !other.lagging) this.#tell(other, [text]);
    const signal = { t: "message", cid, user: this.uid, frame: text } as const;
    if (this.heads.get(cid) !== undefined) return this.#port.signal(peer, signal, () => {});
    // The first contact: an object is only woken for a user that exists.
    this.#port.names([peer], (known) => known?.has(peer) && this.#port.signal(peer, signal, () => {}));
  }

  #release(link: Link, frame: Up<"release">): void {
    const key = keyOf(frame) as string;
    const byCid = new Map<Cid, string[]>();
    for (const id of frame.ids) {
      const cid = this.#qos2.find((item) => item.id === id)?.cid ?? this.#store.qos2(id);
      if (cid !== undefined) byCid.set(cid, [...(byCid.get(cid) ?? []), id]);
    }
    const answer = (): void => {
      this.#store.forgetQos2(frame.ids);
      this.#tell(link, [make.releasedFrame(frame.ids)], { done: [key] });
    };
    let waiting = byCid.size;
    if (waiting === 0) return answer();
    for (const [cid, ids] of byCid) {
      this.#port.release(cid, ids, (ok) => {
        waiting -= 1;
        if (ok === undefined) waiting = Number.NaN;
        if (waiting === 0) answer();
        if (ok === undefined) this.#refuse(link, refuse("unavailable", "try again", 1000), frame.ids[0], key);
      });
    }
  }

  #ack(link: Link, frame: Up<"ack">, now: number): void {
    const head = this.#marked(link, frame);
    if (head === undefined) return;
    const { cid, seq } = frame;
    const room = link.acknowledge(cid, seq, this.#config.limits.window);
    this.#mark(cid, { delivered: seq }, now);
    if (!room) return;
    link.lagging = false;
    this.#port.keep(link);
    this.#tellBehind(link);
  }

  #read(link: Link, frame: Up<"read">, now: number): void {
    const head = this.#marked(link, frame);
    if (head === undefined) return;
    const { cid, seq } = frame;
    const known = seq <= head.read ? head.readCount : this.heads.position(cid, seq);
    if (known !== undefined) return this.#markRead(link, cid, seq, known, now);
    this.#port.count(cid, seq, (counted, later) => {
      if (counted === undefined) return this.#refuse(link, refuse("unavailable", "try again", 1000), cid);
      if (!counted.ok) return this.#refuse(link, counted.error, cid);
      this.#markRead(link, cid, seq, counted.value, later);
    });
  }

  /** The head that an ack or a read is about; undefined when it was refused. */
  #marked(link: Link, frame: Up<"ack"> | Up<"read">): HeadRow | undefined {
    const refusal = this.#member(frame.cid);
    const head = refusal === undefined ? this.heads.get(frame.cid) : undefined;
    if (head !== undefined && frame.seq <= head.head) return head;
    this.#refuse(link, refusal ?? refuse("invalid_argument", "seq is beyond the head"), frame.cid);
    return undefined;
  }

  #markRead(link: Link, cid: Cid, seq: number, count: number, now: number): void {
    const before = this.heads.get(cid)?.read ?? 0;
    this.#mark(cid, { delivered: seq, read: seq, readCount: count }, now);
    if (seq <= before) return;
    const frame = make.receiptFrame(cid, this.uid, { delivered: seq, read: seq });
    for (const other of this.#links) if (other !== link) this.#tell(other, [frame]);
  }

  /** Raises this user's own watermarks (RCP1: they never fall) and owes them to the writer. */
  #mark(cid: Cid, marks: { delivered: number; read?: number; readCount?: number }, now: number): void {
    const head = this.heads.get(cid);
    if (head === undefined) return;
    const delivered = Math.max(head.delivered, marks.delivered);
    const further = marks.read !== undefined && marks.read > head.read;
    const read = further ? (marks.read as number) : head.read;
    const readCount = further ? (marks.readCount as number) : head.readCount;
    if (delivered > head.delivered || further) {
      this.heads.change(cid, { delivered, read, readCount }, this.heads.nextVersion(now));
      this.#flushBy(this.#settling.has(cid) ? now : now + this.#config.writes.flush_ms);
    }
    if (kindOf(cid) === "direct") this.#receipts.owe(cid, delivered, read, now + this.#config.writes.receipt_ms);
  }

  #typingFrame(link: Link, frame: Up<"typing">, _now: number): void {
    const refusal = this.#member(frame.cid);
    if (refusal !== undefined) return this.#refuse(link, refusal, frame.cid);
    const peer = kindOf(frame.cid) === "direct" ? peerOf(frame.cid, this.uid) : undefined;
    if (peer === undefined || this.heads.get(frame.cid) === undefined) return;
    this.#port.signal(peer, { t: "typing", cid: frame.cid, user: this.uid, on: frame.on }, () => {});
  }

  /** Tells the heads that changed after a version, then `synced` if `end` is given. */
  #sync(link: Link, since: number, end: { req?: Ref } | undefined, now: number): void {
    // A version that this user cannot have yet is another user's or an invention: everything is told.
    const from = since > this.heads.version && since > (now + 1000) * 1000 ? 0 : since;
    const rows = this.heads.since(from);
    const done = [end?.req === undefined ? SYNCED : requestKey(end.req)];
    for (const { frame, version } of make.headsFrames(rows.map((row) => this.heads.view(row)))) {
      this.#tell(link, [frame], { version });
    }
    const version = this.heads.version;
    if (end !== undefined) this.#tell(link, [make.syncedFrame(end.req, version)], { version, done });
    link.behind.clear();
    this.#refreshNames(rows);
  }

  #pull(link: Link, frame: Up<"pull">): void {
    const { req, cid, after, before, limit } = frame;
    const key = requestKey(req);
    const refusal = this.#member(cid);
    if (refusal !== undefined) return this.#refuse(link, refusal, req, key);
    this.#port.page(cid, { after, before, limit }, (page) => {
      if (page === undefined) return this.#refuse(link, refuse("unavailable", "try again", 1000), req, key);
      if (!page.ok) return this.#refuse(link, page.error, req, key);
      this.#tell(link, [make.pageFrame(req, cid, page.value)], { done: [key] });
    });
  }

  // --- lanes to conversations ------------------------------------------------------------------------------------

  #startLanes(now: number): void {
    for (const cid of this.#outgoing.due(now)) this.#startLane(cid, now);
  }

  #startLane(cid: Cid, now: number): void {
    const drafts = this.#outgoing.start(cid, now);
    if (drafts === undefined) return;
    const have = this.heads.get(cid)?.head ?? 0;
    this.#port.append(cid, have, this.heads.taken(cid), drafts, (reply, then) => this.#appended(cid, reply, then));
  }

  #appended(cid: Cid, reply: AppendReply | undefined, now: number): void {
    if (reply === undefined) return this.#outgoing.failed(cid, now, this.#port.chance());
    const judged = judge(this.heads.get(cid)?.head ?? 0, reply.entries, true);
    const fresh = judged.is === "accepted" ? judged.fresh : [];
    const version = fresh.length > 0 ? this.#raise(cid, fresh, now) : 0;
    // Without an alarm behind these entries the sender's retry is what saves them for the user's other devices, so
    // `sent` waits for this object's disk as well (DUR3): the output gate holds what follows the write.
    if (reply.settled && !this.#flush(now)) {
      this.#handOver(cid, fresh, version, judged.is === "accepted" && judged.hole, this.#outgoing.ids(cid));
      return this.#outgoing.failed(cid, now, this.#port.chance());
    }
    this.#handOver(cid, fresh, version, judged.is === "accepted" && judged.hole);
    for (const { item, result } of this.#outgoing.done(cid, reply.results)) this.#answer(item, result);
    this.#startLane(cid, now);
  }

  #answer(item: Item, result: AppendReply["results"][number]): void {
    item.answered = true;
    const link = this.#linkOf(item.session);
    if ("refusal" in result) {
      if (link !== undefined) this.#refuse(link, result.refusal, item.draft.id, item.draft.id);
      return;
    }
    this.#noteQos2(item);
    if (link !== undefined) this.#tell(link, [make.sentFrame(item.cid, result)], { done: [item.draft.id] });
  }

  #noteQos2(item: Item): void {
    if (item.draft.qos === 2) this.#qos2.push({ id: item.draft.id, cid: item.cid });
  }

  // --- entries ---------------------------------------------------------------------------------------------------

  /** A conversation offers entries. The reply says what is known without a gap, and what of it is on disk. */
  push(call: PushCall, now: number): PushReply {
    const { cid } = call;
    const accepted = this.#accept(cid, call.entries, call.skip, now);
    const reply = { have: this.heads.get(cid)?.head ?? 0, taken: this.heads.taken(cid) };
    if (call.settle && reply.taken < reply.have) {
      const attentive = [...this.#links].some((link) => !link.lagging);
      if (attentive) this.#settling.add(cid);
      this.#flushBy(attentive && accepted ? now + this.#config.writes.settle_ack_ms : now);
    }
    return reply;
  }

  /** Takes entries in and hands them on; false when they brought nothing new. */
  #accept(cid: Cid, entries: readonly Entry[], skip: boolean, now: number): boolean {
    const judged = judge(this.heads.get(cid)?.head ?? 0, entries, skip);
    if (judged.is !== "accepted") return false;
    const version = this.#raise(cid, judged.fresh, now);
    this.#handOver(cid, judged.fresh, version, judged.hole);
    return true;
  }

  /** Raises the head by fresh entries; returns the version of the last of them. */
  #raise(cid: Cid, fresh: readonly Entry[], now: number): number {
    const isNew = this.heads.get(cid) === undefined;
    let version = 0;
    for (const _ of fresh) version = this.heads.nextVersion(now);
    const head = this.heads.raise(cid, fresh, version);
    const mine = fresh.findLast((entry) => entry.from === this.uid && entry.kind !== "amend");
    if (mine !== undefined) {
      // UNR1: sending reads everything before; the peer concludes the same from the message itself.
      const { read, delivered } = head;
      const further = mine.seq > read;
      this.heads.change(
        cid,
        {
          delivered: Math.max(delivered, mine.seq),
          read: Math.max(read, mine.seq),
          readCount: further ? mine.count : head.readCount,
        },
        version,
      );
      this.#ownSeq.set(cid, mine.seq);
      this.#receipts.implied(cid, mine.seq);
    }
    const theirs = fresh.findLast((entry) => entry.from !== this.uid && entry.kind !== "amend");
    if (theirs !== undefined && kindOf(cid) === "direct") {
      const { peerDelivered, peerRead } = head;
      this.heads.change(
        cid,
        { peerDelivered: Math.max(peerDelivered, theirs.seq), peerRead: Math.max(peerRead, theirs.seq) },
        version,
      );
    }
    this.#flushBy(now + this.#config.writes.flush_ms);
    if (isNew) this.#refreshNames([head]);
    return version;
  }

  /** ORD2: one place hands entries to sockets, in the order of the log, own and others' alike. */
  #handOver(cid: Cid, fresh: readonly Entry[], last: number, hole: boolean, unanswered?: ReadonlySet<string>): void {
    if (fresh.length === 0) return;
    const first = last - fresh.length + 1;
    const own = new Map<number, Item>();
    for (const entry of fresh) {
      const item =
        entry.from === this.uid && !unanswered?.has(entry.id) ? this.#outgoing.claim(cid, entry) : undefined;
      if (item === undefined) continue;
      own.set(entry.seq, item);
      this.#noteQos2(item);
    }
    const frames = fresh.map((entry, i) => messageFrame(cid, entry, first + i));
    const receipt = this.#impliedReceipt(cid, fresh);
    for (const link of this.#links) {
      const texts: string[] = [];
      const done: string[] = [];
      for (const [i, entry] of fresh.entries()) {
        const item = own.get(entry.seq);
        if (item?.session === link.session) {
          texts.push(make.sentFrame(cid, entry));
          done.push(entry.id);
        } else if (unanswered?.has(entry.id) && entry.from === this.uid) {
          continue;
        } else if (link.had(cid, entry.seq)) {
          continue;
        } else if (link.lagging || hole) {
          this.#fallBehind(link, cid, hole);
        } else {
          texts.push(frames[i] as string);
          if (link.hand(cid, entry.seq, this.#config.limits.window)) {
            link.lagging = true;
            this.#port.keep(link);
          }
        }
      }
      if (receipt !== undefined) texts.push(receipt);
      const seen = link.lagging || hole ? "" : `${cid} ${fresh.at(-1)?.seq}`;
      this.#tell(link, texts, { version: link.behind.size > 0 ? 0 : last, done, seen });
    }
  }

  /** A device will be told the head instead of the message: now if there is a hole, else a little later with others. */
  #fallBehind(link: Link, cid: Cid, now: boolean): void {
    link.behind.add(cid);
    if (now && !link.lagging) this.#tellBehind(link);
    else this.#behindAt ??= -1;
  }

  #tellBehind(link: Link): void {
    const rows = [...link.behind].flatMap((cid) => this.heads.get(cid) ?? []);
    link.behind.clear();
    const views = rows.toSorted((a, b) => a.version - b.version).map((row) => this.heads.view(row));
    for (const { frame, version } of make.headsFrames(views)) this.#tell(link, [frame], { version });
  }

  /** A peer who writes has read what came before: says so to devices that wait for it. */
  #impliedReceipt(cid: Cid, fresh: readonly Entry[]): string | undefined {
    if (kindOf(cid) !== "direct") return undefined;
    const theirs = fresh.findLast((entry) => entry.from !== this.uid && entry.kind !== "amend");
    const own = this.#ownSeq.get(cid);
    if (theirs === undefined || own === undefined || own > theirs.seq) return undefined;
    this.#ownSeq.delete(cid);
    return make.receiptFrame(cid, theirs.from, { delivered: own, read: own });
  }

  /** The peer of a direct chat reports its watermarks. */
  receipt(cid: Cid, from: Uid, delivered: number, read: number, now: number): void {
    const head = this.heads.get(cid);
    if (head === undefined || peerOf(cid, this.uid) !== from) return;
    const marks: { delivered?: number; read?: number } = {};
    if (delivered > head.peerDelivered) marks.delivered = delivered;
    if (read > head.peerRead) marks.read = read;
    if (marks.delivered === undefined && marks.read === undefined) return;
    const peerRead = Math.max(head.peerRead, read);
    const peerDelivered = Math.max(head.peerDelivered, delivered, peerRead);
    this.heads.change(cid, { peerDelivered, peerRead }, this.heads.nextVersion(now));
    this.#flushBy(now + this.#config.writes.flush_ms);
    const frame = make.receiptFrame(cid, from, marks);
    for (const link of this.#links) this.#tell(link, [frame]);
  }

  // --- signals ---------------------------------------------------------------------------------------------------

  /** Something for whoever is online; false when nobody is. */
  signal(signal: Parameters<UserPort["signal"]>[1], now: number): boolean {
    if (this.#links.size === 0) return false;
    if (this.#store.isBlocked(signal.user)) return true;
    if (signal.t === "presence") {
      const frame = make.presenceFrame(signal.user, signal.online, signal.lastSeen);
      for (const link of this.#links) this.#tell(link, [frame], { about: signal.user });
    } else if (signal.t === "message") {
      for (const link of this.#links) if (!link.lagging) this.#tell(link, [signal.frame]);
    } else {
      const key = `${signal.cid} ${signal.user}`;
      if (signal.on) {
        const until = now + this.#config.timeouts.typing_ms;
        this.#typing.set(key, { cid: signal.cid, user: signal.user, until });
      } else this.#typing.delete(key);
      this.#tellTyping(signal.cid, signal.user, signal.on);
    }
    return true;
  }

  #tellTyping(cid: Cid, user: Uid, on: boolean): void {
    for (const link of this.#links) this.#tell(link, [make.typingFrame(cid, user, on)]);
  }

  // --- settings --------------------------------------------------------------------------------------------------

  blocks(): Uid[] {
    return this.#store.blocks();
  }

  /** Blocks or unblocks; `done` when the direct chat knows, or when telling it was put off. */
  setBlock(other: Uid, on: boolean, now: number, done: () => void): void {
    if (!this.#store.setBlock(other, on, now)) return done();
    this.#tellBlock(other, on, now, done);
  }

  #tellBlock(other: Uid, on: boolean, now: number, done: () => void): void {
    this.#port.block(directCid(this.uid, other), on, (ok) => {
      if (ok) this.#store.blockTold(other, on);
      else this.#port.alarm(now + this.#config.writes.offer_ms);
      done();
    });
  }

  /** Mutes or pins; undefined when this user has no such conversation. */
  setConversation(
    cid: Cid,
    change: { muted?: boolean | undefined; pinned?: boolean | undefined },
    now: number,
  ): HeadRow | undefined {
    const head = this.heads.get(cid);
    if (head === undefined) return undefined;
    const { muted = head.muted, pinned = head.pinned } = change;
    const changed = this.heads.change(cid, { muted, pinned }, this.heads.nextVersion(now));
    this.heads.flush(this.#qos2.splice(0));
    for (const link of this.#links) {
      link.behind.add(cid);
      this.#tellBehind(link);
    }
    return changed;
  }

  // --- time ------------------------------------------------------------------------------------------------------

  /** Does what is due. */
  tick(now: number): void {
    this.#startLanes(now);
    for (const item of this.#outgoing.expired(now)) {
      const refusal = refuse("deadline_exceeded", "the conversation did not answer in time");
      this.#answer(item, { id: item.draft.id, refusal });
    }
    for (const cid of this.#receipts.start(now)) this.#tellReceipt(cid);
    for (const [key, { cid, user, until }] of this.#typing) {
      if (until > now) continue;
      this.#typing.delete(key);
      this.#tellTyping(cid, user, false);
    }
    if (this.#behindAt === -1) this.#behindAt = now + BEHIND_MS;
    else if (this.#behindAt !== undefined && this.#behindAt <= now) {
      this.#behindAt = undefined;
      for (const link of this.#links) if (link.behind.size > 0) this.#tellBehind(link);
    }
    if (this.#flushAt !== undefined && this.#flushAt <= now) this.#flush(now);
  }

  /** When `tick` has something to do; undefined when it never does without another event. */
  nextTick(now: number): number | undefined {
    let next: number | undefined;
    const consider = (at: number | undefined): void => {
      if (at !== undefined && (next === undefined || at < next)) next = at;
    };
    consider(this.#outgoing.nextDue());
    consider(this.#receipts.nextDue());
    consider(this.#behindAt === -1 ? now : this.#behindAt);
    consider(this.#flushAt);
    for (const { until } of this.#typing.values()) consider(until);
    return next;
  }

  /** The object's alarm: what must happen even if nothing else wakes the object. */
  alarm(now: number): void {
    this.presence.alarm(now);
    for (const { uid, on } of this.#store.untoldBlocks()) this.#tellBlock(uid, on, now, () => {});
  }

  #tellReceipt(cid: Cid): void {
    const head = this.heads.get(cid);
    const peer = peerOf(cid, this.uid);
    if (head === undefined || peer === undefined) return this.#receipts.told(cid, 0, 0);
    const { delivered, read } = head;
    this.#port.receipt(peer, cid, delivered, read, (ok, now) => {
      if (ok) this.#receipts.told(cid, delivered, read);
      else this.#receipts.failed(cid, now, this.#port.chance());
    });
  }

  #flushBy(at: number): void {
    if (this.#flushAt === undefined || at < this.#flushAt) this.#flushAt = at;
  }

  /** Writes what changed; false when the disk refused: it is tried again, and nothing counts as taken before. */
  #flush(now: number): boolean {
    try {
      this.heads.flush(this.#qos2);
    } catch {
      this.#flushAt = now + FLUSH_RETRY_MS;
      return false;
    }
    this.#qos2.length = 0;
    this.#flushAt = undefined;
    this.#settling.clear();
    return true;
  }

  // --- small change ----------------------------------------------------------------------------------------------

  #refreshNames(rows: readonly HeadRow[]): void {
    const unnamed = rows.filter((row) => row.peerName === "" && kindOf(row.cid) === "direct");
    const peers = unnamed.flatMap((row) => peerOf(row.cid, this.uid) ?? []);
    if (peers.length === 0) return;
    this.#port.names(peers, (names, now) => {
      for (const row of unnamed) {
        const name = names?.get(peerOf(row.cid, this.uid) as Uid);
        if (name === undefined || this.heads.get(row.cid)?.peerName === name) continue;
        this.heads.change(row.cid, { peerName: name }, this.heads.nextVersion(now));
        this.#flushBy(now + this.#config.writes.flush_ms);
      }
    });
  }

  #linkOf(session: string): Link | undefined {
    for (const link of this.#links) if (link.session === session) return link;
    return undefined;
  }

  #refuse(link: Link, refusal: Refusal, ref: Ref | undefined, key?: string): void {
    this.#tell(link, [make.errorFrame(refusal, ref, this.#port.requestId())], { done: key === undefined ? [] : [key] });
  }

  #tell(
    link: Link,
    frames: readonly string[],
    note: { version?: number; done?: readonly string[]; about?: string; seen?: string } = {},
  ): void {
    const batches = make.pack(frames, (frame) => frame);
    for (const [i, batch] of batches.entries()) {
      const last = i === batches.length - 1;
      // The note stands on the last batch: what it says is only true once all of them have arrived.
      const { version = 0, done = [], about = "", seen = "" } = note;
      const told = last ? { version, done, about, seen } : { version: 0, done: [], about, seen: "" };
      this.#port.send(link, encodeDown(told, batch));
    }
  }
}
