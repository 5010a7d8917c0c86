/** History in a real MySQL behind everything that can go wrong with it, under load, with the server as a process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createConnection, type Connection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Api, type Account } from "../support/api.ts";
import { Client } from "../support/client.ts";
import { makeDatabase, type Database } from "../support/mysql.ts";
import { startProxy, type FaultProxy } from "../support/proxy.ts";
import { startServer, type Server } from "../support/server.ts";

const VERIFY = resolve(import.meta.dirname, "../../scripts/verify.ts");
const CONFIG = {
  auth: { scrypt_log_n: 10 },
  limits: { rate: 100_000, burst: 100_000 },
  history: { wait_ms: 100, retry_ms: 200, longest_retry_ms: 1_000 },
};
/** Two messages every so often. */
const PACE_MS = 50;
const SETTLE_MS = 60_000;
/** Attempts that fail before an outage ends: the last four of them wait as long as any does (`longest_retry_ms`). */
const MANY_FAILURES = 8;
const SOME_FAILURES = 3;
const mysql = inject("mysqlServer");

/** Every field may hold any of this. */
const NASTY = [
  "'; DROP TABLE messages; -- ",
  '\\" \\\\ \\n %_ \\0',
  "a\u0000b",
  "👩‍👧‍👦 𝄞 你好 \u2028 \ufeff end ",
  `${"长".repeat(4_000)}${"x".repeat(4_192)}`,
];

describe.runIf(mysql !== "")("history in MySQL", () => {
  let database: Database;
  let proxy: FaultProxy;
  let server: Server;
  let direct: Connection;
  let alice: Account;
  let bob: Account;
  let a: Client;
  let b: Client;
  let cid: string;
  let written = 0;

  beforeAll(async () => {
    database = await makeDatabase(mysql);
    const target = new URL(database.url);
    proxy = await startProxy({ host: target.hostname, port: Number(target.port || 3306) });
    const through = new URL(database.url);
    through.hostname = proxy.host;
    through.port = String(proxy.port);
    server = await startServer({ config: CONFIG, mysql: through.href });
    direct = await createConnection({ uri: database.url });
    const api = new Api(server.url);
    [alice, bob] = [await api.register("alice"), await api.register("bob")];
    const options = { url: server.wsUrl, reconnect: true };
    a = new Client({ ...options, token: alice.token, device: "a" });
    b = new Client({ ...options, token: bob.token, device: "b" });
    await Promise.all([a.connect(), b.connect()]);
    cid = `d.${[alice.user.id, bob.user.id].toSorted().join(".")}`;
  });

  afterAll(async () => {
    await Promise.all([a?.close(), b?.close()]);
    await direct?.end();
    await server?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await database?.drop();
  });

  /** Both write until it is enough, whatever the store does; every message is acknowledged meanwhile. */
  async function chat(enough: () => boolean | Promise<boolean>): Promise<void> {
    const failing = AbortSignal.timeout(SETTLE_MS);
    do {
      failing.throwIfAborted();
      for (const one of [a, b]) {
        written += 1;
        one.send(cid, `message ${written}`, `written-${written}`);
      }
      await sleep(PACE_MS);
    } while (!(await enough()));
    await acknowledged();
  }

  /** Enough for `chat`: so many more attempts of the conversation to write to the store have failed. */
  function failures(more: number): () => boolean {
    const { output } = server;
    const failed = (): number => output().split("the store took no history").length - 1;
    const before = failed();
    return () => failed() >= before + more;
  }

  async function acknowledged(): Promise<void> {
    for (const one of [a, b]) {
      await one.until(() => one.outbox.size === 0, "acknowledgements");
      await one.until(() => (one.chats.get(cid)?.applied ?? 0) >= written, `message ${written}`);
    }
  }

  async function stored(): Promise<number> {
    const [rows] = await direct.query<RowDataPacket[]>("SELECT COUNT(*) AS n FROM messages WHERE cid = ?", [cid]);
    return Number(rows[0]?.["n"]);
  }

  /** What is where once everything has got to the store by itself, or has had the time. */
  async function outcome(): Promise<unknown> {
    const end = Date.now() + SETTLE_MS;
    while ((await stored()) < written && Date.now() < end) await sleep(100);
    let verified = await verify();
    // The store may have it, and the answer that says so have been lost: then it is told again.
    while (!verified.output.includes(`the store was told of ${written}\n`) && Date.now() < end)
      verified = await verify();
    const { code, output } = verified;
    const clients = [a, b].map((one) => ({
      seqs: one.view(cid).map(({ seq }) => seq),
      ids: new Set(one.view(cid).map(({ id }) => id)).size,
      wrong: [one.disorder, [...one.failed]],
      repeats: one.repeated,
    }));
    return { stored: await stored(), code, last: output.trim().split("\n").at(-1), clients };
  }

  /** Each once, in order, the same in object and store, and at both clients. */
  function good({ repeats }: { repeats: unknown } = { repeats: [] }): unknown {
    const seqs = Array.from({ length: written }, (_, i) => i + 1);
    const client = { seqs, ids: written, wrong: [[], []], repeats };
    const last = `verified: ${written} entries are the same in both`;
    return { stored: written, code: 0, last, clients: [client, client] };
  }

  async function verify(): Promise<{ code: number | null; output: string }> {
    const child = spawn(process.execPath, [VERIFY, cid, "--server", server.url, "--data", server.data]);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    await once(child, "close");
    return { code: child.exitCode, output };
  }

  test("[DUR2] what is written gets there, whatever text it is", async () => {
    for (const text of NASTY) {
      written += 1;
      a.send(cid, text, `written-${written}`);
    }
    await acknowledged();
    expect(await outcome()).toEqual(good());
    const [rows] = await direct.query<RowDataPacket[]>("SELECT body FROM messages WHERE cid = ? ORDER BY seq", [cid]);
    expect(rows.map((row) => (JSON.parse(String(row["body"])) as { text: string }).text)).toEqual(NASTY);
  });

  test("[DUR1] [DUR2] MySQL is away under load, for several of the longest waits between two attempts", async () => {
    await proxy.set({ kind: "refuse" });
    const before = await stored();
    await chat(failures(MANY_FAILURES));
    expect(await stored()).toBe(before);
    await proxy.set({ kind: "pass" });
    await chat(async () => (await stored()) > before);
    expect(await outcome()).toEqual(good());
  });

  test("[DUR2] MySQL takes longer than anybody waits: what it did in the end is not done twice", async () => {
    const before = await stored();
    // The answers are late, the statements are not.
    await proxy.set({ kind: "stall", ms: 5_500 });
    await chat(failures(1));
    expect(await stored()).toBeGreaterThan(before);
    await proxy.set({ kind: "pass" });
    expect(await outcome()).toEqual(good());
  });

  test("[DUR2] its connections are killed in the middle of statements", async () => {
    const work = { done: false };
    const killing = (async () => {
      while (!work.done) {
        const [rows] = await direct.query<RowDataPacket[]>(
          "SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()",
          [database.name],
        );
        for (const { id } of rows) await direct.query(`KILL ${Number(id)}`).catch(() => {});
        await sleep(20);
      }
    })();
    await chat(failures(SOME_FAILURES));
    work.done = true;
    await killing;
    expect(await outcome()).toEqual(good());
  });

  test("[DUR2] answers are cut off, or are garbage", async () => {
    for (const mode of [{ kind: "cut", bytes: 150 }, { kind: "garbage" }] as const) {
      await proxy.set(mode);
      // Of garbage nobody knows where it ends: an attempt takes as long as anybody waits.
      await chat(failures(1));
    }
    await proxy.set({ kind: "pass" });
    expect(await outcome()).toEqual(good());
  });

  test("[DUR2] its disk is full", async () => {
    await direct.query(
      `CREATE TRIGGER full BEFORE INSERT ON messages FOR EACH ROW
       SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1021, MESSAGE_TEXT = 'Disk full'`,
    );
    const before = await stored();
    await chat(failures(SOME_FAILURES));
    expect(await stored()).toBe(before);
    await direct.query("DROP TRIGGER full");
    expect(await outcome()).toEqual(good());
  });

  test("[DUR2] the server is killed while it writes there", async () => {
    // So that a write is under way nearly always.
    await proxy.set({ kind: "stall", ms: 300 });
    const before = await stored();
    let back = false;
    const chatting = chat(() => back);
    await expect.poll(stored, { timeout: SETTLE_MS }).toBeGreaterThan(before + 20);
    await server.kill9();
    await proxy.set({ kind: "pass" });
    const { data, port } = server;
    const through = new URL(database.url);
    through.hostname = proxy.host;
    through.port = String(proxy.port);
    server = await startServer({ config: CONFIG, mysql: through.href, data, port });
    back = true;
    await chatting;
    // What it had handed over and not noted it hands over once more: the same, in order, behind what the device said it knows.
    expect(await outcome()).toEqual(good({ repeats: expect.any(Array) }));
    for (const one of [a, b]) {
      for (const { frame, since } of one.repeated) {
        expect(frame["version"]).toBeGreaterThan(since);
        const { id, from, ts, kind, body } = frame;
        expect(one.chats.get(cid)?.log.get(frame["seq"] as number)).toMatchObject({ id, from, ts, kind, body });
      }
    }
  });

  test("verify finds what was lost", async () => {
    await direct.query("DELETE FROM messages WHERE cid = ? AND seq = 3", [cid]);
    const { code, output } = await verify();
    expect([code, output]).toEqual([1, expect.stringContaining("missing in the store: 3")]);
  });
});
