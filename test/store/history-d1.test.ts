/** What history and the directory cost in D1. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { d1Store } from "../../src/store/d1/store.ts";
import { PUT_ROWS } from "../../src/store/messages.ts";
import type { Store } from "../../src/store/store.ts";
import { conversation, textAt } from "./messages-contract.ts";
import { d1Plan, d1Statements } from "./statements.ts";

const { DB } = env;
const cid = conversation();

test.each<[string, (store: Store) => Promise<unknown>, string]>([
  ["a page", ({ messages }) => messages.read(cid, 1, 50), "messages_cid_seq"],
  ["the head", ({ messages }) => messages.head(cid), "messages_cid_seq"],
  ["the directory", ({ directory }) => directory.search("ann", undefined, 10), "groups_name_key"],
  [
    "a later page of the directory",
    ({ directory }) => directory.search("ann", { name: "ann", id: cid }, 10),
    "groups_name_key",
  ],
])("D1: %s is one statement that reads by index and sorts nothing", async (_what, work, index) => {
  const queries = await d1Statements(DB, work);
  const plans = await Promise.all(queries.map((query) => d1Plan(DB, query)));
  expect(plans).toEqual([[expect.stringMatching(`^SEARCH \\w+ USING .*INDEX ${index} `)]]);
});

test("D1: 10,000 messages are 20 statements, that find each row by its key", async () => {
  const store = d1Store(DB);
  const entries = Array.from({ length: 10_000 }, (_, n) => textAt(n + 1, `message ${n} of ten thousand`));
  const queries = await d1Statements(DB, async ({ messages }) => {
    for (let i = 0; i < entries.length; i += PUT_ROWS) await messages.put(cid, 10_000, entries.slice(i, i + PUT_ROWS));
  });
  expect(queries).toHaveLength(20);
  expect(await d1Plan(DB, queries[1] as string)).toContain("SEARCH m USING INDEX messages_cid_seq (cid=? AND seq=?)");
  expect(await store.messages.read(cid, 4_990, 5_010)).toEqual(entries.slice(4_989, 5_010));
  expect((await store.messages.search("ten mess", [{ cid, floor: 9_990 }], undefined, 50)).found).toHaveLength(10);
});

test("D1: a search goes from words to messages, and through no table", async () => {
  const where = [{ cid, floor: 0 }];
  const queries = await d1Statements(DB, ({ messages }) => messages.search("a b", where, undefined, 10));
  expect(queries).toHaveLength(1);
  const steps = await d1Plan(DB, queries[0] as string);
  expect(steps).toContainEqual(expect.stringMatching(/^SCAN message_tokens VIRTUAL TABLE INDEX \d+:M/));
  expect(steps).toContainEqual(expect.stringMatching(/^SEARCH messages USING INTEGER PRIMARY KEY/));
});
