/** What has left a conversation's log for the store, as its users see it. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import type { Cid, DeviceId, Uid } from "../../src/protocol/ids.ts";
import type { Device } from "../support/device.ts";
import { abort, advance, evict } from "../support/faults.ts";
import { call, codeOf } from "../support/http.ts";
import { connect, conversationStub, pair, range, rows, token } from "../support/workers.ts";

/** Behind the dedup window, and more than the configured tail. */
const DAYS = 3 * 24 * 3_600_000;
const CHUNK = 512;

interface Chat {
  readonly alice: Uid;
  readonly bob: Uid;
  readonly cid: Cid;
  readonly a: Device;
}

/** A chat whose first 512 messages have left the log; alice has them all on her device. */
async function longChat(length = 800): Promise<Chat> {
  const { alice, bob, cid } = await pair();
  const a = await connect(alice);
  await write(alice, cid, 1, length);
  await stored(cid, length);
  return { alice, bob, cid, a };
}

/** Past the limit of a connection's rate. */
async function write(uid: Uid, cid: Cid, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 100) {
    const drafts = range(n, Math.min(to, n + 99)).map((i) => ({
      id: `written-${i}`,
      device: "desk" as DeviceId,
      kind: "text" as const,
      body: JSON.stringify({ text: `message ${i}` }),
      priority: 1,
      qos: 1 as const,
    }));
    await conversationStub(cid).append(uid, n - 1, n - 1, drafts);
  }
}

/** Waits until the store has everything up to `seq`. */
async function stored(cid: Cid, seq: number): Promise<void> {
  await vi.waitFor(async () => expect(await count(cid)).toBeGreaterThanOrEqual(seq), { timeout: 20_000, interval: 20 });
}

async function count(cid: Cid): Promise<number> {
  const found = await env.DB.prepare("SELECT COUNT(*) AS n FROM messages WHERE cid = ?")
    .bind(cid)
    .first<{ n: number }>();
  return found?.n ?? 0;
}

/** Time passes, and what is old leaves the log with the next message. */
async function age({ a, cid }: Chat): Promise<number> {
  advance(DAYS);
  const { seq } = await a.sent(cid, "days later");
  await gone(cid);
  return seq;
}

/** Waits until something has left the log; the alarm asks everybody what they have. */
async function gone(cid: Cid): Promise<void> {
  await vi.waitFor(
    async () => {
      await runDurableObjectAlarm(conversationStub(cid));
      expect(await first(cid)).toBe(CHUNK + 1);
    },
    { timeout: 20_000, interval: 50 },
  );
}

async function first(cid: Cid): Promise<number> {
  const [row] = await rows(conversationStub(cid), "SELECT MIN(seq) AS seq FROM log");
  return Number(row?.["seq"]);
}

const KEY = env.ADMIN_KEY ?? "";
const verify = async (cid: string, after = 0): Promise<Record<string, unknown>> =>
  (await call(`GET /v1/admin/conversations/${cid}/history?after=${after}`, { token: KEY })).json;

describe("a long chat", () => {
  test("[DUR2] [ORD1] shows one seamless history when its beginning is in the store alone", async () => {
    const chat = await longChat();
    const head = await age(chat);
    const b = await connect(chat.bob);
    const history = await b.history(chat.cid);
    expect(history.map(({ seq }) => seq)).toEqual(range(1, head));
    expect(history.slice(0, 800).map(({ body }) => body)).toEqual(range(1, 800).map((n) => ({ text: `message ${n}` })));
    const seam = await b.pull(chat.cid, { after: CHUNK - 20, limit: 40 });
    expect(seam.messages.map(({ seq }) => seq)).toEqual(range(CHUNK - 19, CHUNK + 20));
    const back = await b.pull(chat.cid, { before: CHUNK + 10, limit: 50 });
    expect(back.messages.map(({ seq }) => seq)).toEqual(range(CHUNK - 40, CHUNK + 9));
    expect(back.more).toBe(true);
    expect((await b.pull(chat.cid, { before: 5 })).more).toBe(false);
  });

  test("costs the store one query a page, and none when the page is cached", async () => {
    const chat = await longChat();
    await age(chat);
    const b = await connect(chat.bob);
    await b.pull(chat.cid, { limit: 1 });
    const prepare = env.DB.prepare.bind(env.DB);
    const queries: string[] = [];
    vi.spyOn(env.DB, "prepare").mockImplementation((sql) => {
      if (sql.startsWith("select") && sql.includes('from "messages"')) queries.push(sql);
      return prepare(sql);
    });
    const page = (query: Record<string, unknown>): Promise<unknown[]> =>
      b.pull(chat.cid, query).then(({ messages }) => messages.map(({ seq }) => seq));
    expect(await page({ after: 40, limit: 50 })).toEqual(range(41, 90));
    expect(queries.length).toBe(1);
    expect(await page({ after: 40, limit: 50 })).toEqual(range(41, 90));
    expect(await page({ before: 101, limit: 50 })).toEqual(range(51, 100));
    expect(queries.length).toBe(1);
    await evict(conversationStub(chat.cid));
    expect(await page({ after: 40, limit: 50 })).toEqual(range(41, 90));
    expect(queries.length).toBe(1);
    expect(await page({ after: 100, limit: 200 })).toEqual(range(101, 300));
    expect(queries.length).toBe(2);
  });

  test("[UNR1] counts what is unread from positions that have left the log", async () => {
    const chat = await longChat();
    const head = await age(chat);
    const b = await connect(chat.bob);
    b.write({ t: "read", cid: chat.cid, seq: 100 });
    await vi.waitFor(async () => expect(await b.head(chat.cid, head)).toMatchObject({ read: 100, unread: head - 100 }));
  });

  test("edits, recalls, reactions and answers reach what has left the log, and the store", async () => {
    const chat = await longChat();
    const { cid, a } = chat;
    await age(chat);
    const b = await connect(chat.bob);
    const amend = async (device: Device, target: number, op: string, body?: object): Promise<void> => {
      const id = device.id();
      device.write({ t: "amend", id, cid, target, op, ...(body && { body }) });
      await device.answered(id);
    };
    await amend(a, 7, "edit", { text: "edited long after" });
    await amend(b, 8, "react", { emoji: "👍" });
    await b.sent(cid, "about that", { reply_to: 9 });
    const page = async (): Promise<unknown> =>
      (await b.pull(cid, { after: 6, limit: 3 })).messages.map(({ body, reactions, edited }) => [
        body,
        reactions,
        edited?.seq,
      ]);
    const expected = [
      [{ text: "edited long after" }, undefined, 802],
      [{ text: "message 8" }, { "👍": [chat.bob] }, undefined],
      [{ text: "message 9" }, undefined, undefined],
    ];
    expect(await page()).toEqual(expected);
    const stale = (): Promise<unknown[]> => rows(conversationStub(cid), "SELECT seq FROM stale");
    await vi.waitFor(async () => expect(await stale()).toEqual([]), { timeout: 20_000 });
    expect(await page()).toEqual(expected);
    await evict(conversationStub(cid));
    expect(await page()).toEqual(expected);
    const bad = await b.refused({ t: "amend", id: b.id(), cid, target: 7, op: "edit", body: { text: "not mine" } });
    expect(bad).toBe("permission_denied");
  });

  test("a search finds what has left the log, as it was edited since, from the first moment on", async () => {
    const chat = await longChat();
    const { cid, a } = chat;
    await age(chat);
    const bearer = { token: await token(chat.bob) };
    const find = async (q: string): Promise<unknown> => {
      const { json } = await call(`GET /v1/search?q=${encodeURIComponent(q)}`, bearer);
      return (json["results"] as { message: { seq: number } }[]).map(({ message }) => message.seq);
    };
    expect(await find("message 7")).toHaveLength(20);
    expect(await find("message 777")).toEqual([777]);
    expect(await find("message 444")).toEqual([444]);
    const id = a.id();
    a.write({ t: "amend", id, cid, target: 444, op: "edit", body: { text: "heliotrope" } });
    await a.answered(id);
    expect(await find("message 444")).toEqual([]);
    await vi.waitFor(async () => expect(await find("helio")).toEqual([444]), { timeout: 20_000 });
    expect(await find("message 444")).toEqual([]);
    expect(await rows(conversationStub(cid), "SELECT 1 FROM log WHERE seq = 444")).toEqual([]);
  });

  test("[DUP1] an id that is held is answered as it was when its message has left the log", async () => {
    const { alice, cid } = await pair();
    const a = await connect(alice);
    const message = { t: "send" as const, id: a.id(), to: cid, body: { text: "held" }, qos: 2 as const };
    a.write(message);
    const { seq, ts } = await a.answered(message.id);
    await write(alice, cid, 2, 800);
    await stored(cid, 800);
    advance(DAYS);
    await a.sent(cid, "days later");
    await gone(cid);
    const again = await connect(alice);
    again.write(message);
    expect(await again.answered(message.id)).toMatchObject({ t: "sent", seq, ts, duplicate: true });
  });

  test("[DUP1] a group is the same to who makes it again when its beginning has left the log", async () => {
    const { alice, bob } = await pair();
    const cid = `g.${"0".repeat(26)}` as Cid;
    const make = (name: string) => conversationStub(cid).createGroup(alice, name, {}, [bob]);
    expect(await make("Crew")).toMatchObject({ ok: true });
    expect(await make("Other")).toMatchObject({ error: { code: "already_exists" } });
    const a = await connect(alice);
    await connect(bob);
    await write(alice, cid, 3, 800);
    await stored(cid, 800);
    advance(DAYS);
    await a.sent(cid, "days later");
    await gone(cid);
    expect(await make("Crew")).toMatchObject({ ok: true, value: { id: cid, name: "Crew" } });
  });

  test("a recall erases the text from the store", async () => {
    const { cid, a } = await longChat(20);
    const id = a.id();
    a.write({ t: "amend", id, cid, target: 7, op: "recall" });
    await a.answered(id);
    const seven = (): Promise<unknown> =>
      env.DB.prepare("SELECT body, amended FROM messages WHERE cid = ? AND seq = 7").bind(cid).first();
    await vi.waitFor(async () => expect(await seven()).toMatchObject({ body: "" }), { timeout: 20_000 });
    expect((await a.pull(cid, { after: 6, limit: 1 })).messages[0]).toMatchObject({ seq: 7, recalled: true });
  });

  test("[DUR2] an object that dies at any time while it archives loses and doubles nothing", async () => {
    const { alice, cid } = await pair();
    const a = await connect(alice);
    for (const round of range(0, 7)) {
      await write(alice, cid, round * 120 + 1, (round + 1) * 120);
      if (round % 2 === 1) await stored(cid, round * 120);
      await abort(conversationStub(cid));
    }
    await a.sent(cid, "the last");
    await stored(cid, 961);
    expect(await count(cid)).toBe(961);
    advance(DAYS);
    await a.sent(cid, "days later");
    await abort(conversationStub(cid));
    await a.sent(cid, "and again");
    await gone(cid);
    expect((await a.history(cid)).map(({ seq }) => seq)).toEqual(range(1, 963));
  });
});

describe("comparing object and store", () => {
  test("finds nothing in an honest store, and what was lost or changed in another", async () => {
    const chat = await longChat();
    const head = await age(chat);
    await stored(chat.cid, head);
    const { cid } = chat;
    const sane = {
      head,
      first: CHUNK + 1,
      archived: head,
      failures: 0,
      reachable: true,
      stored: head,
      from: 1,
      to: head,
      waiting: [],
      missing: [],
      different: [],
    };
    await vi.waitFor(async () => expect(await verify(cid)).toEqual(sane), { timeout: 20_000 });
    await env.DB.batch([
      env.DB.prepare("DELETE FROM messages WHERE cid = ? AND seq IN (3, 700)").bind(cid),
      env.DB.prepare("UPDATE messages SET body = '{}' WHERE cid = ? AND seq = 701").bind(cid),
      env.DB.prepare("UPDATE messages SET count = 0 WHERE cid = ? AND seq = 4").bind(cid),
      env.DB.prepare("UPDATE messages SET seq = 100000 WHERE cid = ? AND seq = 800").bind(cid),
    ]);
    expect(await verify(cid)).toEqual({ ...sane, stored: 100_000, missing: [3, 700, 800], different: [4, 701] });
    expect(await verify(cid, 700)).toMatchObject({ from: 701, missing: [800], different: [701] });
    const b = await connect(chat.bob);
    // A hole is never shown as if nothing were missing (ORD2).
    expect(await b.refused({ t: "pull", req: "hole", cid, after: 1, limit: 5 })).toBe("unavailable");
    expect(codeOf(await call("GET /v1/admin/conversations/d.no.one/history", { token: KEY }))).toBe("404 not_found");
  });
});

describe("a store that is down", () => {
  test("[DUR1] [DUR2] holds up no message; what waits goes by itself when it is back, and old pages say that they cannot be shown", async () => {
    const chat = await longChat();
    const { cid, a } = chat;
    await age(chat);
    vi.spyOn(console, "warn").mockImplementation(() => {});
    vi.spyOn(console, "error").mockImplementation(() => {});
    await env.DB.exec("ALTER TABLE messages RENAME TO messages_gone");
    try {
      await write(chat.alice, cid, 802, 901);
      await vi.waitFor(async () => expect(await verify(cid)).toMatchObject({ failures: 1, reachable: false }), {
        timeout: 20_000,
      });
      advance(120_000);
      expect(await runDurableObjectAlarm(conversationStub(cid))).toBe(true);
      await vi.waitFor(async () => expect(await verify(cid)).toMatchObject({ failures: 2, reachable: false }), {
        timeout: 20_000,
      });
      const { head, archived } = await verify(cid);
      expect(Number(head) - Number(archived)).toBe(100);
      expect(await a.refused({ t: "pull", req: "old", cid, after: 3, limit: 5 })).toBe("unavailable");
      expect(await a.refused({ t: "amend", id: a.id(), cid, target: 3, op: "react", body: { emoji: "x" } })).toBe(
        "unavailable",
      );
      expect((await a.pull(cid, { limit: 5 })).messages.length).toBe(5);
    } finally {
      await env.DB.exec("ALTER TABLE messages_gone RENAME TO messages");
    }
    advance(120_000);
    expect(await runDurableObjectAlarm(conversationStub(cid))).toBe(true);
    await vi.waitFor(
      async () => expect(await verify(cid)).toMatchObject({ head: 901, archived: 901, failures: 0, reachable: true }),
      {
        timeout: 20_000,
      },
    );
    expect((await a.history(cid)).map(({ seq }) => seq)).toEqual(range(1, 901));
  });
});

test("a history shard without a database is a start-up error that says what to bind", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const CONFIG = JSON.stringify({
    routing: { policies: { history: { strategy: "hash", nodes: [{ name: "main" }, { name: "eu-2" }] } } },
  });
  const broken = await call("GET /readyz", { env: { ...env, CONFIG } });
  expect([codeOf(broken), broken.text]).toEqual(["503 unavailable", expect.stringContaining("HISTORY_EU_2") as string]);
  const bound = { ...env, CONFIG, HISTORY_EU_2: env.DB };
  expect((await call("GET /readyz", { env: bound })).status).toBe(200);
  const mysql = { ...env, CONFIG, HISTORY_EU_2: "mysql://root:hushhush@127.0.0.1/x" };
  const refused = await call("GET /readyz", { env: mysql });
  expect(refused.status).toBe(503);
  expect(refused.text).not.toContain("hushhush");
});
