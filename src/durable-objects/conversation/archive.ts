/**
 * What of the log goes to the store, and when; and what may leave the log (DUR2). The store has a prefix of the log, and of what was
 * amended since what is not listed in `stale`. How far that prefix goes needs no row: every entry carries what was known when it
 * was written, so after a wake some entries are written again, which changes nothing. One write is in flight at a time; a write that
 * failed may have taken effect, or take effect later, and harms nothing either. Pure: archiver.ts carries the writes.
 */
import type { Config } from "../../config/config.ts";
import { PUT_CHARACTERS, PUT_ROWS, type StoredChange, type StoredMessage } from "../../store/messages.ts";
import { backoff } from "../lanes.ts";
import { CHUNK, type Passed, type Stale } from "./archive-store.ts";
import type { ConversationStore } from "./conversation-store.ts";
import type { Log } from "./log.ts";
import { content, unverified, verifiedRange, verify, type Verification } from "./verify.ts";

/** One write to the store. */
export interface Batch {
  /** How far the log was when this was read. */
  readonly rev: number;
  /** The store has everything up to here once this is written. */
  readonly last: number;
  readonly entries: readonly StoredMessage[];
  /** What has become of entries that have left the log. */
  readonly changes: readonly StoredChange[];
  /** Entries that were amended after they had been written. */
  readonly again: readonly number[];
}

export interface Health {
  /** Entries that the store is not known to have: what waits when it does not answer. */
  readonly behind: number;
  /** The oldest entry in the log. */
  readonly first: number;
  readonly archived: number;
  /** Writes that failed in a row. */
  readonly failures: number;
  /** The store has something else than the log at these places, which therefore stay in the log. */
  readonly differs: boolean;
}

/** Amended entries of one write. */
const AGAIN = 200;
/** How much larger a write may be after one that was taken. */
const GROWTH = 4;

export class Archive {
  readonly #store: ConversationStore;
  readonly #log: Log;
  readonly #config: Config;
  /** Entries that were amended after they were written may be waiting. */
  #again: boolean;
  #flying: Batch | undefined;
  #failures = 0;
  #notBefore = 0;
  /**
   * The part of a full write that the next one may be: half of the last after each failure, for the store may have refused its size or
   * been too slow for it, and then a smaller one is taken where the same would be refused for ever.
   */
  #part = 1;
  /** The store contradicted the log; it was told again, and is asked no more than once after that until the next wake. */
  #contradicted = 0;

  /** Reads what a wake needs. What was not known to be stored before is due. */
  constructor(store: ConversationStore, log: Log, config: Config) {
    this.#store = store;
    this.#log = log;
    this.#config = config;
    this.#again = store.made && store.archive.stale(1).length > 0;
  }

  /** The store has everything up to here. */
  get archived(): number {
    return Math.max(this.#store.archived, this.#log.first - 1);
  }

  get health(): Health {
    const { archived } = this;
    return {
      behind: this.#log.head - archived,
      first: this.#log.first,
      archived,
      failures: this.#failures,
      differs: this.#contradicted > 1,
    };
  }

  /** Which database the history goes to, and how often what has left the log was changed there since. */
  get pin(): { readonly shard: string; readonly generation: number } | undefined {
    return this.#store.made ? this.#store.archive.pin() : undefined;
  }

  /** The entries that a comparison with the store looks at next. */
  verified(after: number): { readonly from: number; readonly to: number } {
    return verifiedRange(after, this.archived);
  }

  /** Compares them with what the store has. */
  verify(
    range: { readonly from: number; readonly to: number },
    entries: readonly StoredMessage[],
    stored: number,
  ): Verification {
    return verify(range, entries, stored, { log: this.#log, store: this.#store, health: this.health });
  }

  /** The same while the store does not answer. */
  unverified(after: number): Verification {
    return unverified(after, { log: this.#log, health: this.health });
  }

  /** Of entries that change with the next commit, those that no write to come would tell: their rows belong to that commit. */
  stale(amended: Iterable<number>, erased: readonly number[], rev: number): Stale[] {
    const told = Math.max(this.archived, this.#flying?.last ?? 0);
    const gone = new Set(erased);
    const seqs = new Set([...amended, ...erased]);
    const stale = [...seqs].filter((seq) => seq <= told).map((seq) => ({ seq, rev, erased: gone.has(seq) }));
    this.#again ||= stale.length > 0;
    return stale;
  }

  /** When the next write is due, ms; undefined when nothing waits, or one is in flight. */
  due(): number | undefined {
    if (this.#flying !== undefined) return undefined;
    const waiting = this.#log.head - this.archived;
    if (waiting === 0) return this.#again ? this.#notBefore : undefined;
    // An amendment is an entry itself, so what it changed goes when it goes.
    const since = waiting >= PUT_ROWS ? 0 : this.#awaited;
    return Math.max(this.#notBefore, since);
  }

  /** Until when the oldest entry that the store does not have waits for company. */
  get #awaited(): number {
    return (this.#log.row(this.archived + 1)?.ts ?? 0) + this.#config.history.wait_ms;
  }

  /** True after a failure: the object must come back to it although it may sleep until then. */
  get retrying(): boolean {
    return this.#failures > 0 && this.due() !== undefined;
  }

  /** The write that is due, then in flight. */
  next(now: number): Batch | undefined {
    const due = this.due();
    if (due === undefined || now < due) return undefined;
    const { archived } = this;
    const most = (of: number): number => Math.max(1, Math.floor(of * this.#part));
    const changes: StoredChange[] = [];
    const amended: StoredMessage[] = [];
    for (const { seq, erased } of this.#store.archive.stale(most(AGAIN))) {
      if (seq > archived) break;
      if (seq >= this.#log.first) amended.push(...this.#log.stored(seq, seq));
      else changes.push({ seq, amended: this.#log.amended(seq), erased });
    }
    // They go in one write with the new ones, whose limits hold for all of it.
    const waiting = this.#log.stored(
      archived + 1,
      Math.min(this.#log.head, archived + most(PUT_ROWS) - amended.length),
    );
    const entries = within([...amended, ...waiting], most(PUT_CHARACTERS));
    const last = archived + Math.max(0, entries.length - amended.length);
    const again = [...changes, ...entries.slice(0, amended.length)].map(({ seq }) => seq);
    // What is stale and goes with this write is told, too.
    const told = this.#store.archive.staleBetween(archived + 1, last);
    const rev = this.#log.head;
    // An amendment that the disk refused left nothing to do.
    if (entries.length + changes.length === 0) this.#again = false;
    if (entries.length + changes.length === 0) return undefined;
    this.#flying = { rev, last, entries, changes, again: [...again, ...told.keys()] };
    return this.#flying;
  }

  /** The store has it. Throws when the disk refuses: the same as if the store had not answered. */
  done(batch: Batch): void {
    this.#store.archive.fresh(batch.again, batch.rev, this.#log.first);
    this.#log.forget(batch.again);
    this.#store.archived = Math.max(this.#store.archived, batch.last);
    this.#again = this.#store.archive.stale(1).length > 0;
    this.#flying = undefined;
    this.#failures = 0;
    this.#notBefore = 0;
    this.#part = Math.min(1, this.#part * GROWTH);
  }

  /** The store did not answer. `chance` in [0, 1) spreads the next attempt. */
  failed(now: number, chance: number): void {
    const { retry_ms, longest_retry_ms } = this.#config.history;
    this.#flying = undefined;
    // Who sleeps between two attempts forgets them; that entries have waited long says that there were some.
    const waited = this.#log.head > this.archived ? Math.max(0, now - this.#awaited) : 0;
    const before = Math.max(this.#failures, Math.floor(Math.log2(1 + waited / retry_ms)));
    this.#notBefore = now + backoff(before, { backoff: retry_ms, longest: longest_retry_ms }, chance);
    this.#failures += 1;
    this.#part = Math.max(1 / PUT_ROWS, this.#part / 2);
  }

  /**
   * The oldest entries, once they may leave the log: the store has them, they are behind the newest `tail` and the dedup window (DUP1),
   * and everybody who is pushed to has them (DUR3). Who asks compares them with what the store has, then calls `drop`.
   */
  leaving(taken: number, now: number): { readonly first: number; readonly last: number } | undefined {
    const first = this.#log.first;
    const last = first + CHUNK - 1;
    const until = Math.min(this.archived, this.#log.head - this.#config.history.tail, taken);
    if (last > until || this.#contradicted > 1) return undefined;
    if (this.#log.knownFrom(now) <= last || this.#store.archive.staleBetween(first, last).size > 0) return undefined;
    return { first, last };
  }

  /** These left the log if the store has them as they are; else it is told again, and false. Throws when the disk refuses. */
  drop(range: { readonly first: number; readonly last: number }, stored: readonly StoredMessage[]): boolean {
    const { first, last } = range;
    if (first !== this.#log.first || this.#store.archive.staleBetween(first, last).size > 0) return true;
    const entries = this.#log.stored(first, last);
    if (!same(entries, stored)) {
      this.#contradicted += 1;
      this.#store.archived = Math.min(this.#store.archived, first - 1);
      return false;
    }
    this.#contradicted = 0;
    this.#log.drop(last, passedOf(this.#log.countAt(first - 1) ?? 0, entries));
    return true;
  }
}

/** As many as fit one write, at least one. */
function within(entries: StoredMessage[], characters: number): StoredMessage[] {
  let left = characters;
  const end = entries.findIndex((entry, i) => {
    left -= entry.body.length + (entry.amended === undefined ? 0 : JSON.stringify(entry.amended).length);
    return left < 0 && i > 0;
  });
  return end < 0 ? entries : entries.slice(0, end);
}

/** `before`: countable entries before the first of these. */
function passedOf(before: number, entries: readonly StoredMessage[]): Passed {
  const countable = new Uint8Array(CHUNK / 8);
  let count = before;
  for (const [i, entry] of entries.entries()) {
    if (entry.count > count) countable[i >> 3] = (countable[i >> 3] ?? 0) | (1 << (i & 7));
    count = entry.count;
  }
  return { count: before, countable };
}

/** What two of one entry have in common when they are one. */
function same(a: readonly StoredMessage[], b: readonly StoredMessage[]): boolean {
  return a.length === b.length && a.every((entry, i) => content(entry) === content(b[i]));
}
