import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Uid } from "../../src/protocol/ids.ts";
import { d1Store } from "../../src/store/d1/store.ts";
import { StoreError, type Store } from "../../src/store/store.ts";
import { contactsContract } from "./contacts-contract.ts";
import { everyCall, storeContract } from "./contract.ts";
import { d1Plan, d1Statements } from "./statements.ts";

const { DB } = env;

storeContract("D1", () => d1Store(DB), "at once");
contactsContract("D1", () => d1Store(DB));

test.each([
  ["search", ({ users }: Store) => users.search("ann", undefined, 10), ["users_username", "users_name_key"]],
  [
    "search, a later page",
    ({ users }: Store) => users.search("ann", { by: "name", name: "ann", id: "u" }, 10),
    ["users_name_key"],
  ],
  ["by username", ({ users }: Store) => users.findByUsername("ann"), ["users_username"]],
  ["by id", ({ users }: Store) => users.find("ann" as Uid), ["sqlite_autoindex_users_1"]],
  [
    "contacts, a later page",
    ({ contacts }: Store) => contacts.list("ann" as Uid, "ben" as Uid, 10, "contact"),
    ["sqlite_autoindex_contacts_1"],
  ],
])("D1: %s reads by index and sorts nothing", async (_what, work, indexes) => {
  const queries = await d1Statements(DB, work);
  const plans = await Promise.all(queries.map((query) => d1Plan(DB, query)));
  expect(plans).toEqual(indexes.map((index) => [expect.stringMatching(`^SEARCH \\w+ USING .*INDEX ${index} `)]));
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
