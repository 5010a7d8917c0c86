/**
 * Who has taken what (DUR3). The log itself is the outbox: per member there are only two cursors, how far entries were
 * offered and how far they are on the member's disk (*taken*), and at most one push in flight. Cursors on disk lag; what
 * was lost of them is learnt again by offering, which the receiver's check makes harmless.
 */
import type { Uid } from "../../protocol/ids.ts";
import { backoff } from "../lanes.ts";
import type { PushReply } from "../rpc.ts";

interface Lane {
  offered: number;
  taken: number;
  /** `taken` as the disk has it. */
  stored: number;
  /** The end of the push in flight. */
  flying: number | undefined;
  /** Entries up to here are not pushed to this member, whatever it answers. */
  floor: number;
  /** Nothing beyond this is pushed: the member has left, or relays go on from there. */
  until: number;
  /** The member has to be told something even if there are no entries: a push is due. */
  notice: boolean;
  /** Counts the notices, so that an answer to an earlier push is not taken for one to this. */
  notices: number;
  attempts: number;
  notBefore: number;
}

/** First back-off and longest of a push that failed, ms. */
const RETRY = { backoff: 50, longest: 5000 };
/** After so many attempts in a row the alarm alone asks again: a timer for ever would keep the object from sleeping. */
const ATTEMPTS = 10;
/** A cursor this far ahead of its row is written along with the next batch. */
const CURSOR_LAG = 32;

/** Where a lane begins. */
export interface Start {
  readonly uid: Uid;
  readonly taken: number;
  /** `taken` as the disk has it. */
  readonly stored?: number;
  readonly floor?: number;
  readonly notice?: boolean;
  readonly until?: number;
}

export class Outbox {
  readonly #lanes = new Map<Uid, Lane>();
  /** Members whose last push failed, or brought nothing forward. */
  readonly #late = new Set<Uid>();
  /** Notices in flight: `notices` as it was when the push started. */
  readonly #telling = new Map<Uid, number>();

  constructor(starts: readonly Start[]) {
    for (const start of starts) this.join(start);
  }

  /** Members with a lane. */
  get uids(): Iterable<Uid> {
    return this.#lanes.keys();
  }

  get size(): number {
    return this.#lanes.size;
  }

  has(uid: Uid): boolean {
    return this.#lanes.has(uid);
  }

  /** A lane begins, or begins anew. */
  join({ uid, taken, stored = taken, floor = 0, notice = false, until = Number.POSITIVE_INFINITY }: Start): void {
    const before = this.#lanes.get(uid);
    this.#lanes.set(uid, {
      offered: taken,
      taken,
      stored,
      // A push in flight ends as it ends; never two to one member.
      flying: before?.flying,
      floor,
      until,
      notice,
      notices: (before?.notices ?? 0) + 1,
      attempts: 0,
      notBefore: 0,
    });
  }

  /** The member has to be told something, and is pushed nothing beyond `until`. */
  notify(uid: Uid, until = Number.POSITIVE_INFINITY): void {
    const lane = this.#lanes.get(uid);
    if (lane === undefined) return;
    lane.until = until;
    lane.notice = true;
    lane.notices += 1;
    lane.notBefore = 0;
  }

  /** Nothing more is pushed to this member. */
  leave(uid: Uid): void {
    this.#lanes.delete(uid);
  }

  /** Nothing beyond this is pushed to the member. */
  until(uid: Uid): number {
    return this.#lanes.get(uid)?.until ?? Number.POSITIVE_INFINITY;
  }

  /** True: the member was told what it had to be told. */
  told(uid: Uid): boolean {
    return this.#lanes.get(uid)?.notice !== true;
  }

  /** True: the member was told what it had to be told, and has everything that is pushed to it on disk. */
  done(uid: Uid, head: number): boolean {
    const lane = this.#lanes.get(uid);
    return lane === undefined || (!lane.notice && lane.taken >= Math.min(head, lane.until));
  }

  /** Entries up to `seq` reach this member another way: by the reply to its own call. */
  handed(uid: Uid, seq: number): void {
    const lane = this.#lanes.get(uid);
    if (lane !== undefined) lane.offered = Math.max(lane.offered, seq);
  }

  /** This member's object says what it has on disk. */
  took(uid: Uid, seq: number): void {
    const lane = this.#lanes.get(uid);
    if (lane !== undefined) lane.taken = Math.max(lane.taken, seq);
  }

  /** The exclusive start of the push to make now to this member, then in flight; undefined when there is none. */
  start(uid: Uid, head: number, now: number): number | undefined {
    const lane = this.#lanes.get(uid);
    if (lane === undefined || lane.flying !== undefined || now < lane.notBefore) return undefined;
    if (!lane.notice && lane.offered >= Math.min(head, lane.until)) return undefined;
    lane.flying = Math.max(lane.offered, Math.min(head, lane.until));
    if (lane.notice) this.#telling.set(uid, lane.notices);
    return lane.offered;
  }

  /** The push in flight covers no more than up to `seq`. */
  covers(uid: Uid, seq: number): void {
    const lane = this.#lanes.get(uid);
    if (lane !== undefined) lane.flying = seq;
  }

  /** A push was answered. A receiver that has less than was sent lacks something earlier: it is offered from there. */
  pushed(uid: Uid, reply: PushReply, now: number, chance: number): void {
    const lane = this.#lanes.get(uid);
    const told = this.#telling.get(uid);
    this.#telling.delete(uid);
    const flying = lane?.flying;
    if (lane === undefined || flying === undefined) return;
    const stuck = reply.have < flying && reply.have === lane.offered;
    lane.offered = Math.max(lane.floor, reply.have < flying ? reply.have : Math.max(lane.offered, flying));
    lane.taken = Math.max(lane.taken, Math.min(reply.taken, lane.offered));
    lane.flying = undefined;
    // What the member had to be told counts when it is on the member's disk.
    const heard = told === lane.notices && reply.taken >= Math.min(reply.have, flying);
    if (heard) lane.notice = false;
    const again = stuck || (lane.notice && told === lane.notices);
    lane.attempts = again ? lane.attempts + 1 : 0;
    if (again) this.#late.add(uid);
    else this.#late.delete(uid);
    lane.notBefore = again ? now + backoff(lane.attempts, RETRY, chance) : 0;
  }

  /** A push failed: offered again from the same place, later. */
  failed(uid: Uid, now: number, chance: number): void {
    const lane = this.#lanes.get(uid);
    this.#telling.delete(uid);
    if (lane === undefined) return;
    lane.flying = undefined;
    lane.notBefore = now + backoff(lane.attempts, RETRY, chance);
    lane.attempts += 1;
    this.#late.add(uid);
  }

  /** Offers again whatever is not known to be taken: after the safety alarm. */
  offerAgain(): void {
    for (const lane of this.#lanes.values()) {
      if (lane.flying === undefined) lane.offered = lane.taken;
      lane.notBefore = 0;
    }
  }

  /** True when everybody but `except` has `seq`, or what of it is pushed, on disk. */
  taken(seq: number, except?: Uid): boolean {
    for (const [uid, lane] of this.#lanes) {
      if (uid !== except && (lane.notice || lane.taken < Math.min(seq, lane.until))) return false;
    }
    return true;
  }

  /** Entries up to here are on the disk of everybody who is pushed to. */
  floor(head: number): number {
    let floor = head;
    for (const { taken, until } of this.#lanes.values())
      if (taken < Math.min(head, until)) floor = Math.min(floor, taken);
    return floor;
  }

  /** How far entries are known to be on this member's disk. */
  takenBy(uid: Uid): number {
    return this.#lanes.get(uid)?.taken ?? 0;
  }

  /** Cursors worth a row now. They count as written once `stored` is told. */
  lagging(): { uid: Uid; seq: number }[] {
    const found: { uid: Uid; seq: number }[] = [];
    for (const [uid, lane] of this.#lanes) {
      if (lane.taken - lane.stored >= CURSOR_LAG) found.push({ uid, seq: lane.taken });
    }
    return found;
  }

  /** These cursors are on disk. */
  stored(cursors: readonly { uid: Uid; seq: number }[]): void {
    for (const { uid, seq } of cursors) {
      const lane = this.#lanes.get(uid);
      if (lane !== undefined) lane.stored = seq;
    }
  }

  /** When the earliest push that failed is due again; undefined when none waits. */
  nextDue(head: number): number | undefined {
    let next: number | undefined;
    for (const uid of this.#late) {
      const lane = this.#lanes.get(uid);
      if (lane === undefined) this.#late.delete(uid);
      if (lane === undefined || lane.flying !== undefined || lane.notBefore === 0 || lane.attempts > ATTEMPTS) continue;
      if (!lane.notice && lane.offered >= Math.min(head, lane.until)) continue;
      if (next === undefined || lane.notBefore < next) next = lane.notBefore;
    }
    return next;
  }
}
