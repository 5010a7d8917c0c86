/** How much of a log is what it was, after the server was put back to a backup. Pure. */
import type { Entry } from "../wire.ts";

/** As it is stored, until it is known. */
export interface GoneRecord {
  /** What was known of the log that is gone: ids by place. */
  readonly ids: Readonly<Record<number, string>>;
  /** The last place that has the same entry, as far as the new log is here. */
  readonly same?: number | undefined;
  /** The first that has another. */
  readonly cut?: number | undefined;
}

export class Gone {
  #record: GoneRecord;

  constructor(record: GoneRecord = { ids: {} }) {
    this.#record = record;
  }

  /** Undefined when there is nothing to find out. */
  get record(): GoneRecord | undefined {
    return this.#places.length > 0 ? this.#record : undefined;
  }

  /** The first place that has another entry than was known. */
  get cut(): number {
    return this.#record.cut ?? Infinity;
  }

  get #places(): number[] {
    return Object.keys(this.#record.ids).map(Number);
  }

  /** Another entry than the one that was known here is at a place. */
  differs(seq: number): void {
    this.#record = { ...this.#record, cut: Math.min(seq, this.cut) };
  }

  /** These were known; what was known of an older log counts more. */
  add(known: readonly { readonly seq: number; readonly id: string | undefined }[]): void {
    const ids = Object.fromEntries(known.flatMap(({ seq, id }) => (id === undefined ? [] : [[seq, id]])));
    this.#record = { ...this.#record, ids: { ...ids, ...this.#record.ids } };
  }

  /** An entry of the new log; they come in their order. */
  entry({ seq, id }: Entry): void {
    const before = this.#record.ids[seq];
    if (before === undefined) return;
    if (before !== id) this.differs(seq);
    // What was known may have been of the new log already: it is the same only where nothing before is another.
    else if (seq < this.cut) this.#record = { ...this.#record, same: seq };
  }

  /**
   * Up to where both logs are the same, once the new one goes as far as the other, or to its `head`; undefined before. Of what lies
   * before all that was known nothing tells: it is taken for the same.
   */
  settle(applied: number, head: number): number | undefined {
    const places = this.#places;
    const last = Math.max(...places);
    if (places.length === 0 || applied < Math.min(last, head)) return undefined;
    const { same = Math.min(...places) - 1 } = this.#record;
    const lost = this.cut < Infinity || head < last;
    this.#record = { ids: {} };
    return lost ? same : Infinity;
  }
}
