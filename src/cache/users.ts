/**
 * Users behind the cache: profiles, and which user has a username. Passwords are never in it. A search goes to the store.
 *
 * A profile's version is when it changed last, which the store lets rise with each change.
 */
import { z } from "zod";
import { Uid } from "../protocol/ids.ts";
import type { User, Users } from "../store/store.ts";
import type { Cache } from "./cache.ts";
import type { CacheKind } from "./kind.ts";

/** An isolate may show a profile that was changed elsewhere for twice as long. */
const ISOLATE_MS = 5_000;
const NEGATIVE_MS = 30_000;
/** Old enough for anything but that there is nothing. */
const CREATED = 1;

interface Named {
  readonly uid: Uid;
}

const Profile: z.ZodType<User> = z.strictObject({
  id: Uid,
  username: z.string().nullable(),
  name: z.string(),
  avatar: z.string().nullable(),
  created: z.number(),
  updated: z.number(),
  deleted: z.number(),
});

/** Users as the cache has them, and the store where it has not. Rejects as the store does. */
export function cachedUsers(users: Users, cache: Cache, { profile_ms }: { readonly profile_ms: number }): Users {
  const life = { ttl_ms: profile_ms, negative_ms: Math.min(profile_ms, NEGATIVE_MS), isolate_ms: ISOLATE_MS };
  const PROFILE: CacheKind<User> = {
    name: "user",
    purpose: "metadata",
    schema: Profile,
    version: (user) => user.updated,
    ...life,
    stale_ms: ISOLATE_MS,
  };
  const USERNAME: CacheKind<Named> = {
    name: "username",
    purpose: "metadata",
    schema: z.strictObject({ uid: Uid }),
    version: () => CREATED,
    ...life,
    stale_ms: 0,
  };
  /** There is a user of this id, whatever was known before. */
  const exists = (uid: Uid): Promise<void> => cache.invalidate(PROFILE, uid, CREATED);

  const find = (uid: Uid): Promise<User | undefined> => cache.read(PROFILE, uid, () => users.find(uid));
  const findMany = (uids: readonly Uid[]): Promise<Map<Uid, User>> =>
    cache.readMany(PROFILE, uids, (missing) => users.findMany(missing));
  const changed = async (uid: Uid, now: number, change: () => Promise<User | undefined>): Promise<User | undefined> => {
    try {
      const user = await change();
      if (user !== undefined) await cache.write(PROFILE, uid, user, now);
      return user;
    } catch (error) {
      // It may have taken effect: a row that is as old as before is not kept for a while.
      await cache.invalidate(PROFILE, uid, now);
      throw error;
    }
  };

  return {
    find,
    findMany,

    async findByUsername(username) {
      let loaded: User | undefined;
      const named = await cache.read(USERNAME, username, async () => {
        loaded = await users.findByUsername(username);
        return loaded && { uid: loaded.id };
      });
      if (loaded !== undefined || named === undefined) return loaded;
      // Known by name, so what says that there is no such user is older.
      const user = (await find(named.uid)) ?? (await users.findByUsername(username));
      return user !== undefined && user.deleted > 0 ? undefined : user;
    },

    async names(uids) {
      return new Map(
        [...(await findMany(uids))].flatMap(([uid, user]) => (user.deleted > 0 ? [] : [[uid, user.name]])),
      );
    },

    // Nobody who has just come is turned away because of what an isolate remembers.
    async exists(uid) {
      const user = await find(uid);
      return user === undefined ? users.exists(uid) : user.deleted === 0;
    },

    async create(user, now) {
      const { id, username, name } = user;
      try {
        const created = await users.create(user, now);
        if (created === "created") {
          const profile = { id, username, name, avatar: null, created: now, updated: now, deleted: 0 };
          await Promise.all([
            cache.write(PROFILE, id, profile, now),
            cache.write(USERNAME, username, { uid: id }, now),
          ]);
        } else {
          // One of the two is; that there was none may be remembered still.
          await Promise.all([exists(id), cache.invalidate(USERNAME, username, CREATED)]);
        }
        return created;
      } catch (error) {
        await Promise.all([exists(id), cache.invalidate(USERNAME, username, CREATED)]);
        throw error;
      }
    },

    async ensure(uid, name, now) {
      await users.ensure(uid, name, now);
      await exists(uid);
    },

    update: (uid, change, now) => changed(uid, now, () => users.update(uid, change, now)),
    remove: (uid, now) => changed(uid, now, () => users.remove(uid, now)),

    credentials: (username) => users.credentials(username),
    search: (text, after, limit) => users.search(text, after, limit),
  };
}
