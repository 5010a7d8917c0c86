/** Users in D1. */
import { and, asc, eq, gt, gte, inArray, isNull, lt, or, sql, type SQL } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { Uid } from "../../protocol/ids.ts";
import { prefixRange, searchKey } from "../search.ts";
import type { SearchPage, SearchPosition, User, Users } from "../store.ts";
import { attempt } from "./attempt.ts";
import { users } from "./schema.ts";

/** D1 takes 100 bound values a statement. */
const IDS_PER_STATEMENT = 90;

const shown = {
  id: users.id,
  username: users.username,
  name: users.name,
  avatar: users.avatar,
  created: users.created,
  updated: users.updated,
};

/** The driver for D1. */
export function d1Users(db: DrizzleD1Database): Users {
  const one = async (where: SQL): Promise<User | undefined> =>
    (await attempt(() => db.select(shown).from(users).where(where).limit(1)))[0];

  return {
    async create(user, now) {
      const row = { ...user, nameKey: searchKey(user.name), created: now, updated: now };
      const result = await attempt(() => db.insert(users).values(row).onConflictDoNothing());
      return result.meta.changes > 0 ? "created" : "taken";
    },

    async ensure(uid, name, now) {
      const row = { id: uid, name, nameKey: searchKey(name), created: now, updated: now };
      await attempt(() => db.insert(users).values(row).onConflictDoNothing());
    },

    find: (uid) => one(eq(users.id, uid)),

    findByUsername: (username) => one(eq(users.username, username)),

    async credentials(username) {
      const [row] = await attempt(() =>
        db
          .select({ ...shown, password: users.password })
          .from(users)
          .where(eq(users.username, username))
          .limit(1),
      );
      if (row === undefined || row.password === null) return undefined;
      const { password, ...user } = row;
      return { user, password };
    },

    async update(uid, change, now) {
      const set = {
        updated: now,
        ...(change.name === undefined ? {} : { name: change.name, nameKey: searchKey(change.name) }),
        ...(change.avatar === undefined ? {} : { avatar: change.avatar }),
      };
      const rows = await attempt(() => db.update(users).set(set).where(eq(users.id, uid)).returning(shown));
      return rows[0];
    },

    async names(uids) {
      const names = new Map<Uid, string>();
      for (let i = 0; i < uids.length; i += IDS_PER_STATEMENT) {
        const part = uids.slice(i, i + IDS_PER_STATEMENT);
        const rows = await attempt(() =>
          db.select({ id: users.id, name: users.name }).from(users).where(inArray(users.id, part)),
        );
        for (const row of rows) names.set(row.id, row.name);
      }
      return names;
    },

    async exists(uid) {
      const rows = await attempt(() =>
        db
          .select({ one: sql`1` })
          .from(users)
          .where(eq(users.id, uid))
          .limit(1),
      );
      return rows.length > 0;
    },

    search: (text, after, limit) => search(db, text, after, limit),
  };
}

async function search(
  db: DrizzleD1Database,
  text: string,
  after: SearchPosition | undefined,
  limit: number,
): Promise<SearchPage> {
  const range = prefixRange(searchKey(text));
  if (range === undefined) return { users: [] };
  const { from, to } = range;
  const found: { user: User; position: SearchPosition }[] = [];
  if (after?.by !== "name") {
    const within = and(
      after === undefined ? gte(users.username, from) : gt(users.username, after.username),
      lt(users.username, to),
    );
    const rows = await attempt(() =>
      db
        .select(shown)
        .from(users)
        .where(within)
        .orderBy(asc(users.username))
        .limit(limit + 1),
    );
    for (const user of rows) found.push({ user, position: { by: "username", username: user.username ?? "" } });
  }
  if (found.length <= limit) {
    const within = and(
      after?.by === "name"
        ? sql`(${users.nameKey}, ${users.id}) > (${after.name}, ${after.id})`
        : gte(users.nameKey, from),
      lt(users.nameKey, to),
      or(isNull(users.username), lt(users.username, from), gte(users.username, to)),
    );
    const rows = await attempt(() =>
      db
        .select({ ...shown, nameKey: users.nameKey })
        .from(users)
        .where(within)
        .orderBy(asc(users.nameKey), asc(users.id))
        .limit(limit + 1 - found.length),
    );
    for (const { nameKey, ...user } of rows) found.push({ user, position: { by: "name", name: nameKey, id: user.id } });
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const result = { users: page.map((hit) => hit.user) };
  return found.length > limit && last !== undefined ? { ...result, next: last.position } : result;
}
