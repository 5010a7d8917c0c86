/** The directory of groups in D1. */
import { and, asc, eq, getTableColumns, gte, lt, sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { Directory, ListedGroup } from "../directory.ts";
import { directoryKey, directoryPage, type FindGroups } from "../search.ts";
import { attempt } from "./attempt.ts";
import { groups } from "./schema.ts";

/** The driver for D1. */
export function d1Directory(db: DrizzleD1Database): Directory {
  const find: FindGroups = async ({ from, to }, after, limit) => {
    const start =
      after === undefined
        ? gte(groups.nameKey, from)
        : sql`(${groups.nameKey}, ${groups.id}) > (${after.name}, ${after.id})`;
    const rows = await attempt(() =>
      db
        .select()
        .from(groups)
        .where(and(start, lt(groups.nameKey, to)))
        .orderBy(asc(groups.nameKey), asc(groups.id))
        .limit(limit),
    );
    return rows.map((row) => ({ ...groupOf(row), nameKey: row.nameKey }));
  };

  return {
    async put(group) {
      const [open, dismissed] = [Number(group.open), Number(group.dismissed)];
      const row = { ...group, nameKey: directoryKey(group), open, dismissed };
      const newer = sql`excluded.version > ${groups.version}`;
      const set = Object.fromEntries(
        Object.entries(getTableColumns(groups)).map(([name, column]) => [
          name,
          sql`excluded.${sql.identifier(column.name)}`,
        ]),
      );
      await attempt(() =>
        db.insert(groups).values(row).onConflictDoUpdate({ target: groups.id, set, setWhere: newer }),
      );
    },

    async find(id) {
      const rows = await attempt(() => db.select().from(groups).where(eq(groups.id, id)).limit(1));
      return rows[0] && groupOf(rows[0]);
    },

    search: (text, after, limit) => directoryPage(find, text, after, limit),
  };
}

function groupOf({ nameKey: _key, ...row }: typeof groups.$inferSelect): ListedGroup {
  return { ...row, open: row.open === 1, dismissed: row.dismissed === 1 };
}
