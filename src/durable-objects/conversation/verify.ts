/** Compares what the store has of a conversation with what the conversation's object knows. Pure. */
import type { StoredMessage } from "../../store/messages.ts";
import type { Health } from "./archive.ts";
import type { ConversationStore } from "./conversation-store.ts";
import type { Log } from "./log.ts";

/** Entries that one comparison looks at. */
export const VERIFIED = 1_000;

/** What a comparison of some entries found. */
export interface Verification {
  /** The newest entry, and the oldest that has not left the log. */
  readonly head: number;
  readonly first: number;
  /** The store was told everything up to here. */
  readonly archived: number;
  /** Writes to the store that failed in a row. */
  readonly failures: number;
  /** False: the store does not answer, so nothing was looked at. */
  readonly reachable: boolean;
  /** The highest seq that the store has. */
  readonly stored: number;
  /** Entries looked at, both ends included; none if `to < from`. */
  readonly from: number;
  readonly to: number;
  /** Amended since the store was told, which happens within seconds unless it does not answer: not compared. */
  readonly waiting: readonly number[];
  readonly missing: readonly number[];
  /** The store has something else than the log; of what has left the log, something else than it remembers. */
  readonly different: readonly number[];
}

/** Which entries come next after one. */
export function verifiedRange(after: number, archived: number): { readonly from: number; readonly to: number } {
  return { from: after + 1, to: Math.min(archived, after + VERIFIED) };
}

/** `entries`: what the store has of the range, `stored`: the highest seq it has at all. */
export function verify(
  range: { readonly from: number; readonly to: number },
  entries: readonly StoredMessage[],
  stored: number,
  { log, store, health }: { log: Log; store: ConversationStore; health: Health },
): Verification {
  const { from, to } = range;
  const waiting = store.archive.staleBetween(from, to);
  const here = new Map(log.stored(Math.max(from, log.first), to).map((entry) => [entry.seq, entry]));
  const there = new Map(entries.map((entry) => [entry.seq, entry]));
  const missing: number[] = [];
  const different: number[] = [];
  for (let seq = from; seq <= to; seq += 1) {
    const entry = there.get(seq);
    if (entry === undefined) missing.push(seq);
    else if (waiting.has(seq)) continue;
    else if (seq < log.first ? entry.count !== log.countAt(seq) : content(entry) !== content(here.get(seq)))
      different.push(seq);
  }
  const { archived, failures } = health;
  const { head, first } = log;
  const reachable = true;
  return {
    head,
    first,
    archived,
    failures,
    reachable,
    stored,
    from,
    to,
    waiting: [...waiting.keys()],
    missing,
    different,
  };
}

/** What is known while the store does not answer. */
export function unverified(after: number, { log, health }: { log: Log; health: Health }): Verification {
  const { archived, failures } = health;
  const nothing = { reachable: false, stored: 0, from: after + 1, to: after, waiting: [], missing: [], different: [] };
  return { head: log.head, first: log.first, archived, failures, ...nothing };
}

/** Everything of an entry, as one text. */
export function content(entry: StoredMessage | undefined): string {
  if (entry === undefined) return "";
  const { seq, id, from, ts, kind, body, priority, count, reply_to, mentions, target, op, amended } = entry;
  return JSON.stringify([seq, id, from, ts, kind, body, priority, count, reply_to, mentions, target, op, amended]);
}
