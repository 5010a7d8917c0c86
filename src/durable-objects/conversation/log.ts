/**
 * The log of one conversation in memory: its newest entries, the ids it knows, and what is read of the rest. Pure but for the
 * store, which is synchronous.
 */
import type { Config } from "../../config/config.ts";
import { FRAME_BYTES } from "../../protocol/frames.ts";
import type { Cid, Uid } from "../../protocol/ids.ts";
import { messageFields, type Amended } from "../message-json.ts";
import type { StoredMessage } from "../../store/messages.ts";
import type { Entry, Page, PageQuery, Position } from "../rpc.ts";
import type { LogView } from "./append.ts";
import type { Passed } from "./archive-store.ts";
import type { ConversationStore, LogRow } from "./conversation-store.ts";
import { Dedup } from "./dedup.ts";

/** Newest entries kept in memory, so that pushes read no rows. */
export const TAIL = 256;
/** Entries of one push; a receiver further behind is told to announce a hole. */
export const PUSH_ENTRIES = 128;
/** Room that a page leaves in a frame for the fields around its messages. */
const PAGE_BYTES = FRAME_BYTES - 1024;
/** Entries that have left the log and were read back, kept in memory. */
const RECALLED = 256;
/** Ids are remembered for twice the window, so that an id from a clock that runs ahead is never forgotten too early. */
const REMEMBERED_WINDOWS = 2;

/** The entries of a page, both ends included. */
export interface PageRange {
  readonly first: number;
  readonly last: number;
  readonly ascending: boolean;
  /** Where a reader who goes on comes to the end. */
  readonly end: number;
}

export class Log {
  readonly #store: ConversationStore;
  readonly #config: Config;
  #dedup = new Dedup();
  #tail: LogRow[] = [];
  #last: LogRow | undefined;
  /** Ids below this seq may be forgotten. */
  #dedupFloor = 1;
  /** The oldest entry that is here; those before it are in the store alone. */
  #first: number;
  readonly #recalled = new Map<number, StoredMessage>();

  /** Reads what a wake needs. */
  constructor(store: ConversationStore, config: Config, now: number) {
    this.#store = store;
    this.#config = config;
    this.#last = store.last();
    this.#first = (this.#last && store.archive.first()) ?? 1;
    this.#loadDedup(now);
  }

  get head(): number {
    return this.#last?.seq ?? 0;
  }

  /** The oldest entry that has not left for the store. */
  get first(): number {
    return this.#first;
  }

  /** The head with its countable position. */
  get end(): Position {
    return { seq: this.head, count: this.#last?.count ?? 0 };
  }

  /** When the newest entry was made, ms; 0 = there is none. */
  get lastTs(): number {
    return this.#last?.ts ?? 0;
  }

  /** What a decision on drafts may look at. */
  view(): LogView {
    return {
      head: this.head,
      count: this.#last?.count ?? 0,
      lastTs: this.lastTs,
      row: (seq) => this.row(seq),
      first: this.#first,
      amended: (seq): Amended | undefined => this.amended(seq),
      qos2: (sender, id) => this.#store.qos2(sender, id),
      find: (sender, id) => {
        for (const seq of this.#dedup.candidates(sender, id)) {
          const row = seq < this.#first ? undefined : this.row(seq);
          if (row?.id === id && row.from === sender) return row;
        }
        return undefined;
      },
    };
  }

  row(seq: number): LogRow | undefined {
    if (seq === this.head) return this.#last;
    if (seq < this.#first) return this.#recalledRow(seq);
    const first = this.#tail[0]?.seq;
    return first !== undefined && seq >= first ? this.#tail[seq - first] : this.#store.row(seq);
  }

  /** What amendments have made of an entry, as far as that is known here. */
  amended(seq: number): Amended | undefined {
    return this.#store.amended(seq) ?? this.#recalled.get(seq)?.amended;
  }

  /** Countable entries up to and with one; undefined beyond the head. */
  countAt(seq: number): number | undefined {
    if (seq < 1) return seq === 0 ? 0 : undefined;
    return seq < this.#first ? this.#store.archive.count(seq) : this.row(seq)?.count;
  }

  /** Those of these entries that have left the log and are not in memory. */
  away(seqs: Iterable<number>): number[] {
    return [...new Set(seqs)].filter((seq) => seq >= 1 && seq < this.#first && !this.#recalled.has(seq));
  }

  /** Entries that were read back from the store: what follows in this turn may look at them. */
  recall(entries: readonly StoredMessage[]): void {
    if (this.#recalled.size + entries.length > RECALLED) this.#recalled.clear();
    for (const entry of entries) this.#recalled.set(entry.seq, entry);
  }

  /** What was read back of these is of the past. */
  forget(seqs: readonly number[]): void {
    for (const seq of seqs) this.#recalled.delete(seq);
  }

  /** The oldest entries, up to `last`, leave the log: the store has them. Throws when the disk refuses. */
  drop(last: number, passed: Passed): void {
    this.#store.archive.drop(last, passed);
    this.#first = last + 1;
  }

  #recalledRow(seq: number): LogRow | undefined {
    const entry = this.#recalled.get(seq);
    if (entry === undefined) return undefined;
    const { amended: _, ...rest } = entry;
    return { ...rest, device: "", hash: "" };
  }

  /**
   * What a member that has everything up to `from` is given: at most `limit` entries, or the newest alone if it is far behind,
   * with what it has to know of those left out: its own newest, up to which it has read (UNR1). `taken`: what is sure to be on its disk.
   */
  offer(
    uid: Uid,
    from: number,
    taken: number,
    limit: number,
    to = this.head,
  ): { entries: Entry[]; skip: boolean; own: Position | undefined } {
    if (from >= to) return { entries: [], skip: false, own: undefined };
    if (to - from <= TAIL)
      return { entries: this.entries(from, Math.min(limit, to - from)), skip: false, own: undefined };
    const start = to - PUSH_ENTRIES;
    // The member may have lost more than what it is not offered: only what it has taken is sure.
    const own = this.#store.newestBy(uid, taken, start + 1);
    return { entries: this.entries(start, PUSH_ENTRIES), skip: true, own };
  }

  /** Entries above `from`, ascending, at most `limit`. */
  entries(from: number, limit: number): Entry[] {
    return this.rows(from, limit).map(({ device: _device, hash: _hash, ...entry }) => entry);
  }

  /** The same with what only the log knows. */
  rows(from: number, limit: number): LogRow[] {
    const first = this.#tail[0]?.seq;
    return first !== undefined && from + 1 >= first
      ? this.#tail.slice(from + 1 - first, from + 1 - first + limit)
      : this.#store.range(from, Number.MAX_SAFE_INTEGER, limit);
  }

  /** Entries from a time on, ms, ascending. */
  *since(ts: number): Iterable<LogRow> {
    let seq = this.#store.firstSince(ts, this.head) - 1;
    for (;;) {
      const rows = this.rows(seq, TAIL);
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || last.seq >= this.head) return;
      seq = last.seq;
    }
  }

  /** Who wrote the newest 256 entries with `after < seq ≤ to`; amendments and system entries are nobody's. */
  writers(after: number, to: number): Set<Uid> {
    const found = new Set<Uid>();
    // After a wake the tail in memory is shorter than what is asked about.
    const first = Math.max(after, to - TAIL);
    for (const { from, kind } of this.rows(first, to - first)) {
      if (kind !== "amend" && kind !== "system") found.add(from);
    }
    return found;
  }

  /** The newest entry that is no amendment, as amended, if it is among those in memory. */
  newest(): Entry | undefined {
    if (this.#tail.length === 0) this.#tail = this.#store.range(Math.max(0, this.head - TAIL), this.head + 1, TAIL);
    const row = this.#tail.findLast(({ kind }) => kind !== "amend");
    if (row === undefined) return undefined;
    const { device: _device, hash: _hash, ...entry } = row;
    const body = this.#store.amended(row.seq)?.body;
    return body === undefined || entry.body === "" ? entry : { ...entry, body };
  }

  /** These rows are on disk; the text of those at `erased` is gone. */
  remember(rows: readonly LogRow[], erased: readonly number[], now: number): void {
    for (const row of rows) {
      this.#tail.push(row);
      this.#dedup.add(row.from, row.id, row.seq, this.#dedupFloor);
    }
    if (this.#tail.length > 2 * TAIL) {
      this.#tail = this.#tail.slice(-TAIL);
      this.#dedupFloor = this.#store.firstSince(this.#forgetBefore(now), this.head);
    }
    const gone = new Set(erased);
    if (gone.size > 0) this.#tail = this.#tail.map((row) => (gone.has(row.seq) ? { ...row, body: "" } : row));
    this.#last = this.#tail.at(-1) ?? this.#last;
  }

  /** Which entries a page shows: seqs have no gaps (ORD1), so it is a range, empty if `last < first`. */
  range(floor: number, { after, before, limit }: PageQuery): PageRange {
    const end = Math.min(this.head, (before ?? this.head + 1) - 1);
    if (after !== undefined) {
      const first = Math.max(after, floor) + 1;
      return { first, last: Math.min(end, first + limit - 1), ascending: true, end };
    }
    return { first: Math.max(floor + 1, end - limit + 1), last: end, ascending: false, end: floor + 1 };
  }

  /** Entries of a range that are here, with what amendments have made of them. */
  stored(first: number, last: number): StoredMessage[] {
    if (last < first) return [];
    const amended = this.#store.amendedBetween(first, last);
    return this.#store
      .range(first - 1, last + 1, last - first + 1)
      .map(({ device: _device, hash: _hash, ...entry }) => {
        const state = amended.get(entry.seq);
        return state === undefined ? entry : { ...entry, amended: state };
      });
  }

  /** Entries as the store gave them, with what it has not been told yet. */
  current(entries: readonly StoredMessage[]): readonly StoredMessage[] {
    const [first, last] = [entries[0]?.seq ?? 0, entries.at(-1)?.seq ?? 0];
    const stale = entries.length === 0 ? new Map<number, never>() : this.#store.archive.staleBetween(first, last);
    if (stale.size === 0) return entries;
    const amended = this.#store.amendedBetween(first, last);
    return entries.map((entry) => {
      const news = stale.get(entry.seq);
      if (news === undefined) return entry;
      return { ...entry, body: news.erased ? "" : entry.body, amended: amended.get(entry.seq) ?? entry.amended };
    });
  }

  /** The page of a range, as long as it fits a frame. `entries`: all of the range, ascending. */
  page(cid: Cid, { ascending, end }: PageRange, entries: readonly StoredMessage[]): Page {
    const texts = entries.map((entry) => `{${messageFields(cid, entry, entry.amended)}}`);
    const kept = fitting(ascending ? texts : texts.toReversed(), PAGE_BYTES);
    const messages = ascending ? kept : kept.toReversed();
    const edge = ascending ? entries[kept.length - 1]?.seq : entries[entries.length - kept.length]?.seq;
    const more = edge !== undefined && (ascending ? edge < end : edge > end);
    return { messages, head: this.head, more };
  }

  #loadDedup(now: number): void {
    if (this.head === 0) return;
    this.#dedupFloor = this.#store.firstSince(this.#forgetBefore(now), this.head);
    for (const { sender, id, seq } of this.#store.ids(this.#dedupFloor)) {
      this.#dedup.add(sender, id, seq, this.#dedupFloor);
    }
  }

  /** Entries from this one on may be asked for by their ids (DUP1). */
  knownFrom(now: number): number {
    return this.#store.firstSince(this.#forgetBefore(now), this.head);
  }

  #forgetBefore(now: number): number {
    return now - REMEMBERED_WINDOWS * this.#config.messages.dedup_ms;
  }
}

/** The longest beginning whose texts, with a comma each, fit; at least one. Counts UTF-16 units as three bytes at most. */
function fitting(texts: readonly string[], bytes: number): string[] {
  const encoder = new TextEncoder();
  let left = bytes;
  const kept: string[] = [];
  for (const text of texts) {
    left -= encoder.encode(text).byteLength + 1;
    if (left < 0 && kept.length > 0) break;
    kept.push(text);
  }
  return kept;
}
