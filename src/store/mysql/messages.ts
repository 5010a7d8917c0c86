/** History in MySQL. */
import { and, asc, between, desc, eq, getTableColumns, gt, inArray, lt, or, sql, type SQL } from "drizzle-orm";
import type { MySqlColumn } from "drizzle-orm/mysql-core";
import { foundPage, tokensOf, type FindCandidates } from "../message-search.ts";
import { amendedText, messageOf, rowOf, type MessageRow } from "../message-rows.ts";
import type { Messages } from "../messages.ts";
import { changedTokens, messageTokens } from "../search-tokens.ts";
import { split } from "../split.ts";
import { attempt } from "./attempt.ts";
import type { MysqlDatabase } from "./connection.ts";
import { messages } from "./schema.ts";

/** Characters of one statement, about; a server takes 16 MB. */
const STATEMENT_CHARACTERS = 4_000_000;

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

/** The driver for MySQL. */
export function mysqlMessages(db: MysqlDatabase): Messages {
  const newer = (column: MySqlColumn): SQL =>
    sql`IF(VALUES(${sql.identifier(messages.rev.name)}) > ${messages.rev}, VALUES(${sql.identifier(column.name)}), ${column})`;

  return {
    async put(cid, rev, entries) {
      const rows = entries.map((entry) => ({ ...rowOf(cid, rev, entry), tokens: messageTokens(cid, entry) ?? "" }));
      const { cid: _cid, seq: _seq, ...rest } = getTableColumns(messages);
      const set = Object.fromEntries(Object.entries(rest).map(([name, column]) => [name, newer(column)]));
      for (const part of split(rows, characters, STATEMENT_CHARACTERS)) {
        await attempt(() => db.insert(messages).values(part).onDuplicateKeyUpdate({ set }));
      }
    },

    async change(cid, rev, changes) {
      if (changes.length === 0) return;
      const seqs = changes.map(({ seq }) => seq);
      const found = await attempt(() =>
        db
          .select({ seq: messages.seq, kind: messages.kind })
          .from(messages)
          .where(and(eq(messages.cid, cid), inArray(messages.seq, seqs))),
      );
      const kinds = new Map(found.map(({ seq, kind }) => [seq, kind]));
      for (const change of changes) {
        const kind = kinds.get(change.seq);
        if (kind === undefined) continue;
        const tokens = changedTokens(cid, kind, change);
        const set = {
          amended: amendedText(change.amended),
          rev,
          ...(change.erased ? { body: "" } : {}),
          ...(tokens === undefined ? {} : { tokens: sql`IF(${messages.body} = '', '', ${tokens})` }),
        };
        const where = and(eq(messages.cid, cid), eq(messages.seq, change.seq), lt(messages.rev, rev));
        await attempt(() => db.update(messages).set(set).where(where));
      }
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

function candidates(db: MysqlDatabase): FindCandidates {
  return async (part, tokens, after, limit) => {
    const match = tokensOf(part, tokens)
      .map((all) => `(${all.map(({ token, beginning }) => `+${token}${beginning ? "*" : ""}`).join(" ")})`)
      .join(" ");
    const whole = part.filter(({ floor }) => floor === 0).map(({ cid }) => cid);
    const allowed = part
      .filter(({ floor }) => floor > 0)
      .map(({ cid, floor }) => and(eq(messages.cid, cid), gt(messages.seq, floor)));
    if (whole.length > 0) allowed.push(inArray(messages.cid, whole));
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
            sql`MATCH (${sql.identifier(messages.tokens.name)}) AGAINST (${match} IN BOOLEAN MODE)`,
            or(...allowed),
            behind,
          ),
        )
        .orderBy(desc(messages.ts), desc(messages.cid), desc(messages.seq))
        .limit(limit),
    );
    return rows.map((row) => ({ ...messageOf(row), cid: row.cid }));
  };
}

function characters({ body, extra, amended, tokens }: MessageRow & { readonly tokens: string }): number {
  return body.length + extra.length + amended.length + tokens.length + 200;
}
