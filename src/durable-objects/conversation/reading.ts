/** What is read of a log, part of which is in the store. Pure: who calls reads that part. */
import type { Cid } from "../../protocol/ids.ts";
import type { StoredMessage } from "../../store/messages.ts";
import type { Confirmed, Page, PageQuery } from "../rpc.ts";
import type { Log } from "./log.ts";

/** A page, as far as the object has it. */
export interface PagePlan {
  /** Entries of the page that have left the log. */
  readonly away: { readonly first: number; readonly last: number } | undefined;
  /** The page, with those, ascending. */
  readonly finish: (away: readonly StoredMessage[]) => Page;
}

/** The page of who may see entries above `floor`. */
export function planPage(cid: Cid, log: Log, floor: number, query: PageQuery): PagePlan {
  const range = log.range(floor, query);
  const { first } = log;
  // What is here is read in this turn: until the others are there it may have left the log.
  const here = log.stored(Math.max(first, range.first), range.last);
  const away = { first: range.first, last: Math.min(range.last, first - 1) };
  return {
    away: away.first <= away.last ? away : undefined,
    finish: (entries) => log.page(cid, range, [...log.current(entries), ...here]),
  };
}

/** What a search has found, as it is now. */
export function confirm(log: Log, floor: number, seqs: readonly number[]): Confirmed {
  const amended = seqs.flatMap((seq) => {
    const state = log.amended(seq);
    return state === undefined ? [] : [{ seq, amended: state }];
  });
  return { floor, amended };
}
