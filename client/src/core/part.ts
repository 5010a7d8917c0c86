/** A part of a conversation elsewhere than its log, around a search result for instance. Pure. */
import type { Entry } from "../wire.ts";
import { folded, type Held } from "./log.ts";

/** Amendments that are kept for messages whose page is under way. */
const LATE = 512;

export class Part {
  /** From here on everything is held; 1: also the first one. */
  low: number;
  /** Everything up to here is held. */
  high: number;
  /** The log has begun anew, and says no more what becomes of these messages. */
  ended = false;
  #held: readonly Held[] = [];
  #late: Entry[] = [];

  /** Begins before `seq`, with nothing. */
  constructor(seq: number) {
    this.low = seq;
    this.high = seq - 1;
  }

  /** Messages, ascending. A new array when something changes. */
  get held(): readonly Held[] {
    return this.#held;
  }

  /** Takes a page of what comes before `low`, as its conversation was at `head`. */
  prepend(messages: readonly Entry[], head: number, more: boolean): void {
    const older = messages.filter(({ seq }) => seq < this.low);
    this.#held = [...this.#fresh(older, head), ...this.#held];
    this.low = more ? Math.min(this.low, older[0]?.seq ?? this.low) : 1;
  }

  /** Takes a page of what follows `high`. */
  extend(messages: readonly Entry[], head: number, more: boolean): void {
    const newer = messages.filter(({ seq }) => seq > this.high);
    this.#held = [...this.#held, ...this.#fresh(newer, head)];
    this.high = more ? Math.max(this.high, newer.at(-1)?.seq ?? this.high) : Math.max(this.high, head);
  }

  /** An amendment has taken its place in the log. */
  amend(entry: Entry): void {
    this.#late.push(entry);
    if (this.#late.length > LATE) this.#late.shift();
    const index = this.#held.findIndex((held) => held.entry.seq === entry.target);
    const before = this.#held[index];
    if (before === undefined) return;
    const after = folded(before, entry);
    if (after !== before) this.#held = this.#held.with(index, after);
  }

  #fresh(entries: readonly Entry[], head: number): Held[] {
    return entries
      .filter(({ kind }) => kind !== "amend")
      .map((entry) => {
        const late = this.#late.filter(({ target }) => target === entry.seq);
        return late.reduce<Held>(folded, { entry, folded: head });
      });
  }
}
