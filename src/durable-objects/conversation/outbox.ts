/**
 * Who has taken what (DUR3). The log itself is the outbox: per member there are only two cursors, how far entries were
 * offered and how far they are on the member's disk (*taken*), and at most one push in flight. Cursors on disk lag; what
 * was lost of them is learnt again by offering, which the receiver's check makes harmless.
 */
import type { Uid } from "../../protocol/ids.ts";
import { backoff } from "../lanes.ts";
import type { PushReply } from "../rpc.ts";
import type { MemberRow } from "./conversation-store.ts";

interface Lane {
  offered: number;
  taken: number;
  /** `taken` as the disk has it. */
  stored: number;
  /** The end of the push in flight, 0 = none. */
  flying: number;
  attempts: number;
  notBefore: number;
}

/** First back-off and longest of a push that failed, ms. */
const RETRY = { backoff: 50, longest: 5000 };
/** A cursor this far ahead of its row is written along with the next batch. */
const CURSOR_LAG = 32;

export class Outbox {
  readonly #lanes = new Map<Uid, Lane>();

  constructor(members: readonly MemberRow[]) {
    for (const { uid, takenSeq, joinedSeq } of members) {
      const taken = Math.max(takenSeq, joinedSeq);
      this.#lanes.set(uid, { offered: taken, taken, stored: takenSeq, flying: 0, attempts: 0, notBefore: 0 });
    }
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
    if (lane === undefined || lane.flying > 0 || lane.offered >= head || now < lane.notBefore) return undefined;
    lane.flying = head;
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
    if (lane === undefined) return;
    const stuck = reply.have < lane.flying && reply.have === lane.offered;
    lane.offered = reply.have < lane.flying ? reply.have : Math.max(lane.offered, lane.flying);
    lane.taken = Math.max(lane.taken, Math.min(reply.taken, lane.offered));
    lane.flying = 0;
    lane.attempts = stuck ? lane.attempts + 1 : 0;
    lane.notBefore = stuck ? now + backoff(lane.attempts, RETRY, chance) : 0;
  }

  /** A push failed: offered again from the same place, later. */
  failed(uid: Uid, now: number, chance: number): void {
    const lane = this.#lanes.get(uid);
    if (lane === undefined) return;
    lane.flying = 0;
    lane.notBefore = now + backoff(lane.attempts, RETRY, chance);
    lane.attempts += 1;
  }

  /** Offers again whatever is not known to be taken: after the safety alarm. */
  offerAgain(): void {
    for (const lane of this.#lanes.values()) {
      if (lane.flying === 0) lane.offered = lane.taken;
      lane.notBefore = 0;
    }
  }

  /** True when everybody but `except` has `seq` on disk. */
  taken(seq: number, except?: Uid): boolean {
    for (const [uid, lane] of this.#lanes) if (uid !== except && lane.taken < seq) return false;
    return true;
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
    for (const lane of this.#lanes.values()) {
      if (lane.flying > 0 || lane.offered >= head || lane.notBefore === 0) continue;
      if (next === undefined || lane.notBefore < next) next = lane.notBefore;
    }
    return next;
  }
}
