/**
 * What this user owes to the writers of direct chats, and to groups: watermarks (RCP1), several changes as one call, retried a few times.
 * They are cumulative: a lost one is made good by the next, and calls may overtake each other.
 */
import type { Cid } from "../../protocol/ids.ts";
import { backoff } from "../lanes.ts";
import type { Marks } from "../rpc.ts";

interface Debt {
  /** What is so; what is on its way to the writer, or known there; what is known there. */
  now: Marks;
  asked: Marks;
  told: Marks;
  dueAt: number | undefined;
  /** Calls in flight: a call lasts until the writer's disk has the marks, and newer marks do not wait for that. */
  flying: number;
  attempts: number;
  /** When marks last went with an answer of another. */
  rodeAt: number;
}

const NONE: Marks = { delivered: 0, read: 0 };

const RETRY = { backoff: 500, longest: 30_000 };
const ATTEMPTS = 10;
/** So long marks that rode along are taken for told, ms. */
const RIDE_MS = 5_000;
/** Chats remembered as told; beyond, the oldest is forgotten, which costs at most one superfluous call. */
const REMEMBERED = 500;

export class Receipts {
  readonly #debts = new Map<Cid, Debt>();

  /** The watermarks of a chat are these now; they are told at `at` unless the writer knows them, or is just being told. */
  owe(cid: Cid, delivered: number, read: number, at: number): void {
    const debt = this.#debt(cid);
    debt.now = most(debt.now, { delivered, read });
    // Nobody says whether a ride arrived. Who says the same again much later has come back, and is told by a call.
    const doubtful = debt.flying === 0 && !covers(debt.told, debt.now) && at > debt.rodeAt + RIDE_MS;
    if (!covers(debt.asked, debt.now) || doubtful) debt.dueAt ??= at;
    this.#trim();
  }

  /** The writer knows these by another way: by a message of this user. */
  implied(cid: Cid, seq: number): void {
    const debt = this.#debt(cid);
    const marks = { delivered: seq, read: seq };
    debt.now = most(debt.now, marks);
    debt.asked = most(debt.asked, marks);
    debt.told = most(debt.told, marks);
    this.#trim();
  }

  /** Chats whose call is due, then in flight. */
  start(now: number): Cid[] {
    const due: Cid[] = [];
    for (const [cid, debt] of this.#debts) {
      if (debt.dueAt === undefined || debt.dueAt > now) continue;
      debt.dueAt = undefined;
      debt.asked = debt.now;
      debt.flying += 1;
      due.push(cid);
    }
    return due;
  }

  /**
   * These marks may go with an answer that the writer waits for anyway; undefined when the writer has them on its disk. They
   * are not told by that, but on their way: who asks again is given them again.
   */
  ride(cid: Cid, marks: Marks, now: number): Marks | undefined {
    const debt = this.#debt(cid);
    if (covers(debt.told, marks)) return undefined;
    debt.now = most(debt.now, marks);
    debt.asked = most(debt.asked, marks);
    debt.dueAt = undefined;
    debt.rodeAt = now;
    this.#trim();
    return marks;
  }

  told(cid: Cid, delivered: number, read: number): void {
    const debt = this.#debts.get(cid);
    if (debt === undefined) return;
    debt.flying -= 1;
    debt.attempts = 0;
    debt.told = most(debt.told, { delivered, read });
  }

  failed(cid: Cid, now: number, chance: number): void {
    const debt = this.#debts.get(cid);
    if (debt === undefined) return;
    debt.flying -= 1;
    // A call beside this one may have told more.
    debt.asked = debt.told;
    if (covers(debt.told, debt.now)) return;
    debt.attempts += 1;
    if (debt.attempts <= ATTEMPTS) debt.dueAt ??= now + backoff(debt.attempts, RETRY, chance);
  }

  nextDue(): number | undefined {
    let next: number | undefined;
    for (const { dueAt } of this.#debts.values()) {
      if (dueAt !== undefined && (next === undefined || dueAt < next)) next = dueAt;
    }
    return next;
  }

  #debt(cid: Cid): Debt {
    let debt = this.#debts.get(cid);
    if (debt === undefined) {
      debt = { now: NONE, asked: NONE, told: NONE, dueAt: undefined, flying: 0, attempts: 0, rodeAt: 0 };
      this.#debts.set(cid, debt);
    }
    return debt;
  }

  #trim(): void {
    if (this.#debts.size <= REMEMBERED) return;
    for (const [cid, debt] of this.#debts) {
      if (debt.flying === 0 && debt.dueAt === undefined) {
        this.#debts.delete(cid);
        return;
      }
    }
  }
}

function most(a: Marks, b: Marks): Marks {
  return { delivered: Math.max(a.delivered, b.delivered), read: Math.max(a.read, b.read) };
}

function covers(a: Marks, b: Marks): boolean {
  return a.delivered >= b.delivered && a.read >= b.read;
}
