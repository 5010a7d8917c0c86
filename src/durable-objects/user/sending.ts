/** What this user's devices send: into the lanes of the conversations, and the answers back to the devices. */
import type { Config } from "../../config/config.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { kindOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import { keyOf, spanOf, type UpFrame } from "../../protocol/link.ts";
import { rareOf, type AppendReply, type Draft } from "../rpc.ts";
import type { Delivery } from "./delivery.ts";
import type { Devices } from "./devices.ts";
import type { Groups } from "./groups.ts";
import type { Heads } from "./heads.ts";
import type { Link } from "./links.ts";
import { addressOf, stranger } from "./membership.ts";
import type { Item, Outgoing } from "./outgoing.ts";
import { releasedFrame, sentFrame } from "./server-frames.ts";
import type { UserPort } from "./user-port.ts";
import type { UserStore } from "./user-store.ts";
import type { Watermarks } from "./watermarks.ts";
import type { WriteBehind } from "./write-behind.ts";

type Up<T extends UpFrame["t"]> = Extract<UpFrame, { t: T }>;

export class Sending {
  readonly #self: Uid;
  readonly #config: Config;
  readonly #port: UserPort;
  readonly #store: UserStore;
  readonly #heads: Heads;
  readonly #devices: Devices;
  readonly #outgoing: Outgoing;
  readonly #delivery: Delivery;
  readonly #writes: WriteBehind;
  readonly #watermarks: Watermarks;
  readonly #groups: Groups;

  constructor(
    self: Uid,
    config: Config,
    port: UserPort,
    parts: {
      store: UserStore;
      heads: Heads;
      devices: Devices;
      outgoing: Outgoing;
      delivery: Delivery;
      watermarks: Watermarks;
      writes: WriteBehind;
      groups: Groups;
    },
  ) {
    this.#self = self;
    this.#config = config;
    this.#port = port;
    this.#store = parts.store;
    this.#heads = parts.heads;
    this.#devices = parts.devices;
    this.#outgoing = parts.outgoing;
    this.#delivery = parts.delivery;
    this.#writes = parts.writes;
    this.#watermarks = parts.watermarks;
    this.#groups = parts.groups;
  }

  send(link: Link, frame: Up<"send">, now: number): void {
    const to = addressOf(this.#self, this.#heads, frame.to);
    if (typeof to !== "string") {
      if (frame.qos !== 0) this.#devices.refuse(link, to, frame.id, frame.id);
      return;
    }
    const { id, kind, body, priority, qos, reply_to, mentions } = frame;
    if (qos === 0) return this.#ephemeral(link, to, frame, now);
    const ttl = frame.ttl === undefined ? Number.POSITIVE_INFINITY : frame.ttl * 1000;
    const rare = rareOf({ reply_to, mentions });
    const draft: Draft = { id, device: link.device, kind, body, priority, qos, ...rare };
    this.#queue(link, to, draft, now + Math.min(ttl, this.#config.timeouts.send_ms));
  }

  amend(link: Link, frame: Up<"amend">, now: number): void {
    const to = addressOf(this.#self, this.#heads, frame.cid);
    if (typeof to !== "string") return this.#devices.refuse(link, to, frame.id, frame.id);
    const { id, body, target, op } = frame;
    const draft: Draft = { id, device: link.device, kind: "amend", body, priority: 1, qos: 1, target, op };
    this.#queue(link, to, draft, now + this.#config.timeouts.send_ms);
  }

  /** The client has forgotten these ids: their conversations may forget them too (DUP1, QoS 2). */
  release(link: Link, frame: Up<"release">): void {
    const key = keyOf(frame) as string;
    const byCid = new Map<Cid, string[]>();
    for (const id of frame.ids) {
      const cid = this.#writes.noted(id) ?? this.#store.qos2(id);
      if (cid !== undefined) byCid.set(cid, [...(byCid.get(cid) ?? []), id]);
    }
    let waiting = byCid.size;
    let failed = false;
    const answer = (): void => {
      if (failed || !this.#forget(frame.ids)) {
        return this.#devices.refuse(link, refuse("unavailable", "try again", 1000), frame.ids[0], key);
      }
      this.#devices.tell(link, [releasedFrame(frame.ids)], { done: [key] });
    };
    if (waiting === 0) return answer();
    for (const [cid, ids] of byCid) {
      this.#port.release(cid, ids, (ok) => {
        waiting -= 1;
        failed ||= ok === undefined;
        if (waiting === 0) answer();
      });
    }
  }

  /** Starts the calls of lanes that have something to send and none in flight. */
  start(now: number): void {
    for (const cid of this.#outgoing.due(now)) this.#startLane(cid, now);
  }

  tick(now: number): void {
    // Before the lanes start again: what is in flight does not expire.
    for (const item of this.#outgoing.expired(now)) {
      const refusal = refuse("deadline_exceeded", "the conversation did not answer in time");
      this.#answer(item, { id: item.draft.id, refusal });
    }
    this.start(now);
  }

  nextTick(): number | undefined {
    return this.#outgoing.nextDue();
  }

  /** False: the disk refused. */
  #forget(ids: readonly string[]): boolean {
    try {
      this.#store.forgetQos2(ids);
      this.#writes.forget(ids);
      return true;
    } catch {
      return false;
    }
  }

  #queue(link: Link, cid: Cid, draft: Draft, deadline: number): void {
    const item: Item = { draft, session: link.session, cid, deadline, answered: false };
    const refusal = this.#outgoing.add(item);
    if (refusal !== undefined) this.#devices.refuse(link, refusal, draft.id, draft.id);
  }

  /** QoS 0: to whoever is online, past log and lanes. */
  #ephemeral(link: Link, cid: Cid, frame: Up<"send">, now: number): void {
    const peer = kindOf(cid) === "direct" ? peerOf(cid, this.#self) : undefined;
    const { id, kind, body, priority, reply_to, mentions } = frame;
    const rest = JSON.stringify({ reply_to, mentions, ephemeral: true }).slice(1, -1);
    const text = `{"t":"message","cid":"${cid}","id":"${id}","from":"${this.#self}","ts":${now},"kind":"${kind}","body":${body},"priority":${priority},${rest}}`;
    for (const other of this.#devices.links) if (other !== link && !other.lagging) this.#devices.tell(other, [text]);
    const signal = { t: "message", cid, user: this.#self, frame: text } as const;
    // Where only contacts write to each other, the chat knows who they are.
    const asks = this.#config.messages.dm === "contacts";
    if (peer === undefined || asks) return this.#port.groupSignal(cid, signal);
    if (this.#heads.get(cid) !== undefined) return this.#port.signal(peer, signal, () => {});
    // The first contact: an object is only woken for a user that exists.
    this.#port.names([peer], (known) => known?.has(peer) && this.#port.signal(peer, signal, () => {}));
  }

  #startLane(cid: Cid, now: number): void {
    const drafts = this.#outgoing.start(cid, now);
    if (drafts === undefined) return;
    const have = this.#heads.get(cid)?.head ?? 0;
    this.#port.append(cid, have, this.#heads.taken(cid), drafts, (reply, then) => this.#appended(cid, reply, then));
  }

  #appended(cid: Cid, reply: AppendReply | undefined, now: number): void {
    if (reply === undefined) return this.#outgoing.failed(cid, now, this.#port.chance());
    const { membership } = reply;
    const entered = membership && this.#groups.enter(cid, membership, now);
    // To who has left meanwhile nothing more is handed (SEC1).
    const mine = stranger(this.#self, this.#heads, cid) === undefined;
    const fresh = mine ? this.#delivery.take(cid, reply.entries, true, now, reply.own) : undefined;
    for (const id of this.#outgoing.keptIds(cid, reply.results)) this.#writes.note(id, cid, now);
    const receipt = reply.marks && this.#watermarks.note(cid, reply.marks, now);
    // Without an alarm behind these entries the sender's retry is what saves them for the user's other devices, so
    // `sent` waits for this object's disk as well (DUR3): the output gate holds what follows the write.
    const durable = !reply.settled || this.#writes.flush(now);
    if (fresh !== undefined) {
      this.#delivery.handOver(cid, fresh, now, durable);
    }
    // Before the answers: in pull mode they are in the relays' order, which the edge has to know of.
    if (membership !== undefined && entered !== undefined) this.#groups.settle(cid, membership, entered, now);
    if (!durable) {
      if (receipt !== undefined) this.#devices.tellAll(receipt);
      return this.#outgoing.failed(cid, now, this.#port.chance());
    }
    const next = now + this.#config.writes.linger_ms;
    for (const { item, result } of this.#outgoing.done(cid, reply.results, next)) this.#answer(item, result);
    // After the `sent` that it is about.
    if (receipt !== undefined) this.#devices.tellAll(receipt);
    this.#startLane(cid, now);
  }

  #answer(item: Item, result: { id: string; refusal: Refusal } | AppendReply["results"][number]): void {
    item.answered = true;
    const link = this.#devices.of(item.session);
    if ("refusal" in result) {
      if (link !== undefined) this.#devices.refuse(link, result.refusal, item.draft.id, item.draft.id);
      return;
    }
    if (link === undefined) return;
    const span = kindOf(item.cid) === "group" ? spanOf(item.cid, result.seq, result.seq) : "";
    this.#devices.tell(link, [sentFrame(item.cid, result)], { done: [item.draft.id], span });
  }
}
