/**
 * The log of one conversation in memory: its newest entries, the ids it knows, and what is read of the rest. Pure but for the
 * store, which is synchronous.
 */
import type { Config } from "../../config/config.ts";
import { FRAME_BYTES } from "../../protocol/frames.ts";
import type { Cid, Uid } from "../../protocol/ids.ts";
import { messageFields, type Amended } from "../message-json.ts";
import type { Entry, Page, PageQuery, Position } from "../rpc.ts";
import type { LogView } from "./append.ts";
import type { ConversationStore, LogRow } from "./conversation-store.ts";
import { Dedup } from "./dedup.ts";

/** Newest entries kept in memory, so that pushes read no rows. */
export const TAIL = 256;
/** Entries of one push; a receiver further behind is told to announce a hole. */
export const PUSH_ENTRIES = 128;
/** Room that a page leaves in a frame for the fields around its messages. */
const PAGE_BYTES = FRAME_BYTES - 1024;
/** Ids are remembered for twice the window, so that an id from a clock that runs ahead is never forgotten too early. */
const REMEMBERED_WINDOWS = 2;

export class Log {
  readonly #store: ConversationStore;
  readonly #config: Config;
  #dedup = new Dedup();
  #tail: LogRow[] = [];
  #last: LogRow | undefined;
  /** Ids below this seq may be forgotten. */
  #dedupFloor = 1;

  /** Reads what a wake needs. */
  constructor(store: ConversationStore, config: Config, now: number) {
    this.#store = store;
    this.#config = config;
    this.#last = store.last();
    this.#loadDedup(now);
  }

  get head(): number {
    return this.#last?.seq ?? 0;
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
      amended: (seq): Amended | undefined => this.#store.amended(seq),
      qos2: (sender, id) => this.#store.qos2(sender, id),
      find: (sender, id) => {
        for (const seq of this.#dedup.candidates(sender, id)) {
          const row = this.row(seq);
          if (row?.id === id && row.from === sender) return row;
        }
        return undefined;
      },
    };
  }

  row(seq: number): LogRow | undefined {
    if (seq === this.head) return this.#last;
    const first = this.#tail[0]?.seq;
    return first !== undefined && seq >= first ? this.#tail[seq - first] : this.#store.row(seq);
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

  /** One page above `floor` with amendments applied, as long as it fits a frame. */
  page(cid: Cid, floor: number, query: PageQuery): Page {
    const rows = this.#store.page(query, floor);
    const amended = this.#store.amendedBetween(rows[0]?.seq ?? 0, rows.at(-1)?.seq ?? 0);
    const texts = rows.map((row) => `{${messageFields(cid, row, amended.get(row.seq))}}`);
    const ascending = query.after !== undefined;
    const kept = fitting(ascending ? texts : texts.toReversed(), PAGE_BYTES);
    const messages = ascending ? kept : kept.toReversed();
    const edge = ascending ? rows[kept.length - 1]?.seq : rows[rows.length - kept.length]?.seq;
    const end = ascending ? Math.min(this.head, (query.before ?? this.head + 1) - 1) : floor + 1;
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
