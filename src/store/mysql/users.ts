/** Users in MySQL. */
import { and, asc, eq, gt, gte, inArray, isNull, lt, or, sql, type SQL } from "drizzle-orm";
import type { Uid } from "../../protocol/ids.ts";
import { searchKey, searchPage, type SearchQueries } from "../search.ts";
import type { User, Users } from "../store.ts";
import { attempt, isDuplicate } from "./attempt.ts";
import type { MysqlDatabase } from "./connection.ts";
import { users } from "./schema.ts";

/** A statement stays below 100 kB. */
const IDS_PER_STATEMENT = 1_000;

const shown = {
  id: users.id,
  username: users.username,
  name: users.name,
  avatar: users.avatar,
  created: users.created,
  updated: users.updated,
  deleted: users.deleted,
};

/** The account was not deleted. */
const STANDS = eq(users.deleted, 0);

/** What is left of a deleted account. */
const REMAINS = { name: "", nameKey: "", avatar: null, password: null };

/** The driver for MySQL. */
export function mysqlUsers(db: MysqlDatabase): Users {
  const one = async (where: SQL | undefined): Promise<User | undefined> =>
    (await attempt(() => db.select(shown).from(users).where(where).limit(1)))[0];

  const findMany = async (uids: readonly Uid[]): Promise<Map<Uid, User>> => {
    const found = new Map<Uid, User>();
    for (let i = 0; i < uids.length; i += IDS_PER_STATEMENT) {
      const part = uids.slice(i, i + IDS_PER_STATEMENT);
      const rows = await attempt(() => db.select(shown).from(users).where(inArray(users.id, part)));
      for (const row of rows) found.set(row.id, row);
    }
    return found;
  };

  return {
    async create(user, now) {
      const row = { ...user, nameKey: searchKey(user.name), created: now, updated: now };
      try {
        // Told by the error, because the number of changed rows depends on a setting of the server's connection.
        await attempt(() => db.insert(users).values(row));
        return "created";
      } catch (error) {
        if (isDuplicate(error)) return "taken";
        throw error;
      }
    },

    async ensure(uid, name, now) {
      const row = { id: uid, name, nameKey: searchKey(name), created: now, updated: now };
      // An existing row stays as it is. Not INSERT IGNORE, which would also cut off what is too long.
      const same = { created: sql`${users.created}` };
      await attempt(() => db.insert(users).values(row).onDuplicateKeyUpdate({ set: same }));
    },

    find: (uid) => one(eq(users.id, uid)),

    findByUsername: (username) => one(and(eq(users.username, username), STANDS)),

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
        updated: sql`GREATEST(${users.updated} + 1, ${now})`,
        ...(change.name === undefined ? {} : { name: change.name, nameKey: searchKey(change.name) }),
        ...(change.avatar === undefined ? {} : { avatar: change.avatar }),
      };
      const mine = and(eq(users.id, uid), STANDS);
      await attempt(() => db.update(users).set(set).where(mine));
      return one(mine);
    },

    async remove(uid, now) {
      const set = { ...REMAINS, deleted: now, updated: sql`GREATEST(${users.updated} + 1, ${now})` };
      await attempt(() =>
        db
          .update(users)
          .set(set)
          .where(and(eq(users.id, uid), STANDS)),
      );
      return one(eq(users.id, uid));
    },

    findMany,

    async names(uids) {
      return new Map(
        [...(await findMany(uids))].flatMap(([uid, user]) => (user.deleted > 0 ? [] : [[uid, user.name]])),
      );
    },

    async exists(uid) {
      const rows = await attempt(() =>
        db
          .select({ id: users.id })
          .from(users)
          .where(and(eq(users.id, uid), STANDS))
          .limit(1),
      );
      return rows.length > 0;
    },

    search: (text, after, limit) => searchPage(queries(db), text, after, limit),
  };
}

function queries(db: MysqlDatabase): SearchQueries {
  return {
    byUsername: ({ from, to }, after, limit) =>
      attempt(() =>
        db
          .select(shown)
          .from(users)
          .where(
            and(
              after === undefined ? gte(users.username, from) : gt(users.username, after),
              lt(users.username, to),
              STANDS,
            ),
          )
          .orderBy(asc(users.username))
          .limit(limit),
      ),

    byName({ from, to }, after, limit) {
      // Apart, because a comparison of pairs is no range to MySQL's planner.
      const start =
        after === undefined
          ? gte(users.nameKey, from)
          : and(gte(users.nameKey, after.name), or(gt(users.nameKey, after.name), gt(users.id, after.id as Uid)));
      const otherwise = or(isNull(users.username), lt(users.username, from), gte(users.username, to));
      return attempt(() =>
        db
          .select({ ...shown, nameKey: users.nameKey })
          .from(users)
          .where(and(start, lt(users.nameKey, to), otherwise))
          .orderBy(asc(users.nameKey), asc(users.id))
          .limit(limit),
      );
    },
  };
}
