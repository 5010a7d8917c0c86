/**
 * Who has left a group and is not forgotten yet, and with which entries: who came back and left again did so more than once. They
 * are kept until the own object and every relay know (SEC1).
 */
import type { Uid } from "../../protocol/ids.ts";

export class Leavers {
  readonly #seqs = new Map<Uid, readonly number[]>();
  #newest = 0;

  get size(): number {
    return this.#seqs.size;
  }

  /** The newest entry that ended a membership. */
  get newest(): number {
    return this.#newest;
  }

  get uids(): readonly Uid[] {
    return [...this.#seqs.keys()];
  }

  has(uid: Uid): boolean {
    return this.#seqs.has(uid);
  }

  /** With which entry this one left last; undefined: there is nothing to remember. */
  last(uid: Uid): number | undefined {
    const seqs = this.#seqs.get(uid);
    return seqs && Math.max(...seqs);
  }

  add(uid: Uid, seq: number): void {
    const seqs = this.#seqs.get(uid) ?? [];
    if (!seqs.includes(seq)) this.#seqs.set(uid, [...seqs, seq]);
    this.#newest = Math.max(this.#newest, seq);
  }

  forget(uid: Uid): void {
    this.#seqs.delete(uid);
  }

  /** All of them, as relays are told. */
  list(): { uid: Uid; seq: number }[] {
    return [...this.#seqs].flatMap(([uid, seqs]) => seqs.map((seq) => ({ uid, seq })));
  }
}
