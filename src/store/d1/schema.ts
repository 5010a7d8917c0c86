/** The tables of the embedded store. `npm run db:generate` derives migrations/d1 from this file. */
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { Cid, Uid } from "../../protocol/ids.ts";

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
    /** 0: it was not. */
    deleted: integer("deleted_ms").notNull().default(0),
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
    exchanged: integer("exchanged_ms").notNull().default(0),
  },
  (table) => [index("logins_expires").on(table.expires), index("logins_uid").on(table.uid)],
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

/** History. A migration of its own adds the FTS5 table `message_tokens`, by `place`, which drizzle does not describe. */
export const messages = sqliteTable(
  "messages",
  {
    /** The rowid, by a name of its own: so it is the same after VACUUM and in a copy. Drawn by SQLite, and never leaves the driver. */
    place: integer("place").primaryKey(),
    cid: text("cid").$type<Cid>().notNull(),
    seq: integer("seq").notNull(),
    id: text("id").notNull(),
    sender: text("sender").$type<Uid>().notNull(),
    ts: integer("ts_ms").notNull(),
    kind: text("kind").notNull(),
    priority: integer("priority").notNull(),
    count: integer("count").notNull(),
    body: text("body").notNull(),
    extra: text("extra").notNull(),
    amended: text("amended").notNull(),
    rev: integer("rev").notNull(),
  },
  (table) => [uniqueIndex("messages_cid_seq").on(table.cid, table.seq)],
);

/** One row for each side of a pair; a row whose state is `none` stays, so that nothing older can come back. */
export const contacts = sqliteTable(
  "contacts",
  {
    uid: text("uid").$type<Uid>().notNull(),
    peer: text("peer").$type<Uid>().notNull(),
    state: text("state").notNull(),
    message: text("message").notNull(),
    since: integer("since_ms").notNull(),
    version: integer("version").notNull(),
  },
  (table) => [primaryKey({ columns: [table.uid, table.peer] })],
);

/** Groups as one looks for them; what a group is, its object says. A row of a dismissed group stays, as above. */
export const groups = sqliteTable(
  "groups_directory",
  {
    id: text("id").$type<Cid>().primaryKey(),
    name: text("name").notNull(),
    /** `directoryKey`: "" for what is not to be found. */
    nameKey: text("name_key").notNull(),
    owner: text("owner").$type<Uid>().notNull(),
    members: integer("members").notNull(),
    /** 1 = anybody may join. */
    open: integer("open").notNull(),
    /** 1 = there is no such group any more. */
    dismissed: integer("dismissed").notNull(),
    version: integer("version").notNull(),
  },
  (table) => [index("groups_name_key").on(table.nameKey, table.id)],
);
