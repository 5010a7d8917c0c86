/**
 * The part of a conversation that this client holds: all its messages from `low` to `applied`, each once, in order, with
 * the amendments so far folded in. Pure.
 */
import type { Entry } from "../wire.ts";
import { fold } from "./fold.ts";

/** A message as it is held, and stored. */
export interface Held {
  readonly entry: Entry;
  /** Amendments up to this seq are in it. */
  readonly folded: number;
}

export interface Applied {
  /** Entries that took their place, amendments among them, ascending. */
  readonly applied: readonly Entry[];
  /** What was there before and is changed. */
  readonly changed: readonly Held[];
}

/** Entries beyond a hole that are kept until it is filled. */
const AHEAD = 512;
/** Amendments of messages that are not held, kept while older messages may be on their way. */
const LATE = 512;

export class Log {
  #held: Held[] = [];
  /** From here to `applied` everything is held; `applied + 1` when nothing is. */
  low: number;
  /** Everything up to here was applied, or is not wanted. */
  applied: number;
  /** The id of the entry at `applied`, if it was here. */
  end: string | undefined;
  readonly #ahead = new Map<number, Entry>();
  #late: Entry[] = [];
  #paging = 0;

  constructor(applied: number, low = applied + 1, held: readonly Held[] = [], end?: string) {
    this.applied = applied;
    this.end = end;
    this.low = low;
    this.#held = [...held];
  }

  /** Messages, ascending. */
  get held(): readonly Held[] {
    return this.#held;
  }

  /** The id of an entry, as far as it is known here. */
  idAt(seq: number): string | undefined {
    return seq === this.applied ? this.end : this.at(seq)?.entry.id;
  }

  at(seq: number): Held | undefined {
    const index = this.#index(seq);
    const held = this.#held[index];
    return held?.entry.seq === seq ? held : undefined;
  }

  /** The first message after a seq. */
  after(seq: number): Held | undefined {
    return this.#held[this.#index(seq + 1)];
  }

  /** Takes an entry that came by itself. What is known is dropped (DUP3); what lies beyond a hole waits. */
  apply(entry: Entry): Applied {
    if (entry.seq <= this.applied) return { applied: [], changed: [] };
    if (entry.seq > this.applied + 1) {
      if (this.#ahead.size < AHEAD) this.#ahead.set(entry.seq, entry);
      return { applied: [], changed: [] };
    }
    return this.#take([{ entry, folded: entry.seq }]);
  }

  /**
   * Takes a page of what follows `applied`, as its conversation was at `head`. A seq that the page leaves out at its
   * beginning, or between, is not there to be had.
   */
  extend(messages: readonly Entry[], head: number): Applied {
    const fresh = messages.filter(({ seq }) => seq > this.applied);
    return this.#take(fresh.map((entry) => ({ entry, folded: head })));
  }

  /** Nothing more is to be had up to `seq`. */
  pass(seq: number): Applied {
    if (seq > this.applied) this.end = undefined;
    this.applied = Math.max(this.applied, seq);
    return this.#take([]);
  }

  /** Takes a page of what comes before `low`. */
  prepend(messages: readonly Entry[], head: number, more: boolean): void {
    const fresh = messages.filter(({ seq, kind }) => seq < this.low && kind !== "amend");
    const older = fresh.map((entry): Held => {
      let held: Held = { entry, folded: head };
      for (const late of this.#late) if (late.target === entry.seq) held = folded(held, late);
      return held;
    });
    this.#held = [...older, ...this.#held];
    const first = messages[0]?.seq;
    if (first !== undefined) this.low = Math.min(this.low, first);
    if (!more) this.low = 1;
  }

  /** Gives back what was stored: all messages from `low` to `applied`. */
  restore(held: readonly Held[]): void {
    this.#held = held.filter(({ entry }) => entry.seq >= this.low && entry.seq <= this.applied);
  }

  /** Begins anew with the newest page, or with nothing after `applied`. */
  reset(applied: number, messages: readonly Entry[] = [], head = applied): Applied {
    this.#held = [];
    this.applied = (messages[0]?.seq ?? applied + 1) - 1;
    this.end = undefined;
    this.low = this.applied + 1;
    for (const seq of this.#ahead.keys()) if (seq <= this.applied) this.#ahead.delete(seq);
    return this.extend(messages, head);
  }

  /** Nothing that was heard of its log is so any more, what waits for a page included. */
  forget(): void {
    this.#ahead.clear();
    this.#late = [];
  }

  /** How many pages of older messages are under way. */
  get paging(): number {
    return this.#paging;
  }
  set paging(count: number) {
    this.#paging = count;
    if (count === 0) this.#late = [];
  }

  /** Keeps the newest `count` messages only. */
  trim(count: number): void {
    if (this.#held.length <= count) return;
    this.#held = this.#held.slice(-count);
    this.low = this.#held[0]?.entry.seq ?? this.applied + 1;
  }

  #take(items: readonly Held[]): Applied {
    const applied: Entry[] = [];
    const changed = new Map<number, Held>();
    for (const item of items) this.#one(item, applied, changed);
    for (;;) {
      const next = this.#ahead.get(this.applied + 1);
      if (next === undefined) break;
      this.#one({ entry: next, folded: next.seq }, applied, changed);
    }
    for (const seq of this.#ahead.keys()) if (seq <= this.applied) this.#ahead.delete(seq);
    return { applied, changed: [...changed.values()] };
  }

  #one(item: Held, applied: Entry[], changed: Map<number, Held>): void {
    const { entry } = item;
    this.applied = entry.seq;
    this.end = entry.id;
    applied.push(entry);
    if (entry.kind !== "amend") {
      this.#held.push(item);
      return;
    }
    const index = this.#index(entry.target ?? 0);
    const target = this.#held[index];
    if (target === undefined || target.entry.seq !== entry.target) {
      // Of the oldest a page that is asked for later knows by itself.
      if (this.#paging > 0 && this.#late.push(entry) > LATE) this.#late.shift();
      return;
    }
    const next = folded(target, entry);
    if (next === target) return;
    this.#held[index] = next;
    changed.set(next.entry.seq, next);
  }

  /** Where the message with this seq is, or would be. */
  #index(seq: number): number {
    let from = 0;
    let to = this.#held.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#held[middle]?.entry.seq ?? 0) < seq) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

/** A message after an amendment; the same when it is in it already, or changes nothing. */
export function folded(held: Held, amendment: Entry): Held {
  if (amendment.seq <= held.folded) return held;
  const entry = fold(held.entry, amendment);
  return entry === held.entry ? held : { entry, folded: amendment.seq };
}
