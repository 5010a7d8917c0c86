import { Client } from "@planetscale/database";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Uid } from "../../src/protocol/ids.ts";
import { mysqlStore } from "../../src/store/mysql/store.ts";
import { StoreError, type Store } from "../../src/store/store.ts";
import { contactsContract } from "./contacts-contract.ts";
import { everyCall, storeContract } from "./contract.ts";
import { expectFound } from "./finding.ts";
import { conversation, textAt } from "./messages-contract.ts";
import { mysqlStatements } from "./statements.ts";

const { TEST_MYSQL } = env;
const there = TEST_MYSQL !== "";
/** Nothing is asked of it when there is no server. */
const url = new URL(there ? TEST_MYSQL : "http://nobody:nothing@127.0.0.1:9");

describe.runIf(there)("MySQL, by the real driver", () => {
  storeContract("MySQL", () => mysqlStore({ url }), "with gaps");
  contactsContract("MySQL", () => mysqlStore({ url }));

  const client = new Client({ url: url.href });

  test.each<[string, (store: Store) => Promise<unknown>, string[]]>([
    ["by id", (store) => store.users.find("u_many7" as Uid), ["const PRIMARY"]],
    ["by username", (store) => store.users.findByUsername("many7"), ["const users_username"]],
    ["many", (store) => store.users.findMany(["u_many7", "u_many8"] as Uid[]), ["range PRIMARY"]],
    [
      "search",
      (store) => store.users.search("many77", undefined, 50),
      ["range users_username", "range users_name_key"],
    ],
    [
      "search, a later page",
      (store) => store.users.search("many77", { by: "name", name: "many77", id: "u" }, 10),
      ["range users_name_key"],
    ],
    ["cards", (store) => store.users.findMany(["u_many7", "u_many8"] as Uid[]), ["range PRIMARY"]],
    ["contacts", (store) => store.contacts.list("u_many7" as Uid, undefined, 10), ["ref PRIMARY"]],
    [
      "contacts, a later page",
      (store) => store.contacts.list("u_many7" as Uid, "u_many20" as Uid, 10, "contact"),
      ["range PRIMARY"],
    ],
    ["a login", (store) => store.logins.find("login7"), ["const PRIMARY"]],
    ["the end of a login", (store) => store.logins.end("login7"), ["range PRIMARY"]],
    ["the end of all of a user's logins", (store) => store.logins.endAll("u7" as Uid), ["range logins_uid"]],
    [
      "the beginning of a login",
      (store) =>
        store.logins.begin({ id: "l", uid: "u" as Uid, family: "f", current: "c", expires: 2, exchanged: 0 }, 1),
      ["range logins_expires", "ALL null"],
    ],
  ])("%s reads by key and sorts nothing", async (_what, work, keys) => {
    const rows = Array.from({ length: 1000 }, (_, n) => [`u_many${n}`, `many${n}`, `many${n}`, `many${n}`, 1, 1]);
    const login = Array.from({ length: 1000 }, (_, n) => [`login${n}`, `u${n}`, "f", "c", 2_000_000_000_000 + n]);
    const places = (row: unknown[]): string => `(${row.map(() => "?").join(",")})`;
    await client.execute(
      `INSERT INTO users (id, username, name, name_key, created_ms, updated_ms) VALUES ${rows.map(places).join()}
       ON DUPLICATE KEY UPDATE created_ms = 1`,
      rows.flat(),
    );
    await client.execute(
      `INSERT INTO logins (id, uid, family, current, expires_ms) VALUES ${login.map(places).join()}
       ON DUPLICATE KEY UPDATE expires_ms = VALUES(expires_ms)`,
      login.flat(),
    );
    const contact = Array.from({ length: 1000 }, (_, n) => [`u_many${n % 10}`, `u_many${n}`, "contact", "", 1, 1]);
    await client.execute(
      `INSERT INTO contacts (uid, peer, state, message, since_ms, version) VALUES ${contact.map(places).join()}
       ON DUPLICATE KEY UPDATE version = VALUES(version)`,
      contact.flat(),
    );
    await client.execute("ANALYZE TABLE users, logins, contacts");
    const plans: string[] = [];
    for (const statement of await mysqlStatements(url, work)) {
      const { rows: plan } = await client.execute(`EXPLAIN ${statement}`);
      for (const { type, key, Extra } of plan as Record<string, string | null>[]) {
        plans.push(`${type} ${key}`);
        expect(Extra ?? "").not.toMatch(/filesort|temporary/i);
      }
    }
    expect(plans).toEqual(keys);
  });

  test("while the server writes its index to disk, a search finds nothing wrong, and in the end everything", async () => {
    const { messages } = mysqlStore({ url });
    const [cid, other] = [conversation(), conversation()];
    const writer = { done: false };
    const written = (async () => {
      // Words that are all different: a few thousand of them are as much as the server keeps in memory.
      for (let n = 0; n < 10; n += 1) {
        const words = (i: number) => Array.from({ length: 40 }, (_, k) => `w${n}x${i}x${k}`).join(" ");
        const entries = Array.from({ length: 200 }, (_, i) => textAt(n * 200 + i + 1, words(i)));
        await messages.put(other, n + 1, entries);
      }
      writer.done = true;
    })();
    for (let seq = 1; !writer.done; seq += 1) {
      const entry = textAt(seq, "wanted");
      await messages.put(cid, seq, [entry]);
      const search = async () => (await messages.search("wanted", [{ cid, floor: seq - 1 }], undefined, 10)).found;
      await expectFound("with gaps", search, [{ ...entry, cid }]);
    }
    await written;
  });

  test("a text that is too long is refused, not cut off", async () => {
    const { users } = mysqlStore({ url });
    const id = "u_long" as Uid;
    await expect(users.ensure(id, "x".repeat(5000), 1)).rejects.toBeInstanceOf(StoreError);
    expect(await users.exists(id)).toBe(false);
  });

  test("an expired claim gives way whoever sweeps: one statement decides", async () => {
    const sweepless: typeof fetch = async (input, init) => {
      const { query } = JSON.parse(init?.body as string) as { query: string };
      return /^select `key` .*<=/.test(query) ? Response.json({ result: {} }) : fetch(input, init);
    };
    const { claims } = mysqlStore({ url, fetch: sweepless });
    const first = { key: "unswept", request: "r1", outcome: "o1", expires: 200 };
    const [early, late] = [
      { ...first, request: "r2", outcome: "o2", expires: 299 },
      { ...first, request: "r3", outcome: "o3", expires: 300 },
    ];
    expect(await claims.claim(first, 100)).toEqual(first);
    expect(await claims.claim(early, 199)).toEqual(first);
    expect(await claims.claim(late, 200)).toEqual(late);
  });

  test("expired rows that are many go bit by bit", async () => {
    const { logins } = mysqlStore({ url });
    const row = (n: number) => [`stale${n}`, "u", "f", "c", n];
    const rows = Array.from({ length: 300 }, (_, n) => row(n + 1));
    const places = rows.map(() => "(?,?,?,?,?)").join();
    await client.execute("DELETE FROM logins WHERE expires_ms <= 300");
    await client.execute(`INSERT INTO logins (id, uid, family, current, expires_ms) VALUES ${places}`, rows.flat());
    const left = async (): Promise<unknown> => {
      const { rows: counted } = await client.execute("SELECT COUNT(*) AS n FROM logins WHERE expires_ms <= 300");
      return counted[0];
    };
    for (const expected of ["100", "0"]) {
      await logins.begin(
        { id: `begun${expected}`, uid: "u" as Uid, family: "f", current: "c", expires: 400, exchanged: 0 },
        300,
      );
      expect(await left()).toEqual({ n: expected });
    }
    await logins.end("begun100");
    await logins.end("begun0");
  });
});

describe("MySQL, by what its HTTP interface answers", () => {
  const failing = (answer: () => Response | Promise<Response>): { store: Store; asked: () => number } => {
    let asked = 0;
    const store = mysqlStore({
      url,
      fetch: async () => {
        asked += 1;
        return answer();
      },
    });
    return { store, asked: () => asked };
  };
  const error = (message: string): Response => Response.json({ session: null, error: { code: "UNKNOWN", message } });
  const deadlock = "Deadlock found when trying to get lock (errno 1213) (sqlstate 40001): Sql: select 1";

  test.each<[string, () => Response | Promise<Response>]>([
    ["an error of the database", () => error("no such table (errno 1146) (sqlstate 42S02)")],
    ["wrong credentials", () => Response.json({ error: { code: "UNAUTHENTICATED", message: "no" } }, { status: 401 })],
    ["a page of somebody else", () => new Response("<html>", { status: 502 })],
    ["no JSON", () => new Response("{")],
    ["no connection", () => Promise.reject(new TypeError("network"))],
    ["a deadlock that does not end", () => error(deadlock)],
  ])("%s is a StoreError, for every method", async (_what, answer) => {
    const { store } = failing(answer);
    for (const call of everyCall(store)) await expect(call).rejects.toBeInstanceOf(StoreError);
  });

  test("a statement that a deadlock undid is repeated, at most four times", async () => {
    let left = 2;
    const some = failing(() => ((left -= 1) >= 0 ? error(deadlock) : Response.json({ result: { rowsAffected: "1" } })));
    expect(await some.store.logins.rotate("l", "a", "b", 1, 1)).toBe(true);
    expect(some.asked()).toBe(3);
    const all = failing(() => error(deadlock));
    await expect(all.store.logins.end("l")).rejects.toBeInstanceOf(StoreError);
    expect(all.asked()).toBe(5);
  });

  test("other failures are not repeated: whether the statement took effect is unknown", async () => {
    const { store, asked } = failing(() => new Response("gone", { status: 503 }));
    await expect(store.logins.end("l")).rejects.toBeInstanceOf(StoreError);
    expect(asked()).toBe(1);
  });

  test("a database that does not answer fails by the deadline", async () => {
    const never: typeof fetch = (_input, init) =>
      new Promise((_, reject) => {
        init?.signal?.addEventListener("abort", () => reject(init.signal?.reason as Error));
      });
    const store = mysqlStore({ url, deadlineMs: 10, fetch: never });
    await expect(store.users.find("u" as Uid)).rejects.toBeInstanceOf(StoreError);
  });
});
