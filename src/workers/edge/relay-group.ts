/** One large group as an edge connection keeps it. Pure data: relays.ts decides. */
import type { Cid } from "../../protocol/ids.ts";
import type { Poll } from "../../protocol/link.ts";
import type { RelayMarks } from "./relay-marks.ts";
import { SpanGate } from "./span-gate.ts";

export interface RelayLink {
  state: "opening" | "open" | "broken";
  since: number;
  /** When opening is given up, or a broken link is tried again. */
  at: number;
  attempts: number;
  brokenAt: number | undefined;
}

export interface Group {
  readonly cid: Cid;
  readonly gate: SpanGate;
  relays: number;
  link: RelayLink | undefined;
  /** It is used and shall have a link, if one that is used less has to give way to it. */
  wanted: boolean;
  /** Set when the group went to push mode: entries after it come over the link to the user's object. */
  push: number | undefined;
  /**
   * The user's object has said so, too: a relay's word alone may be out of date before the object hears of it. What the client
   * had by relays may still be pushed: the record stays until something newer is.
   */
  settled: boolean;
  /** A relay said that the user is no member; the user's object has not said so yet. */
  gone: boolean;
  /** The link to the user's object is made anew for it: what the client lacks is among the heads that changed. */
  retold: boolean;
  /** When the client has to be told the head, how often that was asked in vain, and how far the client was then. */
  askAt: number | undefined;
  asked: number;
  watched: number;
  marks: RelayMarks | undefined;
  /** How far it was at the last poll; in how many it has not moved, and how many will leave it out for that. */
  polled: number;
  quiet: number;
  skip: number;
}

export function newGroup(cid: Cid, seq: number, relays: number): Group {
  const gate = new SpanGate(seq);
  const nothing = { link: undefined, push: undefined, askAt: undefined, marks: undefined };
  return {
    cid,
    gate,
    relays,
    ...nothing,
    wanted: false,
    settled: false,
    gone: false,
    retold: false,
    asked: 0,
    watched: seq,
    polled: seq,
    quiet: 0,
    skip: 0,
  };
}

/** Nothing tells this end what happens in it. */
export function isResting({ link, settled }: Group): boolean {
  return link?.state !== "open" && !settled;
}

/** At most so many polls in a row leave out a group that does not move, less one. */
const SKIPPED = 16;

/** Whether the poll that goes now asks for it. A group that does not move is asked less and less often. */
export function isAsked(group: Group): boolean {
  if (!isResting(group)) return false;
  const moved = group.gate.seq > group.polled;
  if (!moved && group.skip > 0) {
    group.skip -= 1;
    return false;
  }
  group.quiet = moved ? 0 : group.quiet + 1;
  group.skip = Math.min(SKIPPED, 2 ** group.quiet) - 1;
  group.polled = group.gate.seq;
  return true;
}

export function pollOf(groups: readonly Group[], must: boolean): Poll {
  return { t: "poll", cids: groups.map(({ cid }) => cid), seqs: groups.map(({ gate }) => gate.seq), must };
}
