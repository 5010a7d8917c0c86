/**
 * How far this user's devices have got, and the peers of direct chats (RCP1: watermarks never fall, and read ≤ delivered ≤
 * head). In a direct chat no third party is needed: the reader's object tells the writer's.
 */
import type { Config } from "../../config/config.ts";
import { refuse } from "../../protocol/codes.ts";
import { kindOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import type { UpFrame } from "../../protocol/link.ts";
import type { Marks } from "../rpc.ts";
import type { Devices } from "./devices.ts";
import type { Heads } from "./heads.ts";
import type { Link } from "./links.ts";
import { inside, stranger } from "./membership.ts";
import type { Receipts } from "./receipts.ts";
import { receiptFrame } from "./server-frames.ts";
import type { Answer, UserPort } from "./user-port.ts";
import type { HeadRow } from "./user-store.ts";
import type { WriteBehind } from "./write-behind.ts";

type Marking = Extract<UpFrame, { t: "ack" | "read" }>;
/** Asks a conversation for what this object's head lacks; false when it did not answer. */
export type Learn = (cid: Cid, done: (answered: boolean, now: number) => void, now: number) => void;

export class Watermarks {
  readonly #self: Uid;
  readonly #config: Config;
  readonly #port: UserPort;
  readonly #heads: Heads;
  readonly #devices: Devices;
  readonly #receipts: Receipts;
  readonly #writes: WriteBehind;
  readonly #learn: Learn;

  constructor(
    self: Uid,
    config: Config,
    port: UserPort,
    parts: { heads: Heads; devices: Devices; receipts: Receipts; writes: WriteBehind; learn: Learn },
  ) {
    this.#self = self;
    this.#config = config;
    this.#port = port;
    this.#heads = parts.heads;
    this.#devices = parts.devices;
    this.#receipts = parts.receipts;
    this.#writes = parts.writes;
    this.#learn = parts.learn;
  }

  /** A device has everything up to a seq: its window moves on, and the user's `delivered` with the first device that has it. */
  ack(link: Link, frame: Marking, now: number): void {
    this.#withHead(link, frame, now, (_, then) => this.#ackUpTo(link, frame, then));
  }

  #ackUpTo(link: Link, frame: Marking, now: number): void {
    this.#raise(frame.cid, { delivered: frame.seq }, now);
    this.#moveWindow(link, frame.cid, frame.seq);
  }

  /** FLW1: a window that was full and has room again opens; what the device missed it is told as heads. */
  #moveWindow(link: Link, cid: Cid, seq: number): void {
    if (!link.acknowledge(cid, seq, this.#config.limits.window)) return;
    link.lagging = false;
    this.#port.keep(link);
    this.#devices.tellBehind(link);
  }

  /** The user has read up to a seq; the user's other devices learn it. */
  read(link: Link, frame: Marking, now: number): void {
    this.#withHead(link, frame, now, (head, then) => this.#readFrom(link, head, frame, then));
  }

  #readFrom(link: Link, head: HeadRow, frame: Marking, now: number): void {
    const { cid, seq } = frame;
    const known = seq <= head.read ? head.readCount : this.#heads.position(cid, seq);
    if (known !== undefined) return this.#readUpTo(link, cid, seq, known, now);
    this.#port.count(cid, seq, (counted, later) => {
      if (counted === undefined) return this.#devices.refuse(link, refuse("unavailable", "try again", 1000), cid);
      if (!counted.ok) return this.#devices.refuse(link, counted.error, cid);
      this.#readUpTo(link, cid, seq, counted.value, later);
    });
  }

  /** The peer of a direct chat reports its watermarks. False: the chat is not known here, or was lost; it will be again. */
  reported(cid: Cid, from: Uid, delivered: number, read: number, now: number): boolean {
    if (this.#heads.get(cid) === undefined || peerOf(cid, this.#self) !== from) return false;
    const frame = this.note(cid, { delivered, read }, now);
    if (frame !== undefined) this.#devices.tellAll(frame);
    return true;
  }

  /** Raises the peer's watermarks; the frame that tells it to the devices, if that is news. */
  note(cid: Cid, { delivered, read }: Marks, now: number): string | undefined {
    const head = this.#heads.get(cid);
    const peer = peerOf(cid, this.#self);
    if (head === undefined || peer === undefined) return undefined;
    if (delivered <= head.peerDelivered && read <= head.peerRead) return undefined;
    const peerRead = Math.max(head.peerRead, read);
    const peerDelivered = Math.max(head.peerDelivered, delivered, peerRead);
    this.#heads.change(cid, { peerDelivered, peerRead }, this.#heads.nextVersion(now));
    this.#writes.later(now);
    // With `read` always `delivered`: heads show neither above the head, so a device may not have been told the one.
    const marks = read > head.peerRead ? { delivered: peerDelivered, read: peerRead } : { delivered: peerDelivered };
    return receiptFrame(cid, peer, marks);
  }

  /** This user's watermarks for an answer that the writer waits for; who carries them sees that they arrive. */
  ride(cid: Cid, now: number): Marks | undefined {
    const head = this.#heads.get(cid);
    if (head === undefined || kindOf(cid) !== "direct") return undefined;
    const { delivered, read } = head;
    return this.#receipts.ride(cid, { delivered, read }, now);
  }

  tick(now: number): void {
    for (const cid of this.#receipts.start(now)) this.#tellWriter(cid);
  }

  nextTick(): number | undefined {
    return this.#receipts.nextDue();
  }

  /** Goes on with the head that an ack or a read is about, unless the frame is refused. */
  #withHead(link: Link, frame: Marking, now: number, go: (head: HeadRow, now: number) => void): void {
    const { cid, seq } = frame;
    const refusal = stranger(this.#self, this.#heads, cid);
    if (refusal !== undefined) return this.#devices.refuse(link, refusal, cid);
    const known = this.#heads.get(cid);
    if (known !== undefined && seq <= known.head) return go(known, now);
    // A device outlives a crash of this object: what the head lost with it the conversation still has (RES1).
    this.#learn(
      cid,
      (answered, then) => {
        const head = this.#heads.get(cid);
        const left = stranger(this.#self, this.#heads, cid);
        if (left !== undefined) return this.#devices.refuse(link, left, cid);
        if (head !== undefined && seq <= head.head) return go(head, then);
        const beyond = refuse("invalid_argument", "seq is beyond the head");
        this.#devices.refuse(link, answered ? beyond : refuse("unavailable", "try again", 1000), cid);
      },
      now,
    );
  }

  #readUpTo(link: Link, cid: Cid, seq: number, count: number, now: number): void {
    // Left since the position was asked for: nothing follows that word (SEC1).
    if (stranger(this.#self, this.#heads, cid) !== undefined) return;
    const before = this.#heads.get(cid)?.read ?? 0;
    this.#raise(cid, { delivered: seq, read: seq, readCount: count }, now);
    if (seq > before) this.#devices.tellAll(receiptFrame(cid, this.#self, { delivered: seq, read: seq }), link);
    this.#moveWindow(link, cid, seq);
  }

  /** Raises this user's own watermarks and owes them to the writer. */
  #raise(cid: Cid, marks: { delivered: number; read?: number; readCount?: number }, now: number): void {
    const head = this.#heads.get(cid);
    if (!inside(head)) return;
    const delivered = Math.max(head.delivered, marks.delivered);
    const further = marks.read !== undefined && marks.read > head.read;
    const read = further ? (marks.read as number) : head.read;
    const readCount = further ? (marks.readCount as number) : head.readCount;
    if (delivered > head.delivered || further) {
      this.#heads.change(cid, { delivered, read, readCount }, this.#heads.nextVersion(now));
      this.#writes.marked(cid, further, now);
    }
    // Nobody waits for receipts of a system conversation.
    if (kindOf(cid) === "system") return;
    const { writes, groups } = this.#config;
    const wait = kindOf(cid) === "direct" ? writes.receipt_ms : groups.mark_ms;
    this.#receipts.owe(cid, delivered, read, now + wait);
  }

  #tellWriter(cid: Cid): void {
    const head = this.#heads.get(cid);
    const peer = kindOf(cid) === "direct" ? peerOf(cid, this.#self) : undefined;
    if (!inside(head)) return this.#receipts.told(cid, 0, 0);
    const { delivered, read } = head;
    const answer: Answer<boolean> = (ok, now) => {
      if (ok) this.#receipts.told(cid, delivered, read);
      else this.#receipts.failed(cid, now, this.#port.chance());
    };
    // In a direct chat no third party is needed; a group counts for its writers.
    if (peer !== undefined) this.#port.receipt(peer, cid, delivered, read, answer);
    else this.#port.mark(cid, delivered, read, answer);
  }
}
