/**
 * The tables in MySQL. `npm run db:generate` derives migrations/mysql from this file.
 *
 * Each table is found by its primary key, which is also the key to shard by (in Vitess: the vindex; `username` wants a
 * lookup vindex, which keeps it unique over shards). No foreign keys, no numbers drawn by the database.
 */
import { bigint, customType, index, mysqlTable, primaryKey, uniqueIndex } from "drizzle-orm/mysql-core";
import type { Cid, Uid } from "../../protocol/ids.ts";

/**
 * UTF-8 that is compared and sorted: by bytes, which is by code point. Not `utf8mb4_bin`, which takes blanks at the end for
 * nothing and sorts a tab before the end of a text; what does not is called otherwise in MySQL and in MariaDB.
 */
const key = customType<{ data: string; config: { bytes: number }; configRequired: true }>({
  dataType: ({ bytes }) => `varbinary(${bytes})`,
});

/** Text that is only kept. `length` in code points. */
const text = customType<{ data: string; config: { length: number }; configRequired: true }>({
  dataType: ({ length }) => `varchar(${length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
});

/** Text of any length that is only kept. */
const longText = customType<{ data: string }>({
  dataType: () => "mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
});

const ms = (name: string) => bigint(name, { mode: "number" }).notNull();
const whole = (name: string) => bigint(name, { mode: "number" }).notNull();

export const users = mysqlTable(
  "users",
  {
    id: key("id", { bytes: 64 }).$type<Uid>().notNull(),
    username: key("username", { bytes: 128 }),
    name: text("name", { length: 1024 }).notNull(),
    /** `searchKey(name)`. Folding makes of a name's 64 code points at most 33 bytes each; 3072 bytes fit into an index. */
    nameKey: key("name_key", { bytes: 2400 }).notNull(),
    avatar: text("avatar", { length: 2048 }),
    password: text("password", { length: 255 }),
    created: ms("created_ms"),
    updated: ms("updated_ms"),
    /** 0: it was not. */
    deleted: ms("deleted_ms").default(0),
  },
  (table) => [
    primaryKey({ columns: [table.id] }),
    uniqueIndex("users_username").on(table.username),
    index("users_name_key").on(table.nameKey, table.id),
  ],
);

export const logins = mysqlTable(
  "logins",
  {
    id: key("id", { bytes: 64 }).notNull(),
    uid: key("uid", { bytes: 64 }).$type<Uid>().notNull(),
    family: key("family", { bytes: 128 }).notNull(),
    current: key("current", { bytes: 128 }).notNull(),
    expires: ms("expires_ms"),
    exchanged: ms("exchanged_ms").default(0),
  },
  (table) => [
    primaryKey({ columns: [table.id] }),
    index("logins_expires").on(table.expires),
    index("logins_uid").on(table.uid),
  ],
);

export const claims = mysqlTable(
  "claims",
  {
    key: key("key", { bytes: 128 }).notNull(),
    request: key("request", { bytes: 128 }).notNull(),
    outcome: key("outcome", { bytes: 128 }).notNull(),
    /** Last: an upsert assigns in the order of the columns, and asks this one before it assigns it. */
    expires: ms("expires_ms"),
  },
  (table) => [primaryKey({ columns: [table.key] }), index("claims_expires").on(table.expires)],
);

/**
 * History. A migration of its own adds the FULLTEXT index over `tokens`, which drizzle does not describe; what stands there is
 * ASCII of our own making (`search-tokens.ts`), so neither a collation nor a parser for some language has a say.
 */
export const messages = mysqlTable(
  "messages",
  {
    cid: key("cid", { bytes: 136 }).$type<Cid>().notNull(),
    seq: whole("seq"),
    id: key("id", { bytes: 64 }).notNull(),
    sender: key("sender", { bytes: 64 }).$type<Uid>().notNull(),
    ts: ms("ts_ms"),
    kind: key("kind", { bytes: 16 }).notNull(),
    priority: whole("priority"),
    count: whole("count"),
    body: longText("body").notNull(),
    extra: longText("extra").notNull(),
    amended: longText("amended").notNull(),
    tokens: longText("tokens").notNull(),
    /** Last: an upsert assigns in the order of the columns, and asks this one before it assigns it. */
    rev: whole("rev"),
  },
  (table) => [primaryKey({ columns: [table.cid, table.seq] })],
);

/** One row for each side of a pair; a row whose state is `none` stays, so that nothing older can come back. */
export const contacts = mysqlTable(
  "contacts",
  {
    uid: key("uid", { bytes: 64 }).$type<Uid>().notNull(),
    peer: key("peer", { bytes: 64 }).$type<Uid>().notNull(),
    state: key("state", { bytes: 16 }).notNull(),
    message: text("message", { length: 1024 }).notNull(),
    since: ms("since_ms"),
    /** Last, as above. */
    version: whole("version"),
  },
  (table) => [primaryKey({ columns: [table.uid, table.peer] })],
);

/** Groups as one looks for them; what a group is, its object says. A row of a dismissed group stays, as above. */
export const groups = mysqlTable(
  "groups_directory",
  {
    id: key("id", { bytes: 136 }).$type<Cid>().notNull(),
    name: text("name", { length: 1024 }).notNull(),
    /** `directoryKey`: "" for what is not to be found. */
    nameKey: key("name_key", { bytes: 2400 }).notNull(),
    owner: key("owner", { bytes: 64 }).$type<Uid>().notNull(),
    members: whole("members"),
    /** 1 = anybody may join. */
    open: whole("open"),
    /** 1 = there is no such group any more. */
    dismissed: whole("dismissed"),
    version: whole("version"),
  },
  (table) => [primaryKey({ columns: [table.id] }), index("groups_name_key").on(table.nameKey, table.id)],
);
