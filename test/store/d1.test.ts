import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Uid } from "../../src/protocol/ids.ts";
import { d1Store } from "../../src/store/d1/store.ts";
import { StoreError } from "../../src/store/store.ts";
import { everyCall, storeContract } from "./contract.ts";

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
  for (const call of everyCall(d1Store(broken))) await expect(call).rejects.toBeInstanceOf(StoreError);
});
