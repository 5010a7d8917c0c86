/**
 * History in the store: what the conversations' logs hold, for good. Part of the contract in store.ts. A conversation alone writes
 * its entries, and says with every write how far its log was then (`rev`): of two writes of one entry the one with the higher `rev`
 * stays, whichever comes last. So a write that arrives late, or twice, changes nothing, and never brings back what was recalled.
 */
import type { Amended } from "../durable-objects/message-json.ts";
import type { Entry } from "../durable-objects/rpc.ts";
import type { Cid } from "../protocol/ids.ts";

/** An entry with what amendments have made of it. */
export interface StoredMessage extends Entry {
  readonly amended?: Amended | undefined;
}

/** What has become of an entry that is in the store. */
export interface StoredChange {
  readonly seq: number;
  readonly amended?: Amended | undefined;
  /** True: the text it was sent with goes, too. */
  readonly erased: boolean;
}

/** A conversation that one may look into: above `floor` only. */
export interface Searched {
  readonly cid: Cid;
  readonly floor: number;
}

/** Where a search goes on: behind this message. */
export interface FoundPosition {
  readonly ts: number;
  readonly cid: Cid;
  readonly seq: number;
}

export interface FoundMessage extends StoredMessage {
  readonly cid: Cid;
}

export interface FoundMessages {
  readonly found: readonly FoundMessage[];
  /** Absent on the last page. */
  readonly next?: FoundPosition;
}

export interface Messages {
  /**
   * Writes entries of one conversation, at most `PUT_ROWS`: one statement, or two of one transaction, unless what they say is more than
   * the database takes at a time. Bodies are JSON text as `JSON.stringify` makes it.
   */
  put(cid: Cid, rev: number, entries: readonly StoredMessage[]): Promise<void>;
  /**
   * Changes entries that are there; those that are not stay away. Whoever writes goes forward: at a higher `rev` an edit is still
   * an edit, if not a later one, and what was erased is erased.
   */
  change(cid: Cid, rev: number, changes: readonly StoredChange[]): Promise<void>;
  /** The entries from `first` to `last`, both included, ascending; one query, by primary key. */
  read(cid: Cid, first: number, last: number): Promise<StoredMessage[]>;
  /** The highest seq that is there; 0 when none is. */
  head(cid: Cid): Promise<number>;
  /**
   * Messages of these conversations that hold every word of `text` (`search-tokens.ts` says what is one), newest first, behind `after`;
   * recalled ones are not found. At most `limit`; fewer do not mean that there are no more, which `next` says.
   *
   * What it finds is right; it finds everything, but for moments in MySQL: while InnoDB writes its index to disk, what has come since it last
   * did may be missing. The next search has it.
   */
  search(
    text: string,
    conversations: readonly Searched[],
    after: FoundPosition | undefined,
    limit: number,
  ): Promise<FoundMessages>;
}

/** Entries of one `put`: 10,000 messages are 10 of them. */
export const PUT_ROWS = 1_000;
/** Characters of bodies and amendments in one `put`, about; D1 takes values of 2 MB, and MySQL is sent text with its escapes. */
export const PUT_CHARACTERS = 400_000;
