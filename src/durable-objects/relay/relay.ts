/**
 * One relay of a large group: multicasts the conversation's entries to the devices that listen, in the order of the log, and
 * gathers their watermarks. It keeps nothing durable and decides nothing about the group: who may listen is the
 * conversation's word (SEC1), and a hole that a restart tears is found by the edges (ORD2). No clock, no chance, no await.
 */
import type { Config } from "../../config/config.ts";
import type { Result } from "../../lib/result.ts";
import type { Refusal } from "../../protocol/codes.ts";
import type { Cid, Uid } from "../../protocol/ids.ts";
import {
  encodeControl,
  encodeDown,
  type RelayAttach,
  type RelayControl,
  type RelayUpFrame,
} from "../../protocol/link.ts";
import type { Admission, MulticastCall, MulticastReply } from "../group-rpc.ts";
import { judge } from "../user/inbox.ts";
import { receiptFrame } from "../user/server-frames.ts";
import { Batch, isOwn } from "./batch.ts";
import { MarksOut, type UserMarks } from "./marks-out.ts";
import type { Joining, RelayLink } from "./relay-link.ts";

/** What a relay asks of the world. Nothing throws; an answer of `undefined`: the call failed. */
export interface RelayPort {
  /** Text to a link; one that is gone swallows it. */
  send(link: RelayLink, text: string): void;
  /** Ends a link. */
  close(link: RelayLink): void;
  /** Keeps what must survive hibernation with the link. */
  keep(link: RelayLink): void;
  /** Asks the conversation; answered by `admitted`. */
  admit(link: RelayLink, attach: RelayAttach): void;
  /** Reports watermarks; answered by `reported`. */
  marks(list: readonly UserMarks[]): void;
  /** Whether a newer routing table than that of an epoch is known here. */
  isStale(epoch: number): boolean;
  /** In [0, 1). */
  chance(): number;
}

/** With which entries members have left, in time. */
type Gone = ReadonlyMap<Uid, readonly number[]>;
type Why = Extract<RelayControl, { do: "ended" }>["why"];

/** How often a device that does not acknowledge is told that the group has moved, ms. */
const BEHIND_MS = 1000;
/** Sessions that were refused for their old routing table and are remembered until they come back. */
const REFUSED = 1000;
/** Entries that wait for one link to be admitted. */
const JOINING = 4096;
const ALL = Number.POSITIVE_INFINITY;
const NOTHING = { version: 0, done: [], about: "", seen: "", span: "" };

export class Relay {
  readonly links = new Set<RelayLink>();
  readonly #cid: Cid;
  readonly #config: Config;
  readonly #port: RelayPort;
  readonly #marks: MarksOut;
  readonly #refused = new Set<string>();
  /** The newest entry handed to the links; undefined when this object cannot know, after hibernation. */
  #have: number | undefined;
  #behindAt: number | undefined;

  /** `links`: those whose sockets slept with the object. */
  constructor(cid: Cid, config: Config, port: RelayPort, links: readonly RelayLink[]) {
    this.#cid = cid;
    this.#config = config;
    this.#port = port;
    this.#marks = new MarksOut(config.groups.relay_mark_ms);
    for (const link of links) {
      this.links.add(link);
      // Nobody waits for the conversation's answer any more.
      if (link.since === undefined) this.#end(link, "again", 0);
    }
  }

  // --- links -----------------------------------------------------------------------------------------------------

  /** A session asks to listen. Its own older link, or that of its device, gives way. */
  attach(link: RelayLink, attach: RelayAttach): void {
    for (const other of this.links) {
      const same = other.session === link.session || (other.uid === link.uid && other.device === link.device);
      if (!same) continue;
      this.links.delete(other);
      this.#port.close(other);
    }
    this.links.add(link);
    this.#port.keep(link);
    this.#port.admit(link, attach);
  }

  closed(link: RelayLink): void {
    this.links.delete(link);
  }

  /** The conversation's answer. */
  admitted(link: RelayLink, answer: Result<Admission, Refusal> | undefined, now: number): void {
    const { joining } = link;
    if (joining === undefined || !this.links.has(link)) return;
    if (answer === undefined) return this.#end(link, "again", 0);
    // Not a member, or overloaded: in either case nothing of the group is said (SEC1).
    if (!answer.ok) return this.#end(link, answer.error.retryAfter === undefined ? "gone" : "again", 0);
    const { value } = answer;
    if (joining.again) return this.#end(link, "again", value.head);
    if (!value.push && this.#isStale(joining.attach, value)) return this.#end(link, "stale", value.head, value.relays);
    link.joining = undefined;
    this.#begin(link, joining, value, now);
  }

  #begin(link: RelayLink, joining: Joining, { head, entries, push }: Admission, now: number): void {
    // Who was admitted at this entry or after it has come back since.
    const gone = firstAfter(head, joining.gone);
    if (entries !== undefined && entries.length > 0) this.#hand(link, new Batch(this.#cid, entries), ALL, now);
    if (push) return this.#end(link, "push", head);
    if (!this.#others(link)) this.#have = Math.max(this.#have ?? 0, head);
    link.since = head;
    this.#port.keep(link);
    if (entries === undefined) link.after = head;
    this.#tell(link, { do: "admitted", head, hole: entries === undefined });
    const end = joining.end === undefined || joining.end < head ? ALL : joining.end;
    for (const batch of joining.batches) this.#hand(link, batch, Math.min(gone, end), now);
    if (gone < ALL) this.#end(link, "gone", gone);
    else if (end < ALL) this.#endPull(link, end);
  }

  #isStale({ session, relays, epoch }: RelayAttach, admission: Admission): boolean {
    if (relays !== admission.relays) return true;
    if (!this.#port.isStale(epoch)) return false;
    // Who comes back and is still behind has a router that is down: a relay too many is no reason to refuse it for ever.
    const first = !this.#refused.delete(session);
    if (first && this.#refused.size < REFUSED) this.#refused.add(session);
    return first;
  }

  /** Whether links beside this one are past their admission. */
  #others(link: RelayLink): boolean {
    for (const other of this.links) if (other !== link && other.since !== undefined) return true;
    return false;
  }

  /** Watermarks of a device. */
  frames(link: RelayLink, frames: readonly RelayUpFrame[], now: number): void {
    if (!this.links.has(link) || link.since === undefined) return;
    for (const { t, seq } of frames) {
      link.window.acknowledge(this.#cid, seq);
      if (link.lagging && link.window.unacknowledged <= this.#config.limits.window / 2) this.#resume(link);
      this.#marks.add(link.uid, seq, t === "read" ? seq : 0, now);
      if (t === "read") this.#read(link, seq);
    }
  }

  /** The user's other devices here learn what was read. */
  #read(link: RelayLink, seq: number): void {
    if (seq <= link.read) return;
    link.read = seq;
    const text = encodeDown(NOTHING, [receiptFrame(this.#cid, link.uid, { delivered: seq, read: seq })]);
    for (const other of this.links) {
      if (other === link || other.uid !== link.uid || other.since === undefined || other.read >= seq) continue;
      other.read = seq;
      this.#port.send(other, text);
    }
  }

  #resume(link: RelayLink): void {
    link.lagging = false;
    this.#port.keep(link);
    this.#tellBehind(link);
  }

  // --- multicast -------------------------------------------------------------------------------------------------

  /** The conversation offers entries, and says what becomes of the links. */
  multicast(call: MulticastCall, now: number): MulticastReply {
    if (call.skip) return this.#beginAnew(call.head);
    const first = call.entries[0]?.seq ?? call.head + 1;
    // Without links, whatever comes is the beginning: it waits for those that are being admitted.
    const have = this.#listening() ? (this.#have ?? call.from ?? first - 1) : first - 1;
    const judged = judge(have, call.entries, false);
    if (judged.is === "gap") return { have, links: this.links.size };
    const gone = new Map<Uid, number[]>();
    for (const { uid, seq } of call.gone) gone.set(uid, [...(gone.get(uid) ?? []), seq]);
    if (call.over !== undefined) for (const { uid } of this.links) gone.set(uid, [call.over]);
    if (judged.is === "accepted") {
      const batch = new Batch(this.#cid, judged.fresh as typeof call.entries);
      for (const link of this.links) this.#offer(link, batch, Math.min(call.end ?? ALL, goneAt(link, gone)), now);
      this.#have = call.entries.at(-1)?.seq;
    } else if (this.#have === undefined) {
      // Nothing is known here of what the links have; they know it themselves.
      for (const link of this.links) if (link.since !== undefined) this.#tell(link, { do: "head", head: call.head });
      this.#have = call.head;
    }
    this.#leave(gone);
    if (call.end !== undefined) this.#endAll(call.end);
    return { have: this.#have ?? have, links: this.links.size };
  }

  /** Something that is kept nowhere, for whoever keeps up; who it is from has an object that tells the other devices. */
  cast(frame: string, from: Uid): void {
    const text = encodeDown(NOTHING, [frame]);
    for (const link of this.links) {
      if (link.uid !== from && !link.lagging && link.since !== undefined) this.#port.send(link, text);
    }
  }

  #listening(): boolean {
    for (const { since } of this.links) if (since !== undefined) return true;
    return false;
  }

  /** The relay is too far behind: its edges attach anew, each from where it is. */
  #beginAnew(head: number): MulticastReply {
    for (const link of this.links) {
      if (link.joining === undefined) this.#end(link, "again", head);
      else link.joining.again = true;
    }
    this.#have = head;
    return { have: head, links: this.links.size };
  }

  #offer(link: RelayLink, batch: Batch, until: number, now: number): void {
    const { joining } = link;
    if (joining === undefined) return this.#hand(link, batch, until, now);
    joining.batches.push(batch);
    let waiting = 0;
    for (const { entries } of joining.batches) waiting += entries.length;
    if (waiting <= JOINING) return;
    joining.batches = [];
    joining.again = true;
  }

  /** Hands a link what it has not had of a batch, as far as its window reaches (FLW1). */
  #hand(link: RelayLink, batch: Batch, until: number, now: number): void {
    const last = Math.min(until, batch.entries.at(-1)?.seq ?? 0);
    if (last <= link.after) return;
    if (!link.lagging) {
      const { after } = link;
      const own = (entry: Batch["entries"][number]): boolean => isOwn(entry, link);
      link.after = link.room(this.#cid, batch, last, this.#config.limits.window, own);
      if (link.after > after) for (const text of batch.texts(link, after, link.after)) this.#port.send(link, text);
      if (link.window.unacknowledged >= this.#config.limits.window) {
        link.lagging = true;
        this.#port.keep(link);
      }
      if (link.after >= last) return;
    }
    link.after = last;
    link.missed = true;
    this.#behindAt ??= now + BEHIND_MS;
  }

  #leave(gone: Gone): void {
    if (gone.size === 0) return;
    for (const link of this.links) {
      const at = goneAt(link, gone);
      if (link.joining !== undefined) link.joining.gone = [...link.joining.gone, ...(gone.get(link.uid) ?? [])];
      else if (at < ALL) this.#end(link, "gone", at);
    }
  }

  #endAll(end: number): void {
    for (const link of this.links) {
      if (link.joining !== undefined) link.joining.end = end;
      else this.#endPull(link, end);
    }
  }

  /** The group went to push mode after this entry; or again to pull mode since, and the link was admitted then. */
  #endPull(link: RelayLink, end: number): void {
    const since = link.since ?? 0;
    if (since > end) return;
    this.#tellBehind(link);
    // Admitted at this very entry, before the end or after it: the conversation knows.
    this.#end(link, since === end ? "again" : "push", end);
  }

  #end(link: RelayLink, why: Why, seq: number, relays = 0): void {
    this.links.delete(link);
    this.#tell(link, { do: "ended", why, seq, relays });
    this.#port.close(link);
  }

  #tell(link: RelayLink, control: RelayControl): void {
    this.#port.send(link, encodeControl(control));
  }

  #tellBehind(link: RelayLink): void {
    if (link.missed) this.#tell(link, { do: "behind", head: link.after });
    link.missed = false;
  }

  // --- time ------------------------------------------------------------------------------------------------------

  /** The report of watermarks ended. */
  reported(told: boolean, now: number): void {
    this.#marks.ended(told, now, this.#port.chance());
  }

  /** Does what is due. */
  tick(now: number): void {
    const list = this.#marks.take(now);
    if (list !== undefined) this.#port.marks(list);
    if (this.#behindAt === undefined || now < this.#behindAt) return;
    this.#behindAt = undefined;
    for (const link of this.links) this.#tellBehind(link);
  }

  /** When `tick` has something to do; undefined: the object may sleep. */
  nextTick(): number | undefined {
    const marks = this.#marks.nextDue();
    if (marks === undefined || this.#behindAt === undefined) return marks ?? this.#behindAt;
    return Math.min(marks, this.#behindAt);
  }
}

/** After which entry this link's user is no member any more; who was admitted at one or after it has come back since. */
function goneAt(link: RelayLink, gone: Gone): number {
  return firstAfter(link.since ?? 0, gone.get(link.uid) ?? []);
}

function firstAfter(head: number, seqs: readonly number[]): number {
  return Math.min(ALL, ...seqs.filter((seq) => seq > head));
}
