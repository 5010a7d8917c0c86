/** The directory of groups in MySQL. */
import { and, asc, eq, getTableColumns, gt, gte, lt, or, sql, type SQL } from "drizzle-orm";
import type { MySqlColumn } from "drizzle-orm/mysql-core";
import type { Directory, ListedGroup } from "../directory.ts";
import { directoryKey, directoryPage, type FindGroups } from "../search.ts";
import { attempt } from "./attempt.ts";
import type { MysqlDatabase } from "./connection.ts";
import { groups } from "./schema.ts";

/** The driver for MySQL. */
export function mysqlDirectory(db: MysqlDatabase): Directory {
  const newer = (column: MySqlColumn): SQL => {
    const given = (of: MySqlColumn): SQL => sql`VALUES(${sql.identifier(of.name)})`;
    return sql`IF(${given(groups.version)} > ${groups.version}, ${given(column)}, ${column})`;
  };

  const find: FindGroups = async ({ from, to }, after, limit) => {
    // Apart, because a comparison of pairs is no range to MySQL's planner.
    const start =
      after === undefined
        ? gte(groups.nameKey, from)
        : and(gte(groups.nameKey, after.name), or(gt(groups.nameKey, after.name), gt(groups.id, after.id)));
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
      const { id: _id, ...rest } = getTableColumns(groups);
      const set = Object.fromEntries(Object.entries(rest).map(([name, column]) => [name, newer(column)]));
      await attempt(() => db.insert(groups).values(row).onDuplicateKeyUpdate({ set }));
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
