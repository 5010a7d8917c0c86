/** What applications see, with the small server behind a WebSocket. */
import { afterEach, expect, test } from "vitest";
import {
  login,
  memory,
  MpimError,
  type Chat,
  type ConnectOptions,
  type Conversation,
  type WebSocketClass,
} from "../../client/src/mpim.ts";
import { Faulty, until, Wire } from "./wired.ts";

const CID = "d.a.b";
const open: Chat[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map(async (chat) => chat.close()));
});

function wire(): Wire {
  const made = new Wire();
  made.server.chat(CID, ["a", "b"]);
  return made;
}

async function start(on: Wire, user: string, options: Partial<ConnectOptions> = {}): Promise<Chat> {
  const chat = await on.chat(user, options);
  open.push(chat);
  return chat;
}

/** A conversation of `count` messages that `a` wrote. */
async function written(on: Wire, count: number): Promise<Chat> {
  const chat = await start(on, "a");
  const room = await chat.direct("b");
  for (let n = 1; n <= count; n += 1) room.send(`message ${n}`);
  await until(chat, () => chat.outbox === 0);
  return chat;
}

const texts = (room: Conversation | undefined): string[] => room?.messages.map(({ text }) => text) ?? [];
const upTo = (count: number): string[] => Array.from({ length: count }, (_, n) => `message ${n + 1}`);

test("what is stored is shown after every restart, whatever was looked at before it was read", async () => {
  const on = wire();
  const store = memory();
  let b = await start(on, "b", { store });
  await until(b, () => b.synced);
  await written(on, 3);
  await until(b, () => b.conversations[0]?.messages.length === 3);
  for (let restart = 0; restart < 2; restart += 1) {
    await b.close();
    b = await start(on, "b", { store });
    const [room] = b.conversations;
    expect(room?.last?.text).toBe("message 3");
    const changed = new Promise((resolve) => room?.once("change", resolve));
    expect(texts(room)).toEqual([]);
    // Looking is enough: what is stored comes by itself.
    await changed;
    expect(texts(room)).toEqual(upTo(3));
    const held = room?.messages;
    expect(texts(await b.direct("a"))).toEqual(upTo(3));
    expect(room?.messages).toBe(held);
  }
});

test("on a device that is new a conversation that is opened at once has its first page, and one that does not exist is empty", async () => {
  const on = wire();
  await written(on, 60);
  on.heads = false;
  const b = await start(on, "b");
  const room = await b.direct("a");
  const done: string[] = [];
  const note = async (name: string, work: Promise<unknown>): Promise<void> => {
    await work;
    done.push(name);
  };
  const nobody = await b.direct("c");
  const all = Promise.all([note("open", room.open()), note("older", nobody.older()), note("nobody", nobody.open())]);
  on.pump();
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toEqual([]);
  on.heads = true;
  on.pump();
  await all;
  expect(texts(room)).toEqual(upTo(60).slice(-50));
  expect(room.more).toBe(true);
  expect(await room.older()).toBe(false);
  expect(texts(room)).toEqual(upTo(60));
  expect(texts(nobody)).toEqual([]);
});

test("without a connection what is stored opens at once, and a device with nothing is told when its chat is closed", async () => {
  const on = wire();
  const store = memory();
  const b = await start(on, "b", { store });
  await written(on, 3);
  await until(b, () => b.conversations[0]?.messages.length === 3);
  await b.close();
  on.up = false;
  const offline = await start(on, "b", { store });
  const room = await offline.direct("a");
  await room.open();
  expect(texts(room)).toEqual(upTo(3));
  // The list is known, and this is not on it.
  const nobody = await offline.direct("c");
  await nobody.open();
  expect(nobody.messages).toEqual([]);
  on.up = true;
  on.heads = false;
  const fresh = await start(on, "b");
  const waiting = (await fresh.direct("a")).open();
  await fresh.close();
  await expect(waiting).rejects.toMatchObject({ code: "closed" });
});

test("[DUP1] the same id is the same message: in the outbox, in the log, and after a restart", async () => {
  const on = wire();
  const store = memory();
  let a = await start(on, "a", { store });
  await until(a, () => a.synced);
  let room = await a.direct("b");
  const draft = { text: "once", id: "my-own-id" };
  const first = room.send(draft);
  expect(room.send(draft)).toBe(first);
  const place = await first.sent();
  expect(await room.send(draft).sent()).toMatchObject(place);
  expect(texts(room)).toEqual(["once"]);
  await a.close();
  on.up = false;
  a = await start(on, "a", { store });
  room = await a.direct("b");
  expect(room.send(draft).seq).toBe(place.seq);
  const offline = { text: "later", id: "my-other-id" };
  await room.send(offline).kept;
  await a.close();
  on.up = true;
  a = await start(on, "a", { store });
  room = await a.direct("b");
  expect(await room.send(offline).sent()).toMatchObject({ seq: 2 });
  expect(texts(room)).toEqual(["once", "later"]);
  expect(on.server.view(CID).map(({ id }) => id)).toEqual(["my-own-id", "my-other-id"]);
  // The server knows it where this client does not.
  const tablet = await start(on, "a");
  expect(await (await tablet.direct("b")).send(draft).sent()).toMatchObject({ seq: 1 });
});

test("what lies after a place comes in order and once, first what there is and then what comes, until the chat is closed", async () => {
  const on = wire();
  const a = await written(on, 3);
  const room = await a.direct("b");
  const seen: string[] = [];
  for await (const message of room.after(1)) {
    seen.push(message.text);
    room.handled(message);
    if (seen.length === 2) room.send("message 4");
    if (seen.length === 3) await a.close();
  }
  expect(seen).toEqual(upTo(4).slice(1));
  room.handled(1);
  expect(room.handledSeq).toBe(4);
});

test("what an application has handled outlives a restart", async () => {
  const on = wire();
  const store = memory();
  let a = await start(on, "a", { store });
  let room = await a.direct("b");
  await room.send("message 1").sent();
  room.handled(1);
  await a.close();
  a = await start(on, "a", { store });
  room = await a.direct("b");
  expect(room.handledSeq).toBe(1);
});

test("after its end a chat takes nothing more, and whoever waits is told; what is in the store is sent by the next one", async () => {
  const on = wire();
  const store = memory();
  const b = await start(on, "b", { store });
  await written(on, 1);
  await until(b, () => b.synced);
  await b.close();
  on.up = false;
  const offline = await start(on, "b", { store });
  const room = await offline.direct("a");
  const sent = room.send("in the store");
  const waiting = sent.sent().catch((error: unknown) => error);
  await offline.close();
  expect(await waiting).toMatchObject({ code: "closed" });
  await expect(sent.sent()).rejects.toMatchObject({ code: "closed" });
  expect(sent.state).toBe("pending");
  expect(() => room.send("too late")).toThrow(MpimError);
  expect(() => room.react(1, "+")).toThrow("ended");
  await expect(room.older()).rejects.toMatchObject({ code: "closed" });
  on.up = true;
  const again = await start(on, "b", { store });
  await until(again, () => again.outbox === 0);
  expect(on.server.view(CID).map(({ body }) => body)).toContainEqual({ text: "in the store" });
});

test("a chat that another connection of its device ends tells whoever waits", async () => {
  const on = wire();
  const b = await start(on, "b", { device: { id: "same" } });
  on.deaf = true;
  const room = await b.direct("a");
  const waiting = room
    .send("in vain")
    .sent()
    .catch((error: unknown) => error);
  on.end(4409);
  expect(await waiting).toMatchObject({ code: "closed", cause: { code: "replaced" } });
  expect(b.connection).toMatchObject({ state: "closed", error: { code: "replaced" } });
});

test("a store that fails is told to whoever asks, and what it has missed is written when it is well again", async () => {
  const on = wire();
  const store = new Faulty();
  const a = await start(on, "a", { store });
  const failures: unknown[] = [];
  a.on("storeError", (error) => void failures.push(error));
  const room = await a.direct("b");
  store.failing = true;
  const sent = room.send("kept in the end");
  const refused = { code: "store_failed", cause: { message: "disk full" } };
  await expect(sent.kept).rejects.toMatchObject(refused);
  await expect(a.kept()).rejects.toMatchObject(refused);
  expect(failures[0]).toMatchObject(refused);
  store.failing = false;
  await a.kept();
  await sent.sent();
  await a.close();
  on.up = false;
  const again = await start(on, "a", { store });
  const found = await again.direct("b");
  expect(texts(found)).toEqual(["kept in the end"]);
});

test("what is wrong from the beginning is said at once, as a MpimError", async () => {
  const on = wire();
  for (const url of ["127.0.0.1:8787", "ftp://example.com", "", "https://", "http://[", "http://x/?y", undefined]) {
    const options = { url: url as string, username: "a", password: "b" };
    await expect(on.chat("a", { url: url as string })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(login(options)).rejects.toMatchObject({ name: "MpimError", code: "invalid_argument" });
  }
  const broken = new Faulty();
  broken.failing = true;
  const cause = { message: "no such disk" };
  await expect(on.chat("a", { store: broken })).rejects.toMatchObject({ code: "store_failed", cause });
  for (const token of [() => undefined, undefined, 7, () => ""]) {
    const wrong = on.chat("a", { token: token as () => string });
    await expect(wrong).rejects.toMatchObject({
      code: "unauthenticated",
      message: expect.stringContaining("no token"),
    });
  }
  const throwing = function () {
    throw new Error("no sockets here");
  } as unknown as WebSocketClass;
  const never = on.chat("a", { WebSocket: throwing, timeout: 50 });
  await expect(never).rejects.toMatchObject({ code: "unavailable", cause: { message: "no sockets here" } });
  const a = await start(on, "a", { token: "a" });
  expect(a.user).toBe("a");
  const room = await a.direct("b");
  expect(() => room.send(undefined as unknown as string)).toThrow(MpimError);
});

test("a store of another user ends the chat before anything is sent or told, or at once when the user is named", async () => {
  const on = wire();
  const store = memory();
  const a = await start(on, "a", { store });
  await (await a.direct("b")).send("of a").sent();
  on.up = false;
  await a.close();
  const offline = await start(on, "a", { store });
  await (await offline.direct("b")).send("of a, and not sent").kept;
  await offline.close();
  on.up = true;
  on.written.length = 0;
  const b = await start(on, "b", { store });
  const told: string[] = [];
  for (const name of ["message", "update", "synced"] as const) b.on(name, () => void told.push(name));
  await until(b, () => b.connection.state === "closed");
  expect(b.connection.error).toMatchObject({ code: "wrong_store" });
  expect([told, on.written.map(({ t }) => t)]).toEqual([[], ["hello"]]);
  await b.close();
  await expect(on.chat("b", { store, user: "b" })).rejects.toMatchObject({ code: "wrong_store" });
  // A store that is new does not become that of somebody else by it.
  const fresh = memory();
  await expect(on.chat("b", { store: fresh, user: "a" })).rejects.toMatchObject({ code: "wrong_store" });
  await (await on.chat("a", { store: fresh, user: "a" })).close();
  // Nothing of the one has got to the other.
  const again = await start(on, "a", { store, user: "a" });
  await until(again, () => again.outbox === 0);
  expect(texts(await again.direct("b"))).toEqual(["of a", "of a, and not sent"]);
});

test("what is tried again after a failure is as good as new, under the id that the application gave it", async () => {
  const on = wire();
  const a = await start(on, "a");
  const room = await a.direct("b");
  on.up = false;
  on.end(1006);
  await until(a, () => a.connection.state === "offline");
  const draft = { id: "my-own-id", text: "for a moment", ttl: 1 };
  const sent = room.send(draft);
  await until(a, () => sent.state === "failed");
  on.up = true;
  expect(a.retry(room.messages.at(-1) ?? { key: "" })).toBe(true);
  expect([sent.state, sent.error]).not.toContain("failed");
  expect(room.send(draft)).toBe(sent);
});

test("what the server would never take is refused where it is asked for, and changes nothing", async () => {
  const on = wire();
  await written(on, 2);
  const b = await start(on, "b");
  const room = await b.direct("a");
  await room.open();
  const invalid: readonly (() => unknown)[] = [
    () => room.read(1.5),
    () => room.read(Number.NaN),
    () => room.handled(Number.NaN),
    () => room.edit(1.5, "x"),
    () => room.recall(-1),
    () => room.react(1, "x".repeat(70_000)),
    () => room.unreact(1, ""),
    () => room.send({ text: "all", mentions: Array.from({ length: 2_500 }, (_, n) => `u${n}`) }),
  ];
  for (const wrong of invalid)
    expect(wrong, String(wrong)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  expect([b.outbox, room.unread, room.readSeq, room.handledSeq]).toEqual([0, 2, 0, 0]);
});

test("what is for now or never is done with when it is written", async () => {
  const on = wire();
  const a = await start(on, "a");
  await until(a, () => a.connection.state === "online");
  const sent = (await a.direct("b")).send({ text: "boo", qos: 0 });
  expect(await sent.sent()).toEqual({ seq: 0, ts: 0 });
  expect(sent.state).toBe("sent");
});

test("who is typing, who has read what and who is there is told with what is declared, and nothing of how it came", async () => {
  const on = wire();
  const b = await start(on, "b");
  const room = await b.direct("a");
  await until(b, () => b.synced);
  const told: unknown[] = [];
  room.on("typing", (event) => told.push(event));
  room.on("receipt", (event) => told.push(event));
  b.on("presence", (event) => told.push(event));
  b.watch("a");
  on.say({ t: "typing", cid: CID, user: "a", on: true });
  on.say({ t: "receipt", cid: CID, user: "a", delivered: 1, read: 1 });
  on.say({ t: "presence", user: "a", state: "online" });
  await until(b, () => b.presence("a"));
  expect(told).toEqual([
    { user: "a", on: true },
    { user: "a", delivered: 1, read: 1 },
    { user: "a", online: true, lastSeen: undefined },
  ]);
});

test("without a connection nobody knows who is there, and who watches is told so", async () => {
  const on = wire();
  const b = await start(on, "b");
  await until(b, () => b.synced);
  b.watch("a", "c");
  const told: unknown[] = [];
  b.on("presence", ({ user, online }) => told.push(`${user} ${online}`));
  const seen = (): void => on.say({ t: "presence", user: "a", state: "online" });
  seen();
  await until(b, () => b.presence("a")?.online);
  on.end(1006);
  await until(b, () => b.connection.state === "offline");
  expect(b.presence("a")).toBeUndefined();
  await until(b, () => b.synced);
  seen();
  await until(b, () => b.presence("a")?.online);
  await b.close();
  expect(b.presence("a")).toBeUndefined();
  expect(told).toEqual(["a true", "a undefined", "a true", "a undefined"]);
});

test("a chat with who cannot be is refused at once", async () => {
  const a = await start(wire(), "a");
  for (const uid of [undefined, "", "a b", "x".repeat(65), "a", 7])
    await expect(a.direct(uid as string)).rejects.toMatchObject({ code: "invalid_argument" });
});
