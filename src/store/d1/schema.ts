/** The tables of the embedded store. `npm run db:generate` derives migrations/d1 from this file. */
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { Uid } from "../../protocol/ids.ts";

export const users = sqliteTable(
  "users",
  {
    id: text("id").$type<Uid>().primaryKey(),
    username: text("username"),
    name: text("name").notNull(),
    /** `searchKey(name)`. */
    nameKey: text("name_key").notNull(),
    avatar: text("avatar"),
    password: text("password"),
    created: integer("created_ms").notNull(),
    updated: integer("updated_ms").notNull(),
  },
  (table) => [uniqueIndex("users_username").on(table.username), index("users_name_key").on(table.nameKey, table.id)],
);

export const logins = sqliteTable(
  "logins",
  {
    id: text("id").primaryKey(),
    uid: text("uid").$type<Uid>().notNull(),
    family: text("family").notNull(),
    current: text("current").notNull(),
    expires: integer("expires_ms").notNull(),
  },
  (table) => [index("logins_expires").on(table.expires)],
);

export const claims = sqliteTable(
  "claims",
  {
    key: text("key").primaryKey(),
    request: text("request").notNull(),
    outcome: text("outcome").notNull(),
    expires: integer("expires_ms").notNull(),
  },
  (table) => [index("claims_expires").on(table.expires)],
);
