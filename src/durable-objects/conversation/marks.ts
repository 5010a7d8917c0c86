/**
 * The watermarks of a group's members (RCP1), packed: three numbers a member, in chunks that are one row each. How many have an
 * entry is counted over the watermarks when somebody asks, a hundred thousand of them in a fraction of a millisecond, so
 * nothing is kept or written per message.
 */
import type { Marks } from "../rpc.ts";

/** Members of one chunk, and numbers of one member: since when, delivered, read. */
const CHUNK = 512;
const FIELDS = 3;
/** In place of `since`: nobody has this slot. */
const FREE = -1;

export class MarkTable {
  readonly #chunks = new Map<number, Float64Array>();
  readonly #dirty = new Set<number>();

  constructor(stored: readonly { chunk: number; data: ArrayBuffer | Uint8Array }[]) {
    // A copy: what a driver gives may not begin where eight bytes do.
    for (const { chunk, data } of stored) {
      this.#chunks.set(chunk, new Float64Array(new Uint8Array(data).slice().buffer));
    }
  }

  /** Something is not on disk yet. */
  get dirty(): boolean {
    return this.#dirty.size > 0;
  }

  /**
   * Members join behind `since`, nothing before it being counted for them; slots whose members have gone are free. The result
   * undoes this and a `flush` since, for when the disk refuses: watermarks that were not written yet must not be lost by that.
   */
  change(joins: readonly { slot: number; since: number }[], leaves: readonly number[]): () => void {
    const dirty = [...this.#dirty];
    const before = [...joins.map(({ slot }) => slot), ...leaves].map((slot) => ({ slot, numbers: this.#read(slot) }));
    for (const { slot, since } of joins) this.#write(slot, since, since, since);
    for (const slot of leaves) this.#write(slot, FREE, 0, 0);
    return () => {
      for (const { slot, numbers } of before) this.#write(slot, ...numbers);
      this.#dirty.clear();
      for (const chunk of dirty) this.#dirty.add(chunk);
    };
  }

  get(slot: number): Marks {
    const chunk = this.#chunks.get(Math.floor(slot / CHUNK));
    const at = (slot % CHUNK) * FIELDS;
    return { delivered: chunk?.[at + 1] ?? 0, read: chunk?.[at + 2] ?? 0 };
  }

  /** Raises a member's watermarks; never lowers them. False: nothing new. */
  raise(slot: number, { delivered, read }: Marks): boolean {
    const chunk = this.#chunks.get(Math.floor(slot / CHUNK));
    const at = (slot % CHUNK) * FIELDS;
    if (chunk === undefined || chunk[at] === FREE) return false;
    const before = { delivered: chunk[at + 1] as number, read: chunk[at + 2] as number };
    const most = Math.max(before.read, read);
    const got = Math.max(before.delivered, delivered, most);
    if (got === before.delivered && most === before.read) return false;
    chunk[at + 1] = got;
    chunk[at + 2] = most;
    this.#dirty.add(Math.floor(slot / CHUNK));
    return true;
  }

  /** Members who were there before `seq`, and how many of them have it and have read it. */
  count(seq: number): { delivered: number; read: number; members: number } {
    const found = { delivered: 0, read: 0, members: 0 };
    for (const chunk of this.#chunks.values()) {
      for (let at = 0; at < chunk.length; at += FIELDS) {
        const since = chunk[at] as number;
        if (since === FREE || since >= seq) continue;
        found.members += 1;
        if ((chunk[at + 1] as number) >= seq) found.delivered += 1;
        if ((chunk[at + 2] as number) >= seq) found.read += 1;
      }
    }
    return found;
  }

  /** Saves what changed, one row a chunk. */
  flush(save: (chunk: number, data: Uint8Array) => void): void {
    for (const chunk of this.#dirty) {
      const numbers = this.#chunks.get(chunk) as Float64Array;
      save(chunk, new Uint8Array(numbers.buffer));
    }
    this.#dirty.clear();
  }

  #read(slot: number): readonly number[] {
    const at = (slot % CHUNK) * FIELDS;
    const numbers = this.#chunks.get(Math.floor(slot / CHUNK))?.slice(at, at + FIELDS);
    return numbers === undefined ? [FREE, 0, 0] : [...numbers];
  }

  #write(slot: number, ...numbers: readonly number[]): void {
    const index = Math.floor(slot / CHUNK);
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      chunk = new Float64Array(CHUNK * FIELDS);
      for (let at = 0; at < chunk.length; at += FIELDS) chunk[at] = FREE;
      this.#chunks.set(index, chunk);
    }
    chunk.set(numbers, (slot % CHUNK) * FIELDS);
    this.#dirty.add(index);
  }
}
