/** What a user's heads answer to the edge. */
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { kindOf, peerOf, type Cid, type ConversationKind, type Uid } from "../../protocol/ids.ts";
import type { Recency, Searchable } from "../rpc.ts";
import { inside } from "./membership.ts";
import type { Heads } from "./heads.ts";
import type { HeadRow } from "./user-store.ts";

/** How many of `members` others have an entry, and have read it. */
export interface Counts {
  readonly delivered: number;
  readonly read: number;
  readonly members: number;
}

/** Heads of one kind, or of all, newest change first; the cursor is the version of the last one of the page before. */
export function newestHeads(
  heads: Heads,
  cursor: string | undefined,
  limit: number,
  kind?: ConversationKind,
): { rows: HeadRow[]; next?: string } {
  const before = cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor);
  const all = heads
    .since(0)
    .filter((row) => inside(row) && row.version < before && (kind === undefined || kindOf(row.cid) === kind))
    .toReversed();
  const rows = all.slice(0, limit);
  const last = rows.at(-1);
  return all.length > rows.length && last !== undefined ? { rows, next: String(last.version) } : { rows };
}

/** Conversations that this user may search in, without the groups that were left. */
export function searchable(
  heads: Heads,
  { below = Number.POSITIVE_INFINITY, from = 0 }: Recency,
  limit: number,
): Searchable {
  const all = heads.since(Math.max(0, from - 1)).filter((row) => inside(row) && row.version < below);
  // A range that was given is the same on every page of a search, but for what has changed since and moved up.
  const rows = all.toReversed().slice(0, from > 0 ? all.length : limit);
  const where = rows.map(({ cid, membership }) => ({ cid, floor: (membership?.first ?? 1) - 1 }));
  const last = rows.at(-1);
  if (from > 0) return { where, from };
  return all.length > rows.length && last !== undefined ? { where, from: last.version } : { where };
}

/** Who of the others of a conversation that is no group has the entry at `seq`: in a direct chat one, else nobody. */
export function peerCounts(heads: Heads, self: Uid, cid: Cid, seq: number): Result<Counts, Refusal> {
  const kind = kindOf(cid);
  const peer = kind === "direct" ? peerOf(cid, self) : undefined;
  if (peer === undefined && cid !== `s.${self}`) return err(refuse("not_member", "not a member"));
  const row = heads.get(cid);
  if (row === undefined || seq > row.head) return err(refuse("invalid_argument", "seq: beyond the head"));
  if (peer === undefined) return ok({ delivered: 0, read: 0, members: 0 });
  return ok({ delivered: row.peerDelivered >= seq ? 1 : 0, read: row.peerRead >= seq ? 1 : 0, members: 1 });
}
