/** What history and the directory cost in MySQL. */
import { Client } from "@planetscale/database";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import { mysqlStore } from "../../src/store/mysql/store.ts";
import { PUT_ROWS } from "../../src/store/messages.ts";
import type { Store } from "../../src/store/store.ts";
import { expectFound } from "./finding.ts";
import { textAt } from "./messages-contract.ts";
import { mysqlStatements } from "./statements.ts";

const { TEST_MYSQL } = env;

describe.runIf(TEST_MYSQL !== "")("MySQL: history", () => {
  const url = new URL(TEST_MYSQL === "" ? "http://nobody:nothing@127.0.0.1:9" : TEST_MYSQL);
  const client = new Client({ url: url.href });
  const store = mysqlStore({ url });
  const group = (n: number): Cid => `g.01costs${String(n).padStart(19, "0")}` as Cid;
  const cid = group(0);
  const owner = "u_ann" as Uid;
  const entries = Array.from({ length: 10_000 }, (_, n) => textAt(n + 1, `message ${n} of ten thousand`));

  /** How the server would carry out each statement of `work`. */
  const plans = async (work: (store: Store) => Promise<unknown>): Promise<Record<string, string | null>[]> => {
    const rows: Record<string, string | null>[] = [];
    for (const query of await mysqlStatements(url, work)) {
      const answer = await client.execute(`EXPLAIN ${query}`);
      rows.push(...(answer.rows as Record<string, string | null>[]));
    }
    return rows;
  };

  beforeAll(async () => {
    const queries = await mysqlStatements(url, async ({ messages }) => {
      for (let i = 0; i < entries.length; i += PUT_ROWS) {
        await messages.put(cid, 10_000, entries.slice(i, i + PUT_ROWS));
      }
    });
    // The archive's number: 10,000 messages.
    expect(queries).toHaveLength(10);
    for (let n = 1; n <= 300; n += 1) {
      const listed = { id: group(n), name: `costs ${n}`, owner, members: 1, open: true, dismissed: false, version: 1 };
      await store.directory.put(listed);
    }
    await client.execute("ANALYZE TABLE messages, groups_directory");
  }, 30_000);

  test("10,000 messages in 10 statements are there, and found", async () => {
    expect(await store.messages.head(cid)).toBe(10_000);
    expect(await store.messages.read(cid, 4_990, 5_010)).toEqual(entries.slice(4_989, 5_010));
    const where = [{ cid, floor: 9_990 }];
    const search = async () => (await store.messages.search("ten mess", where, undefined, 50)).found;
    const newest = entries.slice(-10).toReversed();
    await expectFound(
      "with gaps",
      search,
      newest.map((entry) => ({ ...entry, cid })),
    );
  });

  test.each<[string, (store: Store) => Promise<unknown>, string[]]>([
    ["a page of 50", ({ messages }) => messages.read(cid, 401, 450), ["range PRIMARY"]],
    ["the head", ({ messages }) => messages.head(cid), ["ref PRIMARY"]],
    [
      "a change",
      ({ messages }) => messages.change(cid, 1, [{ seq: 7, amended: undefined, erased: false }]),
      ["const PRIMARY", "range PRIMARY"],
    ],
    ["the directory", ({ directory }) => directory.search("costs 7", undefined, 50), ["range groups_name_key"]],
    [
      "a later page of the directory",
      ({ directory }) => directory.search("costs 7", { name: "costs 7", id: cid }, 10),
      ["range groups_name_key"],
    ],
    ["a group", ({ directory }) => directory.find(group(7)), ["const PRIMARY"]],
  ])("%s is read by key and sorted by nothing", async (_what, work, keys) => {
    const rows = await plans(work);
    expect(rows.map(({ type, key }) => `${type} ${key}`)).toEqual(keys);
    for (const { Extra } of rows) expect(Extra ?? "").not.toMatch(/filesort|temporary/i);
  });

  test("a search goes from words to messages, and through no table", async () => {
    const where = [
      { cid, floor: 5 },
      { cid: group(1), floor: 0 },
    ];
    const rows = await plans(({ messages }) => messages.search("a b", where, undefined, 10));
    expect(rows.map(({ type, key }) => `${type} ${key}`)).toEqual(["fulltext messages_tokens"]);
  });
});
