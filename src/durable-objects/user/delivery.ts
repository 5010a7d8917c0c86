/**
 * The one way of entries to the devices: they raise the head, then go to every link in the order of the log, own sends
 * (which come by the reply to the conversation) and others' (which come by push) alike.
 */
import type { Config } from "../../config/config.ts";
import { kindOf, type Cid, type Uid } from "../../protocol/ids.ts";
import { messageFrame } from "../message-json.ts";
import type { Entry } from "../rpc.ts";
import type { Devices } from "./devices.ts";
import type { Heads } from "./heads.ts";
import { judge } from "./inbox.ts";
import type { Item, Outgoing } from "./outgoing.ts";
import type { PeerNames } from "./peer-names.ts";
import type { Receipts } from "./receipts.ts";
import * as make from "./server-frames.ts";
import type { UserPort } from "./user-port.ts";
import type { WriteBehind } from "./write-behind.ts";

/** Entries that were new here, not yet handed over. */
export interface Fresh {
  readonly entries: readonly Entry[];
  /** The version of the last of them; those before have the versions before. */
  readonly version: number;
  /** Entries before the first were left out on purpose. */
  readonly hole: boolean;
}

export class Delivery {
  readonly #self: Uid;
  readonly #config: Config;
  readonly #port: UserPort;
  readonly #heads: Heads;
  readonly #devices: Devices;
  readonly #outgoing: Outgoing;
  readonly #receipts: Receipts;
  readonly #writes: WriteBehind;
  readonly #names: PeerNames;
  /** The newest own entry per chat that the peer is not known to have read: the peer's next message reads up to it. */
  readonly #ownSeq = new Map<Cid, number>();

  constructor(
    self: Uid,
    config: Config,
    port: UserPort,
    parts: { heads: Heads; devices: Devices; outgoing: Outgoing; receipts: Receipts; writes: WriteBehind; names: PeerNames },
  ) {
    this.#self = self;
    this.#config = config;
    this.#port = port;
    this.#heads = parts.heads;
    this.#devices = parts.devices;
    this.#outgoing = parts.outgoing;
    this.#receipts = parts.receipts;
    this.#writes = parts.writes;
    this.#names = parts.names;
  }

  /** Takes entries in: raises the head by what is new; undefined when nothing is, or something before it is missing. */
  take(cid: Cid, entries: readonly Entry[], skip: boolean, now: number): Fresh | undefined {
    const judged = judge(this.#heads.get(cid)?.head ?? 0, entries, skip);
    if (judged.is !== "accepted") return undefined;
    return { entries: judged.fresh, version: this.#raise(cid, judged.fresh, now), hole: judged.hole };
  }

  /** Raises the head by fresh entries; returns the version of the last of them. */
  #raise(cid: Cid, fresh: readonly Entry[], now: number): number {
    let version = 0;
    for (const _ of fresh) version = this.#heads.nextVersion(now);
    const head = this.#heads.raise(cid, fresh, version);
    const mine = fresh.findLast((entry) => entry.from === this.#self && entry.kind !== "amend");
    if (mine !== undefined) {
      // UNR1: sending reads everything before; the peer concludes the same from the message itself.
      const { read, delivered } = head;
      const further = mine.seq > read;
      this.#heads.change(
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
    const theirs = fresh.findLast((entry) => entry.from !== this.#self && entry.kind !== "amend");
    if (theirs !== undefined && kindOf(cid) === "direct") {
      const { peerDelivered, peerRead } = head;
      this.#heads.change(
        cid,
        { peerDelivered: Math.max(peerDelivered, theirs.seq), peerRead: Math.max(peerRead, theirs.seq) },
        version,
      );
    }
    this.#writes.later(now);
    if (head.peerName === "") this.#names.fill([head]);
    return version;
  }

  /**
   * Hands fresh entries to the sockets (ORD2). An own entry is the answer to the session that sent it, and a message to all
   * others; `unanswered`: own ids whose answer must not leave yet.
   */
  handOver(cid: Cid, fresh: Fresh, now: number, unanswered?: ReadonlySet<string>): void {
    const { entries, version: last, hole } = fresh;
    const first = last - entries.length + 1;
    const own = new Map<number, Item>();
    for (const entry of entries) {
      const item =
        entry.from === this.#self && !unanswered?.has(entry.id) ? this.#outgoing.claim(cid, entry) : undefined;
      if (item !== undefined) own.set(entry.seq, item);
    }
    const frames = entries.map((entry, i) => messageFrame(cid, entry, first + i));
    const receipt = this.#impliedReceipt(cid, entries);
    for (const link of this.#devices.links) {
      const texts: string[] = [];
      const done: string[] = [];
      if (hole) this.#devices.fallBehind(link, cid, now, true);
      for (const [i, entry] of entries.entries()) {
        const item = own.get(entry.seq);
        if (item?.session === link.session) {
          texts.push(make.sentFrame(cid, entry));
          done.push(entry.id);
        } else if (unanswered?.has(entry.id) && entry.from === this.#self) {
          continue;
        } else if (hole || link.had(cid, entry.seq)) {
          continue;
        } else if (link.lagging) {
          this.#devices.fallBehind(link, cid, now, false);
        } else {
          texts.push(frames[i] as string);
          if (link.hand(cid, entry.seq, this.#config.limits.window)) {
            link.lagging = true;
            this.#port.keep(link);
          }
        }
      }
      if (receipt !== undefined) texts.push(receipt);
      const seen = link.lagging || hole ? "" : `${cid} ${entries.at(-1)?.seq}`;
      this.#devices.tell(link, texts, { version: link.behind.size > 0 ? 0 : last, done, seen });
    }
  }

  /** A peer who writes has read what came before: says so to devices that wait for it. */
  #impliedReceipt(cid: Cid, fresh: readonly Entry[]): string | undefined {
    if (kindOf(cid) !== "direct") return undefined;
    const theirs = fresh.findLast((entry) => entry.from !== this.#self && entry.kind !== "amend");
    const own = this.#ownSeq.get(cid);
    if (theirs === undefined || own === undefined || own > theirs.seq) return undefined;
    this.#ownSeq.delete(cid);
    return make.receiptFrame(cid, theirs.from, { delivered: own, read: own });
  }
}
