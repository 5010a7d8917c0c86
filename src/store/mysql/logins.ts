/** Logins in MySQL. */
import { and, eq, inArray, lte, ne, sql } from "drizzle-orm";
import type { Logins } from "../store.ts";
import { attempt } from "./attempt.ts";
import type { MysqlDatabase } from "./connection.ts";
import { logins } from "./schema.ts";
import { sweep } from "./sweep.ts";

/** The driver for MySQL. */
export function mysqlLogins(db: MysqlDatabase): Logins {
  return {
    async begin(login, now) {
      const expired = lte(logins.expires, now);
      await sweep(
        async (limit) => {
          const rows = await attempt(() => db.select({ id: logins.id }).from(logins).where(expired).limit(limit));
          return rows.map((row) => row.id);
        },
        (ids) => attempt(() => db.delete(logins).where(and(inArray(logins.id, ids), expired))),
      );
      // An existing row stays as it is. Not INSERT IGNORE, which would also cut off what is too long.
      const same = { expires: sql`${logins.expires}` };
      await attempt(() => db.insert(logins).values(login).onDuplicateKeyUpdate({ set: same }));
    },

    async find(id) {
      const rows = await attempt(() => db.select().from(logins).where(eq(logins.id, id)).limit(1));
      return rows[0];
    },

    async rotate(id, from, to, expires, now) {
      const result = await attempt(() =>
        db
          .update(logins)
          .set({ current: to, expires, exchanged: now })
          .where(and(eq(logins.id, id), eq(logins.current, from))),
      );
      return result.rowsAffected > 0;
    },

    async end(id) {
      await attempt(() => db.delete(logins).where(eq(logins.id, id)));
    },

    async endAll(uid, but) {
      const which = and(eq(logins.uid, uid), but === undefined ? undefined : ne(logins.id, but));
      await attempt(() => db.delete(logins).where(which));
    },
  };
}
