/** History in D1. */
import { and, asc, between, desc, eq, lt, sql, type SQL } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { foundPage, tokensOf, type FindCandidates } from "../message-search.ts";
import { amendedText, messageOf, rowOf } from "../message-rows.ts";
import type { Messages } from "../messages.ts";
import { changedTokens, messageTokens } from "../search-tokens.ts";
import { split } from "../split.ts";
import { attempt } from "./attempt.ts";
import { messages } from "./schema.ts";
import { transact } from "./transact.ts";

/** D1 takes 100 bound values a statement and 2 MB a value, so rows travel as one value, in JSON. */
const VALUE_BYTES = 1_500_000;

const shown = {
  seq: messages.seq,
  id: messages.id,
  sender: messages.sender,
  ts: messages.ts,
  kind: messages.kind,
  priority: messages.priority,
  count: messages.count,
  body: messages.body,
  extra: messages.extra,
  amended: messages.amended,
};

/** The driver for D1. */
export function d1Messages(db: DrizzleD1Database, binding: D1Database): Messages {
  /**
   * Tokens of rows that have this `rev`: what a later write has replaced has that one's tokens. A cross join, or SQLite would go
   * through the whole conversation for each of them.
   */
  const putTokens = (cid: string, rev: number, pairs: string): SQL => sql`
    INSERT OR REPLACE INTO message_tokens (rowid, tokens)
    SELECT m.place, CASE WHEN m.body = '' THEN '' ELSE t.value ->> 1 END
    FROM json_each(${pairs}) AS t CROSS JOIN ${messages} AS m ON m.cid = ${cid} AND m.seq = t.value ->> 0
    WHERE m.rev = ${rev}`;

  return {
    async put(cid, rev, entries) {
      const rows = entries.map((entry) => {
        const { seq, id, sender, ts, kind, priority, count, body, extra, amended } = rowOf(cid, rev, entry);
        return JSON.stringify([seq, id, sender, ts, kind, priority, count, body, extra, amended]);
      });
      const tokens = entries.flatMap((entry) => {
        const text = messageTokens(cid, entry);
        return text === undefined ? [] : [JSON.stringify([entry.seq, text])];
      });
      await transact(binding, [
        ...values(rows).map(
          (value) => sql`
            INSERT INTO ${messages} (cid, seq, id, sender, ts_ms, kind, priority, count, body, extra, amended, rev)
            SELECT ${cid}, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
              value ->> 7, value ->> 8, value ->> 9, ${rev}
            FROM json_each(${value}) WHERE true
            ON CONFLICT (cid, seq) DO UPDATE SET id = excluded.id, sender = excluded.sender, ts_ms = excluded.ts_ms,
              kind = excluded.kind, priority = excluded.priority, count = excluded.count, body = excluded.body,
              extra = excluded.extra, amended = excluded.amended, rev = excluded.rev
            WHERE excluded.rev > ${messages.rev}`,
        ),
        ...values(tokens).map((value) => putTokens(cid, rev, value)),
      ]);
    },

    async change(cid, rev, changes) {
      if (changes.length === 0) return;
      const seqs = JSON.stringify(changes.map(({ seq }) => seq));
      const found = await attempt(() =>
        db
          .select({ seq: messages.seq, kind: messages.kind })
          .from(messages)
          .where(and(eq(messages.cid, cid), sql`${messages.seq} IN (SELECT value FROM json_each(${seqs}))`)),
      );
      const kinds = new Map(found.map(({ seq, kind }) => [seq, kind]));
      const tokens = changes.flatMap((change) => {
        const kind = kinds.get(change.seq);
        const text = kind === undefined ? undefined : changedTokens(cid, kind, change);
        return text === undefined ? [] : [JSON.stringify([change.seq, text])];
      });
      await transact(binding, [
        ...changes.map(({ seq, amended, erased }) => {
          const set = { amended: amendedText(amended), rev, ...(erased ? { body: "" } : {}) };
          const where = and(eq(messages.cid, cid), eq(messages.seq, seq), lt(messages.rev, rev));
          return db.update(messages).set(set).where(where).getSQL();
        }),
        ...values(tokens).map((value) => putTokens(cid, rev, value)),
      ]);
    },

    async read(cid, first, last) {
      const rows = await attempt(() =>
        db
          .select(shown)
          .from(messages)
          .where(and(eq(messages.cid, cid), between(messages.seq, first, last)))
          .orderBy(asc(messages.seq)),
      );
      return rows.map(messageOf);
    },

    async head(cid) {
      const rows = await attempt(() =>
        db
          .select({ seq: messages.seq })
          .from(messages)
          .where(eq(messages.cid, cid))
          .orderBy(desc(messages.seq))
          .limit(1),
      );
      return rows[0]?.seq ?? 0;
    },

    search: (text, conversations, after, limit) => foundPage(candidates(db), text, conversations, after, limit),
  };
}

function candidates(db: DrizzleD1Database): FindCandidates {
  return async (part, tokens, after, limit) => {
    const match = tokensOf(part, tokens)
      .map((all) => `(${all.map(({ token, beginning }) => (beginning ? `${token}*` : token)).join(" AND ")})`)
      .join(" OR ");
    const floors = JSON.stringify(part.map(({ cid, floor }) => [cid, floor]));
    const behind =
      after === undefined
        ? undefined
        : sql`(${messages.ts}, ${messages.cid}, ${messages.seq}) < (${after.ts}, ${after.cid}, ${after.seq})`;
    const rows = await attempt(() =>
      db
        .select({ cid: messages.cid, ...shown })
        .from(messages)
        .where(
          and(
            sql`${messages.place} IN (SELECT rowid FROM message_tokens WHERE message_tokens MATCH ${match})`,
            sql`${messages.seq} > (SELECT value ->> 1 FROM json_each(${floors}) WHERE value ->> 0 = ${messages.cid})`,
            behind,
          ),
        )
        .orderBy(desc(messages.ts), desc(messages.cid), desc(messages.seq))
        .limit(limit),
    );
    return rows.map((row) => ({ ...messageOf(row), cid: row.cid }));
  };
}

/** JSON arrays of these texts, in their order, as few as D1's limit allows. */
function values(texts: readonly string[]): string[] {
  const encoder = new TextEncoder();
  const bytes = (text: string): number => encoder.encode(text).byteLength + 1;
  return split(texts, bytes, VALUE_BYTES).map((part) => `[${part.join()}]`);
}
