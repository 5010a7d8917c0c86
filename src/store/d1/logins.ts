/** Logins in D1. */
import { and, eq, lte, ne } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { Logins } from "../store.ts";
import { attempt } from "./attempt.ts";
import { logins } from "./schema.ts";

/** The driver for D1. */
export function d1Logins(db: DrizzleD1Database): Logins {
  return {
    async begin(login, now) {
      await attempt(() =>
        db.batch([
          db.delete(logins).where(lte(logins.expires, now)),
          db.insert(logins).values(login).onConflictDoNothing(),
        ]),
      );
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
      return result.meta.changes > 0;
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
