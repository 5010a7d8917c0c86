/**
 * The one way of entries to the devices: they raise the head, then go to every link in the order of the log, own sends
 * (which come by the reply to the conversation) and others' (which come by push) alike.
 */
import type { Config } from "../../config/config.ts";
import { kindOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import { spanOf } from "../../protocol/link.ts";
import { messageFrame } from "../message-json.ts";
import type { Entry, Position } from "../rpc.ts";
import type { Devices } from "./devices.ts";
import type { Heads } from "./heads.ts";
import { judge } from "./inbox.ts";
import type { Link } from "./links.ts";
import type { Item, Outgoing } from "./outgoing.ts";
import type { PeerNames } from "./peer-names.ts";
import type { Receipts } from "./receipts.ts";
import * as make from "./server-frames.ts";
import type { UserPort } from "./user-port.ts";
import type { HeadRow } from "./user-store.ts";
import type { WriteBehind } from "./write-behind.ts";

/** Entries that were new here, not yet handed over. */
export interface Fresh {
  readonly entries: readonly Entry[];
  /** The version of the last of them; those before have the versions before. */
  readonly version: number;
  /** Entries before the first were left out on purpose. */
  readonly hole: boolean;
  /** A peer who wrote one of them has read what came before: the frame that says so, unless it was known. */
  readonly receipt: string | undefined;
}

/** A frame for one link about the entry at this place of the fresh ones; the request that it answers. */
interface Handed {
  readonly text: string;
  readonly at: number;
  readonly answers?: string;
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

  constructor(
    self: Uid,
    config: Config,
    port: UserPort,
    parts: {
      heads: Heads;
      devices: Devices;
      outgoing: Outgoing;
      receipts: Receipts;
      writes: WriteBehind;
      names: PeerNames;
    },
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

  /**
   * Takes entries in: raises the head by what is new; undefined when nothing is, or something before it is missing. `own`: the
   * newest own entry in the hole before them.
   */
  take(cid: Cid, entries: readonly Entry[], skip: boolean, now: number, own?: Position): Fresh | undefined {
    const judged = judge(this.#heads.get(cid)?.head ?? 0, entries, skip);
    if (judged.is !== "accepted") return undefined;
    const { fresh, hole } = judged;
    const before = this.#heads.get(cid);
    const version = this.#raise(cid, fresh, now, hole ? own : undefined);
    return { entries: fresh, version, hole, receipt: this.#impliedReceipt(cid, fresh, before) };
  }

  /** Raises the head by fresh entries; returns the version of the last of them. */
  #raise(cid: Cid, fresh: readonly Entry[], now: number, own: Position | undefined): number {
    let version = 0;
    for (const _ of fresh) version = this.#heads.nextVersion(now);
    const head = this.#heads.raise(cid, fresh, version);
    // Changing a group is not writing in it: who removes somebody has not read what was written before.
    const written = (entry: Entry): boolean => entry.kind !== "amend" && entry.kind !== "system";
    const mine = fresh.findLast((entry) => entry.from === this.#self && written(entry)) ?? own;
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
    if (head.name === "" && kindOf(cid) === "direct") this.#names.ask([head], now);
    return version;
  }

  /**
   * Hands fresh entries to the sockets (ORD2). An own entry is the answer to the session that sent it, and a message to all
   * others. `sure`: a safety alarm stands behind them, or this object's disk has them; else the disk has to before an answer leaves
   * (DUR3). When it refuses, an own entry is a message to its session too: the answer must not leave yet, what follows may.
   */
  handOver(cid: Cid, fresh: Fresh, now: number, sure: boolean): void {
    const { entries, version: last, hole, receipt } = fresh;
    const answers = sure || !entries.some(({ from }) => from === this.#self) || this.#writes.flush(now);
    const first = last - entries.length + 1;
    const own = new Map<number, Item>();
    for (const entry of entries) {
      const item = answers && entry.from === this.#self ? this.#outgoing.claim(cid, entry) : undefined;
      if (item !== undefined) own.set(entry.seq, item);
    }
    const frames = entries.map((entry, i) => messageFrame(cid, entry, first + i));
    for (const link of this.#devices.links) {
      const handed: Handed[] = [];
      if (hole) this.#devices.fallBehind(link, cid, now, true);
      // What the device then has without a hole: these entries up to the first that it is told of instead of handed.
      let whole = !hole && !link.lagging;
      let seen = 0;
      for (const [i, entry] of entries.entries()) {
        const item = own.get(entry.seq);
        if (item?.session === link.session) {
          handed.push({ text: make.sentFrame(cid, entry), at: i, answers: entry.id });
        } else if (hole || link.had(cid, entry.seq)) {
          // It was told of the hole, or has the entry.
        } else if (link.lagging) {
          whole = false;
          this.#devices.fallBehind(link, cid, now, false);
        } else {
          handed.push({ text: frames[i] as string, at: i });
          if (link.hand(cid, entry.seq, this.#config.limits.window)) {
            link.lagging = true;
            this.#port.keep(link);
          }
        }
        if (whole) seen = entry.seq;
      }
      const note = { version: link.behind.size > 0 ? 0 : last, seen: seen > 0 ? `${cid} ${seen}` : "" };
      if (kindOf(cid) === "group") this.#tellGroup(link, cid, fresh, handed, note);
      else {
        const texts = handed.map(({ text }) => text);
        if (receipt !== undefined) texts.push(receipt);
        this.#devices.tell(link, texts, { ...note, done: handed.flatMap((one) => one.answers ?? []) });
      }
    }
  }

  /** In a group each message to the edge says which entries it holds: others come to the edge another way. */
  #tellGroup(
    link: Link,
    cid: Cid,
    { entries, version: last, hole }: Fresh,
    handed: readonly Handed[],
    note: { version: number; seen: string },
  ): void {
    const seqAt = (at: number): number => (entries[at] as Entry).seq;
    // What was left out before the first is what the device has; behind a hole it was told of that.
    let from = seqAt(hole ? (handed[0]?.at ?? 0) : 0);
    for (const part of make.pack(handed, ({ text }) => text)) {
      const at = part.at(-1)?.at ?? 0;
      const version = note.version > 0 ? last - (entries.length - 1 - at) : 0;
      const span = spanOf(cid, from, seqAt(at));
      const done = part.flatMap(({ answers }) => answers ?? []);
      const texts = part.map(({ text }) => text);
      this.#devices.tell(link, texts, { version, done, span, seen: at === handed.at(-1)?.at ? note.seen : "" });
      from = seqAt(at) + 1;
    }
  }

  /**
   * From what was known `before`: entries above the peer's watermark, or own ones among the fresh. Or a watermark that the peer
   * told of before this object knew its entry (again): heads have not shown it.
   */
  #impliedReceipt(cid: Cid, fresh: readonly Entry[], before: HeadRow | undefined): string | undefined {
    const peer = kindOf(cid) === "direct" ? peerOf(cid, this.#self) : undefined;
    if (peer === undefined) return undefined;
    const theirs = fresh.findLast((entry) => entry.from !== this.#self && entry.kind !== "amend")?.seq ?? 0;
    const waiting = theirs > 0 && before !== undefined && before.peerRead < before.head;
    const own = fresh.some(({ from, kind, seq }) => from === this.#self && kind !== "amend" && seq < theirs);
    const early = before !== undefined && before.peerDelivered > before.head;
    if (!waiting && !own && !early) return undefined;
    // The marks as they are now: the peer may have told of more than this message says (RCP1).
    const { peerDelivered, peerRead } = this.#heads.get(cid) as HeadRow;
    const read = peerRead > 0 ? { read: peerRead } : {};
    return make.receiptFrame(cid, peer, { delivered: peerDelivered, ...read });
  }
}
