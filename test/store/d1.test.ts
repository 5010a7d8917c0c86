import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Uid } from "../../src/protocol/ids.ts";
import { d1Store } from "../../src/store/d1/store.ts";
import { StoreError } from "../../src/store/store.ts";
import { storeContract } from "./contract.ts";

const { DB } = env;

storeContract("D1", () => d1Store(DB));

/** Runs `work` with a database that notes the statements it is asked for. */
async function statements(work: (db: D1Database) => Promise<unknown>): Promise<string[]> {
  const seen: string[] = [];
  const spy = new Proxy(DB, {
    get(target, property) {
      if (property !== "prepare") return Reflect.get(target, property) as unknown;
      return (query: string) => {
        seen.push(query);
        return target.prepare(query);
      };
    },
  });
  await work(spy);
  return seen;
}

async function plan(query: string): Promise<string[]> {
  const values = Array.from(query.matchAll(/\?/g), () => "x");
  const { results } = await DB.prepare(`EXPLAIN QUERY PLAN ${query}`)
    .bind(...values)
    .all<{ detail: string }>();
  return results.map((row) => row.detail);
}

test.each([
  ["search", (db: D1Database) => d1Store(db).users.search("ann", undefined, 10), ["users_username", "users_name_key"]],
  [
    "search, a later page",
    (db: D1Database) => d1Store(db).users.search("ann", { by: "name", name: "ann", id: "u" }, 10),
    ["users_name_key"],
  ],
  ["by username", (db: D1Database) => d1Store(db).users.findByUsername("ann"), ["users_username"]],
  ["by id", (db: D1Database) => d1Store(db).users.find("ann" as Uid), ["sqlite_autoindex_users_1"]],
])("D1: %s reads by index and sorts nothing", async (_what, work, indexes) => {
  const queries = await statements(work);
  const plans = await Promise.all(queries.map(plan));
  expect(plans).toEqual(indexes.map((index) => [expect.stringMatching(`^SEARCH users USING .*INDEX ${index} `)]));
});

test("D1: a database that fails is a StoreError, for every method", async () => {
  const broken = {
    prepare: () => {
      throw new Error("D1_ERROR: no such thing");
    },
    batch: () => Promise.reject(new Error("D1_ERROR: no such thing")),
  } as unknown as D1Database;
  const store = d1Store(broken);
  const { users, logins, claims } = store;
  const uid = "u" as Uid;
  const calls: Promise<unknown>[] = [
    users.create({ id: uid, username: "u", name: "u", password: "p" }, 1),
    users.ensure(uid, "u", 1),
    users.find(uid),
    users.findByUsername("u"),
    users.credentials("u"),
    users.update(uid, { name: "u" }, 1),
    users.names([uid]),
    users.exists(uid),
    users.search("u", undefined, 1),
    logins.begin({ id: "l", uid, family: "f", current: "c", expires: 1 }, 1),
    logins.find("l"),
    logins.rotate("l", "a", "b", 1),
    logins.end("l"),
    claims.claim({ key: "k", request: "r", outcome: "o", expires: 1 }, 1),
    store.ping(),
  ];
  for (const call of calls) await expect(call).rejects.toBeInstanceOf(StoreError);
});
