/** Contacts in MySQL. */
import { and, asc, eq, gt, ne, sql, type SQL } from "drizzle-orm";
import type { MySqlColumn } from "drizzle-orm/mysql-core";
import type { Contact, Contacts, ContactState } from "../contacts.ts";
import { attempt } from "./attempt.ts";
import type { MysqlDatabase } from "./connection.ts";
import { contacts } from "./schema.ts";

/** The driver for MySQL. */
export function mysqlContacts(db: MysqlDatabase): Contacts {
  return {
    async put(contact) {
      const newer = (column: MySqlColumn): SQL =>
        sql`IF(${contacts.version} < VALUES(${sql.identifier(contacts.version.name)}), VALUES(${sql.identifier(column.name)}), ${column})`;
      const set = {
        state: newer(contacts.state),
        message: newer(contacts.message),
        since: newer(contacts.since),
        version: newer(contacts.version),
      };
      await attempt(() =>
        db
          .insert(contacts)
          .values({ ...contact })
          .onDuplicateKeyUpdate({ set }),
      );
    },

    async find(uid, peer) {
      const one = and(eq(contacts.uid, uid), eq(contacts.peer, peer));
      const [row] = await attempt(() => db.select().from(contacts).where(one));
      return row && toContact(row);
    },

    async list(uid, after, limit, state) {
      const behind = after === undefined ? undefined : gt(contacts.peer, after);
      const shown = state === undefined ? ne(contacts.state, "none") : eq(contacts.state, state);
      const mine = and(eq(contacts.uid, uid), behind, shown);
      const rows = await attempt(() => db.select().from(contacts).where(mine).orderBy(asc(contacts.peer)).limit(limit));
      return rows.map(toContact);
    },
  };
}

function toContact(row: typeof contacts.$inferSelect): Contact {
  return { ...row, state: row.state as ContactState };
}
