/** What clients get wrong, over real sockets: each mistake gets its error, and nobody else notices. */
import { decodeJwt, decodeProtectedHeader, SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Account } from "../support/api.ts";
import type { Client } from "../support/client.ts";
import type { Frame } from "../support/connection.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { chatOf, freshId, World } from "../support/world.ts";

const TOKEN_KEY = "k".repeat(43);
const OTHER_KEY = "o".repeat(43);

let world: World;
let alice: Account;
let bob: Account;
/** Two who chat all the while. */
let bystanders: [Client, Client];
/** Opened first and looked at last: they say nothing, and their time runs beside the other tests. */
let silent: Record<"stranger" | "friend" | "early", RawSocket>;

beforeAll(async () => {
  world = await World.start({ timeouts: { hello_ms: 5000, heartbeat_ms: 5000 } }, { env: { TOKEN_KEY } });
  alice = await world.person("alice");
  bob = await world.person("bob");
  const [carol, dave] = (await world.people("carol", "dave")) as [Client, Client];
  bystanders = [carol, dave];
  silent = {
    stranger: await RawSocket.open(world.api.url),
    friend: await RawSocket.open(world.api.url, hello(await world.person("friend"), "one")),
    early: await RawSocket.open(world.api.url, { t: "ping" }),
  };
});
afterAll(() => world?.end());

beforeEach(() => {
  const [carol, dave] = bystanders;
  carol.send(`@${dave.user}`, "still there?", freshId());
});
afterEach(async () => {
  const [carol, dave] = bystanders;
  const cid = chatOf(carol, dave);
  await carol.until(() => carol.outbox.size === 0, "an answer");
  await dave.until(() => dave.chats.get(cid)?.applied === carol.chats.get(cid)?.applied, "the message");
  expect([carol.closed, dave.closed]).toEqual([undefined, undefined]);
  expect([...carol.frames, ...dave.frames].filter((frame) => frame.t === "error")).toEqual([]);
});

function hello(account: Account, device: string, token = account.token): Frame {
  return { t: "hello", v: 1, token, device: { id: device } };
}

/** What is the same in every error: a message for people, without innards, and an id to ask about. */
function expectWellFormed(error: Frame): void {
  expect(error).toMatchObject({ message: expect.any(String) as string, request_id: expect.any(String) as string });
  expect(error["request_id"]).not.toBe("");
  expect(error["message"]).not.toMatch(/\bat \S+[:(]|Error:|\.ts\b|\.js\b/);
}

/** Makes a mistake: there is one error, and an answer to a ping after it. Gives what the error says. */
async function mistake(client: Client, data: string | Uint8Array): Promise<Partial<Frame>> {
  const before = client.frames.length;
  client.raw(data);
  const error = await client.until(() => client.frames.slice(before).find((f) => f.t === "error"), "an error");
  expectWellFormed(error);
  client.write({ t: "ping", n: before });
  await client.until(() => client.frames.slice(before).find((f) => f.t === "pong" && f["n"] === before), "a pong");
  expect(client.frames.slice(before).filter((f) => f.t === "error")).toEqual([error]);
  expect(client.closed).toBeUndefined();
  return { code: error["code"] as string, ref: error["ref"] as string | number | undefined };
}

const id = "message-0";
const to = "@somebody";
const body = { text: "hi" };
const cid = "d.a.b";

describe("what is no frame, or not as its type says", () => {
  test.for<[string, unknown, string, (string | number)?]>([
    ["an empty message", "", "invalid_frame"],
    ["broken JSON", '{"t":"send"', "invalid_frame"],
    ["a value that is no object", 42, "invalid_frame"],
    ["an empty batch", [], "invalid_frame"],
    ["a batch of 129", Array.from({ length: 129 }, () => ({ t: "ping" })), "invalid_frame"],
    ["a batch in a batch", [[{ t: "ping" }]], "invalid_frame"],
    ["no type", { id }, "invalid_frame", id],
    ["an unknown type", { t: "sned", id, to, body }, "invalid_frame", id],
    ["a type of the server", { t: "welcome" }, "invalid_frame"],
    ["a missing field", { t: "send", id, to }, "invalid_frame", id],
    ["a number for an id", { t: "send", id: 12_345_678, to, body }, "invalid_frame", 12_345_678],
    ["a text for a seq", { t: "ack", cid, seq: "1" }, "invalid_frame", cid],
    ["a text for a boolean", { t: "typing", cid, on: "yes" }, "invalid_frame", cid],
    ["a second hello", { t: "hello", v: 1, token: "x", device: { id: "one" } }, "invalid_frame"],
  ])("%s", async ([, frame, code, ref]) => {
    const client = await world.connect(alice);
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    expect(await mistake(client, text)).toEqual({ code, ref });
  });

  test("a binary message", async () => {
    const client = await world.connect(alice);
    expect(await mistake(client, Uint8Array.of(1, 2, 3))).toEqual({ code: "invalid_frame" });
  });

  test("one bad frame in a batch does not spoil the others", async () => {
    const client = await world.connect(alice);
    client.write({ t: "ping", n: 1 }, { t: "nonsense" }, { t: "ping", n: 2 });
    await client.until(() => client.frames.length >= 4, "three answers");
    expect(client.frames.slice(1).map(({ t }) => t)).toEqual(["pong", "error", "pong"]);
  });
});

describe("values out of their range", () => {
  test.for<[string, unknown, string, (string | number)?]>([
    ["an id with forbidden characters", { t: "send", id: "no spaces!", to, body }, "invalid_argument", "no spaces!"],
    ["an id that is too short", { t: "send", id: "short", to, body }, "invalid_argument", "short"],
    ["a uid with forbidden characters", { t: "send", id, to: "@some.body", body }, "invalid_argument", id],
    ["no uid", { t: "send", id, to: "@", body }, "invalid_argument", id],
    ["a cid in the wrong order", { t: "send", id, to: "d.b.a", body }, "invalid_argument", id],
    ["a chat with oneself by cid", { t: "send", id, to: "d.a.a", body }, "invalid_argument", id],
    ["a kind for servers only", { t: "send", id, to, body, kind: "system" }, "invalid_argument", id],
    ["a qos of 3", { t: "send", id, to, body, qos: 3 }, "invalid_argument", id],
    ["a negative priority", { t: "send", id, to, body, priority: -1 }, "invalid_argument", id],
    ["an empty text", { t: "send", id, to, body: { text: "" } }, "invalid_argument", id],
    ["a text without text", { t: "send", id, to, body: {} }, "invalid_argument", id],
    ["a text over 8,192 characters", { t: "send", id, to, body: { text: "x".repeat(8193) } }, "too_large", id],
    ["a body over 16 KiB", { t: "send", id, to, kind: "custom", body: "x".repeat(16_385) }, "too_large", id],
    ["seq 0", { t: "ack", cid, seq: 0 }, "invalid_argument", cid],
    ["a negative limit", { t: "pull", req: 7, cid, limit: -1 }, "invalid_argument", 7],
    ["a limit over 200", { t: "pull", req: "r", cid, limit: 201 }, "invalid_argument", "r"],
    ["a negative version", { t: "sync", req: 8, since: -1 }, "invalid_argument", 8],
    ["201 users to watch", { t: "watch", users: Array.from({ length: 201 }, () => "u") }, "invalid_argument"],
  ])("%s", async ([, frame, code, ref]) => {
    const client = await world.connect(alice);
    expect(await mistake(client, JSON.stringify(frame))).toEqual({ code, ref });
  });

  test("JSON nested 20,000 levels deep", async () => {
    const deep = `{"t":"send","id":"${id}","to":"${to}","kind":"custom","body":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
    expect(await mistake(await world.connect(alice), deep)).toEqual({ code: "invalid_argument", ref: id });
  });
});

describe("what one may not do", () => {
  test("to oneself, to nobody, to an old id, beyond the end", async () => {
    const client = await world.connect(alice);
    const old = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    const chat = chatOf(alice, bob);
    const cases: [Frame, string, string | number][] = [
      [{ t: "send", id, to: `@${client.user}`, body }, "invalid_argument", id],
      [{ t: "send", id, to: "@u_nobody", body }, "not_found", id],
      [{ t: "send", id: old, to: `@${bob.user.id}`, body }, "id_expired", old],
      [{ t: "send", id, to: `@${bob.user.id}`, body, reply_to: 5 }, "invalid_argument", id],
      [{ t: "amend", id, cid: chat, target: 5, op: "recall" }, "not_found", id],
      [{ t: "ack", cid: chat, seq: 1000 }, "invalid_argument", chat],
      [{ t: "read", cid: chat, seq: 1000 }, "invalid_argument", chat],
    ];
    for (const [frame, code, ref] of cases) {
      expect(await mistake(client, JSON.stringify(frame))).toEqual({ code, ref });
    }
  });

  test("[SEC1] conversations of others answer the same whether they exist or not", async () => {
    const client = await world.connect(alice);
    const [carol, dave] = bystanders;
    const group = `g.${"0".repeat(26)}`;
    for (const other of [chatOf(carol, dave), "d.u_nobody.u_noone", group, `s.${carol.user}`]) {
      const cases: [Frame, string | number][] = [
        [{ t: "send", id, to: other, body }, id],
        [{ t: "amend", id, cid: other, target: 1, op: "recall" }, id],
        [{ t: "pull", req: "pull", cid: other }, "pull"],
        [{ t: "ack", cid: other, seq: 1 }, other],
        [{ t: "read", cid: other, seq: 1 }, other],
        [{ t: "typing", cid: other, on: true }, other],
      ];
      for (const [frame, ref] of cases) {
        expect(await mistake(client, JSON.stringify(frame))).toEqual({ code: "not_member", ref });
      }
    }
    const told = client.frames.filter((frame) => frame.t === "error").map((frame) => frame["message"] as string);
    expect(new Set(told).size).toBe(1);
  });
});

describe("what ends a connection", () => {
  test("[SEC1] a token that is not valid: 4401", async () => {
    const claims = decodeJwt(alice.token);
    const sign = (key: string, expires: number): Promise<string> => {
      const header = { ...decodeProtectedHeader(alice.token), alg: "HS256" };
      return new SignJWT({ ...claims, exp: expires }).setProtectedHeader(header).sign(Buffer.from(key, "base64url"));
    };
    const now = Math.floor(Date.now() / 1000);
    // One that is signed here the right way is good: the others fail for what is wrong with them.
    await world.connect({ ...alice, token: await sign(TOKEN_KEY, now + 60) });
    const tokens = ["nonsense", await sign(OTHER_KEY, now + 60), await sign(TOKEN_KEY, now - 60)];
    for (const token of tokens) {
      const raw = await RawSocket.open(world.api.url, hello(alice, "two", token));
      expect(await raw.closed).toBe(4401);
      expect(raw.frames).toMatchObject([{ t: "error", code: "unauthenticated" }]);
      expectWellFormed(raw.frames[0] as Frame);
    }
  });

  test("a message over 64 KiB: 4413", async () => {
    const raw = await RawSocket.open(world.api.url, hello(alice, "one"), { t: "ping", pad: "x".repeat(65_536) });
    expect(await raw.closed).toBe(4413);
    expect(raw.frames.at(-1)).toMatchObject({ t: "error", code: "too_large" });
  });

  test("twenty bad frames in a minute: 4400, and not the nineteenth", async () => {
    const client = await world.connect(alice);
    for (let i = 1; i < 20; i += 1) {
      expect(await mistake(client, "nonsense")).toEqual({ code: "invalid_frame" });
    }
    client.raw("nonsense");
    await client.until(() => client.closed, "the end");
    expect(client.closed).toEqual({ code: 4400, reason: "invalid_frame" });
    expect(client.frames.filter(({ t }) => t === "error")).toHaveLength(20);
  });

  test("a flood: 4429; what was refused before says when to come back", async () => {
    const client = await world.connect(alice);
    const welcome = client.frames[0] as { limits?: { burst: number } };
    const burst = welcome.limits?.burst ?? 0;
    for (let n = 1; n <= 3 * burst; n += 1) client.write({ t: "sync", req: n, since: Number.MAX_SAFE_INTEGER });
    await client.until(() => client.closed, "the end");
    expect(client.closed?.code).toBe(4429);
    const refusals = client.frames.filter((frame) => frame.t === "error" && frame["ref"] !== undefined);
    expect(refusals.length).toBeGreaterThanOrEqual(burst);
    for (const frame of refusals) {
      expect(frame).toMatchObject({ code: "rate_limited", retry_after: expect.any(Number) as number });
    }
  });

  test("who comes back when a refusal says gets everything through", async () => {
    const client = await world.connect(alice);
    const burst = (client.frames[0] as { limits?: { burst: number } }).limits?.burst ?? 0;
    for (let i = 0; i < 1.5 * burst; i += 1) client.send(`@${bob.user.id}`, `burst ${i}`, freshId());
    await client.until(() => client.outbox.size === 0, "all answers");
    expect(client.frames.some((frame) => frame["code"] === "rate_limited")).toBe(true);
    expect([client.failed, client.closed]).toEqual([new Map(), undefined]);
  });

  test("the same device again: 4409 for the older connection", async () => {
    const older = await world.connect(alice, "same");
    const newer = await world.connect(alice, "same");
    await older.until(() => older.closed, "the end");
    expect(older.closed?.code).toBe(4409);
    await newer.ask({ t: "sync", since: 0 });
    expect(newer.closed).toBeUndefined();
  });

  test("a frame before hello is refused, and silence ends the connection: 4408", async () => {
    const { stranger, friend, early } = silent;
    expect([await stranger.closed, await friend.closed, await early.closed]).toEqual([4408, 4408, 4408]);
    expect(stranger.frames).toEqual([]);
    expect(friend.frames.map(({ t }) => t)).toEqual(["welcome"]);
    expect(early.frames).toMatchObject([{ t: "error", code: "invalid_frame" }]);
    // These two have been quiet, too, but for their heartbeat.
    expect(bystanders.map(({ closed }) => closed)).toEqual([undefined, undefined]);
  });
});
