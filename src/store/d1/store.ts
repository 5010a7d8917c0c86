/** The embedded store: D1. */
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Store } from "../store.ts";
import { attempt } from "./attempt.ts";
import { d1Claims } from "./claims.ts";
import { d1Contacts } from "./contacts.ts";
import { d1Directory } from "./directory.ts";
import { d1Logins } from "./logins.ts";
import { d1Messages } from "./messages.ts";
import { claims, contacts, groups, logins, messages, users } from "./schema.ts";
import { d1Users } from "./users.ts";

/** A store on a D1 binding. Holds nothing but the binding, so one serves all requests of an isolate. */
export function d1Store(binding: D1Database): Store {
  const db = drizzle(binding);
  return {
    users: d1Users(db),
    logins: d1Logins(db),
    claims: d1Claims(db),
    messages: d1Messages(db, binding),
    directory: d1Directory(db),
    contacts: d1Contacts(db),
    async ping() {
      const all = [users, logins, claims, messages, groups, contacts, sql`message_tokens`];
      const tables = all.map((table) => sql`(SELECT 1 FROM ${table} LIMIT 1)`);
      await attempt(() => db.run(sql`SELECT ${sql.join(tables, sql`, `)}`));
    },
  };
}
