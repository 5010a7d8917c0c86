/**
 * What this user owes to the writers of direct chats: watermarks (RCP1), several changes as one call, one call in flight
 * per chat, retried a few times. They are cumulative: a lost one is made good by the next.
 */
import type { Cid } from "../../protocol/ids.ts";
import { backoff } from "../lanes.ts";

interface Debt {
  /** What the writer was told last. */
  delivered: number;
  read: number;
  dueAt: number | undefined;
  flying: boolean;
  attempts: number;
}

const RETRY = { backoff: 500, longest: 30_000 };
const ATTEMPTS = 10;
/** Chats remembered as told; beyond, the oldest is forgotten, which costs at most one superfluous call. */
const REMEMBERED = 500;

export class Receipts {
  readonly #debts = new Map<Cid, Debt>();

  /** The watermarks of a chat are these now; they are told at `at` unless the writer knows them. */
  owe(cid: Cid, delivered: number, read: number, at: number): void {
    const debt = this.#debts.get(cid) ?? { delivered: 0, read: 0, dueAt: undefined, flying: false, attempts: 0 };
    if (debt.delivered >= delivered && debt.read >= read) return;
    debt.dueAt ??= at;
    this.#debts.set(cid, debt);
    this.#trim();
  }

  /** The writer knows these by another way: by a message of this user. */
  implied(cid: Cid, seq: number): void {
    const debt = this.#debts.get(cid);
    if (debt === undefined) {
      this.#debts.set(cid, { delivered: seq, read: seq, dueAt: undefined, flying: false, attempts: 0 });
      this.#trim();
      return;
    }
    debt.delivered = Math.max(debt.delivered, seq);
    debt.read = Math.max(debt.read, seq);
  }

  /** Chats whose call is due, then in flight. */
  start(now: number): Cid[] {
    const due: Cid[] = [];
    for (const [cid, debt] of this.#debts) {
      if (debt.flying || debt.dueAt === undefined || debt.dueAt > now) continue;
      debt.dueAt = undefined;
      debt.flying = true;
      due.push(cid);
    }
    return due;
  }

  told(cid: Cid, delivered: number, read: number): void {
    const debt = this.#debts.get(cid);
    if (debt === undefined) return;
    debt.flying = false;
    debt.attempts = 0;
    debt.delivered = Math.max(debt.delivered, delivered);
    debt.read = Math.max(debt.read, read);
  }

  failed(cid: Cid, now: number, chance: number): void {
    const debt = this.#debts.get(cid);
    if (debt === undefined) return;
    debt.flying = false;
    debt.attempts += 1;
    if (debt.attempts <= ATTEMPTS) debt.dueAt = now + backoff(debt.attempts, RETRY, chance);
  }

  nextDue(): number | undefined {
    let next: number | undefined;
    for (const { flying, dueAt } of this.#debts.values()) {
      if (!flying && dueAt !== undefined && (next === undefined || dueAt < next)) next = dueAt;
    }
    return next;
  }

  #trim(): void {
    if (this.#debts.size <= REMEMBERED) return;
    for (const [cid, debt] of this.#debts) {
      if (!debt.flying && debt.dueAt === undefined) {
        this.#debts.delete(cid);
        return;
      }
    }
  }
}
