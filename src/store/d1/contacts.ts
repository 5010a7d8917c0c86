/** Contacts in D1. */
import { and, asc, eq, gt, lt, ne, sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { Contact, Contacts, ContactState } from "../contacts.ts";
import { attempt } from "./attempt.ts";
import { contacts } from "./schema.ts";

/** The driver for D1. */
export function d1Contacts(db: DrizzleD1Database): Contacts {
  return {
    async put(contact) {
      const { uid: _uid, peer: _peer, ...set } = contact;
      await attempt(() =>
        db
          .insert(contacts)
          .values({ ...contact })
          .onConflictDoUpdate({
            target: [contacts.uid, contacts.peer],
            set,
            setWhere: lt(contacts.version, sql`excluded.version`),
          }),
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
