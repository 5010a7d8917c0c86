/** Idempotency claims in MySQL. */
import { and, eq, inArray, lte, sql, type SQL } from "drizzle-orm";
import type { MySqlColumn } from "drizzle-orm/mysql-core";
import type { Claims } from "../store.ts";
import { attempt } from "./attempt.ts";
import type { MysqlDatabase } from "./connection.ts";
import { claims } from "./schema.ts";
import { sweep } from "./sweep.ts";

/** The driver for MySQL. */
export function mysqlClaims(db: MysqlDatabase): Claims {
  return {
    async claim(claim, now) {
      const expired = lte(claims.expires, now);
      await sweep(
        async (limit) => {
          const rows = await attempt(() => db.select({ key: claims.key }).from(claims).where(expired).limit(limit));
          return rows.map((row) => row.key);
        },
        (keys) => attempt(() => db.delete(claims).where(and(inArray(claims.key, keys), expired))),
      );
      const newer = (column: MySqlColumn): SQL =>
        sql`IF(${claims.expires} <= ${now}, VALUES(${sql.identifier(column.name)}), ${column})`;
      // One statement decides who holds the key.
      const set = {
        request: newer(claims.request),
        outcome: newer(claims.outcome),
        expires: newer(claims.expires),
      };
      await attempt(() => db.insert(claims).values(claim).onDuplicateKeyUpdate({ set }));
      const rows = await attempt(() => db.select().from(claims).where(eq(claims.key, claim.key)));
      // Gone again: it expired meanwhile, by the clock of whoever swept it.
      return rows[0] ?? claim;
    },
  };
}
