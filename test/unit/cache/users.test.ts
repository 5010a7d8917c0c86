/** Users behind the cache: what a store that fails, or another isolate, leaves behind. */
import { describe, expect, test } from "vitest";
import { cachedUsers } from "../../../src/cache/users.ts";
import type { Uid } from "../../../src/protocol/ids.ts";
import { StoreError, type User, type Users } from "../../../src/store/store.ts";
import { FakeRedis, isolate, Time } from "./fixture.ts";

const ID = "u_ann" as Uid;

/** A store in memory, as far as the cache asks it; `after` runs when a write took effect, and may throw. */
class Stored {
  readonly rows = new Map<Uid, User>();
  asked = 0;
  after = (): void => {};

  readonly users: Users = {
    create: async ({ id, username, name }, now) => {
      const taken = [...this.rows.values()].some((row) => row.id === id || row.username === username);
      if (!taken) this.rows.set(id, { id, username, name, avatar: null, created: now, updated: now, deleted: 0 });
      this.after();
      return taken ? "taken" : "created";
    },
    ensure: async (id, name, now) => {
      if (!this.rows.has(id))
        this.rows.set(id, { id, username: null, name, avatar: null, created: now, updated: now, deleted: 0 });
    },
    find: async (id) => this.ask(() => this.rows.get(id)),
    findMany: async (ids) =>
      this.ask(() => new Map(ids.flatMap((id) => [this.rows.get(id) ?? []].flat().map((row) => [id, row] as const)))),
    findByUsername: async (username) =>
      this.ask(() => [...this.rows.values()].find((row) => row.username === username)),
    update: async (id, change, now) => {
      const row = this.rows.get(id);
      if (row !== undefined)
        this.rows.set(id, { ...row, name: change.name ?? row.name, updated: Math.max(row.updated + 1, now) });
      this.after();
      return this.rows.get(id);
    },
    remove: async (id, now) => {
      const row = this.rows.get(id);
      if (row !== undefined) {
        const updated = Math.max(row.updated + 1, now);
        this.rows.set(id, { ...row, name: "", avatar: null, updated, deleted: row.deleted || now });
      }
      this.after();
      return this.rows.get(id);
    },
    exists: async (id) => this.ask(() => this.rows.has(id)),
    names: () => Promise.reject(new Error("read through the cache")),
    credentials: async () => undefined,
    search: async () => ({ users: [] }),
  };

  ask<T>(work: () => T): T {
    this.asked += 1;
    return work();
  }
}

/** Two isolates in front of one store and one Redis. */
function setup() {
  const time = new Time();
  const redis = new FakeRedis(time);
  const store = new Stored();
  const open = (): Users => cachedUsers(store.users, isolate(time, redis).cache, { profile_ms: 600_000 });
  return { time, redis, store, one: open(), other: open() };
}

const ann = { id: ID, username: "ann", name: "Ann", password: "hash" };
const lost = (): void => {
  throw new StoreError("the answer was lost");
};

describe("users behind the cache", () => {
  test("a change that failed, and took effect all the same, is read", async () => {
    const { time, store, one, other } = setup();
    await one.create(ann, time.now);
    expect(await other.find(ID)).toMatchObject({ name: "Ann" });
    store.after = lost;
    time.advance(1);
    await expect(one.update(ID, { name: "Anna" }, time.now)).rejects.toThrow(StoreError);
    expect(await one.find(ID)).toMatchObject({ name: "Anna" });
    expect((await one.names([ID])).get(ID)).toBe("Anna");
  });

  test("a change that failed and took no effect leaves what was", async () => {
    const { time, store, one } = setup();
    await one.create(ann, time.now);
    time.advance(1);
    const failing = cachedUsers(
      { ...store.users, update: () => Promise.reject(new StoreError("down")) },
      isolate(time, new FakeRedis(time)).cache,
      { profile_ms: 600_000 },
    );
    expect(await failing.find(ID)).toMatchObject({ name: "Ann" });
    await expect(failing.update(ID, { name: "Anna" }, time.now)).rejects.toThrow(StoreError);
    expect(await failing.find(ID)).toMatchObject({ name: "Ann" });
  });

  test("a deleted account is shown as one, and is nobody's any more", async () => {
    const { time, store, one, other } = setup();
    await one.create(ann, time.now);
    expect(await one.findByUsername("ann")).toMatchObject({ id: ID });
    expect(await other.exists(ID)).toBe(true);
    store.after = lost;
    time.advance(1);
    await expect(one.remove(ID, time.now)).rejects.toThrow(StoreError);
    store.after = () => {};
    await one.remove(ID, time.now);
    // The other isolate may show a profile for a while that was changed elsewhere.
    time.advance(10_001);
    for (const users of [one, other]) {
      expect(await users.find(ID)).toMatchObject({ name: "", deleted: time.now - 10_001 });
      expect(await users.exists(ID)).toBe(false);
      expect((await users.names([ID])).size).toBe(0);
      expect(await users.findByUsername("ann")).toBeUndefined();
    }
  });

  test("an account whose making failed, and which is there all the same, is found", async () => {
    const { time, store, one } = setup();
    expect(await one.findByUsername("ann")).toBeUndefined();
    expect(await one.find(ID)).toBeUndefined();
    store.after = lost;
    await expect(one.create(ann, time.now)).rejects.toThrow(StoreError);
    expect(await one.findByUsername("ann")).toMatchObject({ id: ID });
    expect(await one.find(ID)).toMatchObject({ id: ID });
  });

  test("a username that another isolate took is taken, and then known", async () => {
    const { time, one, other } = setup();
    expect(await other.findByUsername("ann")).toBeUndefined();
    expect(await other.find(ID)).toBeUndefined();
    await one.create(ann, time.now);
    // It still believes that there is none; the store decides.
    expect(await other.create({ ...ann, id: "u_bob" as Uid }, time.now)).toBe("taken");
    expect(await other.findByUsername("ann")).toMatchObject({ id: ID });
  });

  test("who has come a moment ago exists, whatever an isolate remembers", async () => {
    const { time, one, other } = setup();
    expect(await other.find(ID)).toBeUndefined();
    await one.ensure(ID, "Ann", time.now);
    expect(await other.exists(ID)).toBe(true);
    expect(await one.find(ID)).toMatchObject({ name: "Ann" });
  });

  test("who is known by username is found, also where the id was nobody's a moment ago", async () => {
    const { time, one, other } = setup();
    expect(await other.find(ID)).toBeUndefined();
    await one.create(ann, time.now);
    expect(await other.findByUsername("ann")).toMatchObject({ name: "Ann" });
  });

  test("a profile that is known by username is known by id, and the other way round without a query", async () => {
    const { time, store, one, other } = setup();
    await one.create(ann, time.now);
    expect(store.asked).toBe(0);
    expect(await other.findByUsername("ann")).toEqual(await one.find(ID));
    expect(await other.names([ID, "u_nobody" as Uid])).toEqual(new Map([[ID, "Ann"]]));
    expect(store.asked).toBe(1);
  });
});
