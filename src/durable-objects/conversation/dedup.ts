/**
 * Which (sender, id) stands where in the log (DUP1), without a row or an index entry per message: an open-addressing
 * table of 64-bit fingerprints, 12 bytes a slot. A hit is only a candidate: the caller compares with the log's row.
 * Rebuilt from the log at wake. What is older than the window leaves when the table grows.
 */
import { hash64 } from "../../lib/hash.ts";

export class Dedup {
  #high = new Uint32Array(64);
  #low = new Uint32Array(64);
  /** 0 = empty slot. */
  #seq = new Uint32Array(64);
  #used = 0;

  /** Number of ids known. */
  get size(): number {
    return this.#used;
  }

  /** Remembers an id. When the table is two thirds full, ids below `floor` are dropped before it grows. */
  add(sender: string, id: string, seq: number, floor: number): void {
    if (this.#used * 3 >= this.#seq.length * 2) this.#rebuild(floor);
    const [high, low] = hash64(`${sender} ${id}`);
    this.#put(high, low, seq);
  }

  /** Seqs where this id may stand. */
  candidates(sender: string, id: string): number[] {
    const [high, low] = hash64(`${sender} ${id}`);
    const mask = this.#seq.length - 1;
    const found: number[] = [];
    for (let slot = low & mask; this.#seq[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#high[slot] === high && this.#low[slot] === low) found.push(this.#seq[slot] as number);
    }
    return found;
  }

  #put(high: number, low: number, seq: number): void {
    const mask = this.#seq.length - 1;
    let slot = low & mask;
    while (this.#seq[slot] !== 0) slot = (slot + 1) & mask;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#seq[slot] = seq;
    this.#used += 1;
  }

  #rebuild(floor: number): void {
    const [high, low, seq] = [this.#high, this.#low, this.#seq];
    let kept = 0;
    for (const value of seq) if (value !== 0 && value >= floor) kept += 1;
    let size = 64;
    while (size < kept * 2 + 2) size *= 2;
    this.#high = new Uint32Array(size);
    this.#low = new Uint32Array(size);
    this.#seq = new Uint32Array(size);
    this.#used = 0;
    for (let slot = 0; slot < seq.length; slot += 1) {
      const value = seq[slot] as number;
      if (value !== 0 && value >= floor) this.#put(high[slot] as number, low[slot] as number, value);
    }
  }
}
