/** What an application does with the client, against the server as a process. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { MpimError, type Conversation } from "../../client/src/mpim.ts";
import { startServer, type Server } from "../support/server.ts";
import { config, Person, type Device } from "./people.ts";

let server: Server;
let alice: Person;
let bob: Person;
let a: Device;
let b: Device;
let atA: Conversation;
let atB: Conversation;

beforeAll(async () => {
  server = await startServer({ config });
  [alice, bob] = [await Person.register(server.url, "alice"), await Person.register(server.url, "bob")];
  [a, b] = [await alice.device(), await bob.device()];
  [atA, atB] = [await a.chat.direct(bob.uid), await b.chat.direct(alice.uid)];
});

afterAll(async () => {
  await Promise.all([alice[Symbol.asyncDispose](), bob[Symbol.asyncDispose]()]);
  await server[Symbol.asyncDispose]();
});

async function code(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "none",
    (error: unknown) => (error instanceof MpimError ? error.code : error),
  );
}

test("[RCP1] [UNR1] a message goes from pending to read, and the reader's count rises and falls", async () => {
  const states: unknown[] = [];
  const off = atA.on("update", ({ text, state }) => {
    if (text === "Lunch at noon?" && state !== states.at(-1)) states.push(state);
  });
  const sent = atA.send("Lunch at noon?");
  expect(sent.state).toMatch(/^(?:pending|sending)$/);
  const place = await sent.sent();
  expect(place).toEqual({ seq: 1, ts: expect.any(Number) });
  expect(sent.seq).toBe(1);
  await b.until(() => atB.unread === 1, "unread message");
  expect(b.chat.unread).toBe(1);
  await a.until(() => sent.state === "delivered", "delivered");
  expect(atB.messages).toMatchObject([
    { text: "Lunch at noon?", mine: false, state: undefined, seq: 1, from: alice.uid },
  ]);
  atB.read();
  expect(atB.unread).toBe(0);
  await a.until(() => sent.state === "read", "read");
  off();
  expect(states).toEqual(["sending", "sent", "delivered", "read"]);
  expect(atA.messages).toMatchObject([{ key: sent.key, mine: true, state: "read", seq: 1 }]);
  expect(await atA.receipts(1)).toEqual({ delivered: 1, read: 1, members: 1 });
});

test("an answer, an edit, reactions and a recall show on both sides", async () => {
  const question = await atB.send({ text: "Whre?", replyTo: 1, mentions: [alice.uid] }).sent();
  await a.until(() => atA.messages.at(-1)?.text === "Whre?", "question");
  expect(atA.messages.at(-1)).toMatchObject({ replyTo: 1, mentions: [alice.uid] });
  const edit = atB.edit(question.seq, "Where?");
  // It shows at once, here.
  expect(atB.messages.at(-1)).toMatchObject({ text: "Where?", edited: { ts: expect.any(Number) } });
  await edit.sent();
  await atA.react(question.seq, "👍").sent();
  await atB.react(question.seq, "👍").sent();
  await a.until(() => atA.messages.at(-1)?.reactions["👍"]?.length === 2, "reactions");
  await b.until(() => atB.messages.at(-1)?.reactions["👍"]?.length === 2, "reactions");
  expect(atA.messages.at(-1)).toMatchObject({ text: "Where?", key: atA.messages.at(-1)?.key });
  await atA.unreact(question.seq, "👍").sent();
  await b.until(() => atB.messages.at(-1)?.reactions["👍"]?.length === 1, "one reaction");
  await atB.recall(question.seq).sent();
  await a.until(() => atA.messages.at(-1)?.recalled, "recall");
  expect(atA.messages.at(-1)).toMatchObject({ text: "", body: undefined, reactions: {}, edited: undefined });
  expect(atA.last).toBe(atA.messages.at(-1));
});

test("what is refused fails with its code, and what is withdrawn looks as before", async () => {
  const { seq } = await atA.send("Mine").sent();
  await b.until(() => atB.messages.at(-1)?.text === "Mine", "message");
  const edit = atB.edit(seq, "Yours");
  expect(atB.messages.at(-1)?.text).toBe("Yours");
  expect(await code(edit.sent())).toBe("permission_denied");
  expect(edit.state).toBe("failed");
  expect(edit.error?.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(atB.messages.at(-1)?.text).toBe("Mine");
  expect(() => atA.send("")).toThrow("empty");
  expect(() => atA.send("x".repeat(8193))).toThrow("8192");
  expect(() => atA.send({ kind: "custom", body: { x: "y".repeat(16_384) } })).toThrow("16384");

  const nobody = await a.chat.direct("u_nobody");
  const lost = nobody.send("Hello?");
  expect(await code(lost.sent())).toBe("not_found");
  expect(nobody.messages).toMatchObject([{ text: "Hello?", state: "failed", error: { code: "not_found" } }]);
  expect(lost.retry()).toBe(true);
  expect(await code(lost.sent())).toBe("not_found");
  const [failed] = nobody.messages;
  expect(failed?.key).toBe(lost.key);
  expect(failed !== undefined && nobody.discard(failed)).toBe(true);
  expect(nobody.messages).toEqual([]);
  expect(failed !== undefined && nobody.retry(failed)).toBe(false);
});

test("every kind of message arrives as it was sent", async () => {
  await atA
    .send({ kind: "image", body: { attachment: "https://example.com/cat.png", name: "cat.png", size: 7 } })
    .sent();
  await atA.send({ kind: "custom", body: [1, { two: null }], priority: 2 }).sent();
  await atA.send({ text: "Twice is once", qos: 2 }).sent();
  await b.until(() => atB.messages.at(-1)?.text === "Twice is once", "messages");
  expect(atB.messages.slice(-3)).toMatchObject([
    { kind: "image", body: { name: "cat.png" }, text: "" },
    { kind: "custom", body: [1, { two: null }], priority: 2 },
    { kind: "text" },
  ]);
  const light = atA.send({ text: "Now or never", qos: 0 });
  expect(light.state).toBe("sent");
  const seen = await b.until(() => b.told.find(({ text }) => text === "Now or never"), "ephemeral message");
  expect(seen).toMatchObject({ ephemeral: true, seq: undefined });
  expect(atB.messages.at(-1)?.text).toBe("Twice is once");
});

test("typing is told, and ends with the message", async () => {
  const told: boolean[] = [];
  atB.on("typing", ({ user, on }) => {
    if (user === alice.uid) told.push(on);
  });
  const changed = async (): Promise<void> => new Promise((resolve) => void atB.once("typing", () => resolve()));
  let next = changed();
  atA.write();
  atA.write();
  await next;
  expect(atB.typing).toEqual([alice.uid]);
  next = changed();
  atA.write(false);
  await next;
  next = changed();
  atA.write();
  await next;
  next = changed();
  await atA.send("Typed").sent();
  await next;
  expect(atB.typing).toEqual([]);
  expect(told).toEqual([true, false, true, false]);
});

test("presence is watched, and no longer", async () => {
  await using carol = await Person.register(server.url, "carol");
  const unwatch = a.chat.watch(bob.uid, carol.uid);
  await a.until(() => a.chat.presence(bob.uid)?.online && a.chat.presence(carol.uid)?.online === false, "presence");
  await carol.device();
  await a.until(() => a.chat.presence(carol.uid)?.online, "carol");
  unwatch();
  unwatch();
  expect(a.chat.presence(carol.uid)).toBeUndefined();
});

test("somebody whose chat is closed is told as offline after the grace", async () => {
  await using own = await startServer({ config: { ...config, timeouts: { presence_grace_ms: 300 } } });
  await using carol = await Person.register(own.url, "carol");
  await using dave = await Person.register(own.url, "dave");
  const [c, d] = [await carol.device(), await dave.device()];
  c.chat.watch(dave.uid);
  await c.until(() => c.chat.presence(dave.uid)?.online, "online");
  await d.chat.close();
  const gone = await c.until(() => c.chat.presence(dave.uid)?.online === false && c.chat.presence(dave.uid), "offline");
  expect(gone).toEqual({ user: dave.uid, online: false, lastSeen: expect.any(Number) });
});

test("a device that is new has the list, and pages back to the first message", async () => {
  for (let n = 1; n <= 30; n += 1) atA.send(`History ${n}`);
  await a.until(() => a.chat.outbox === 0, "empty outbox");
  const tablet = await bob.device("tablet");
  await tablet.until(() => tablet.chat.conversations.length === 1, "list");
  const [room] = tablet.chat.conversations;
  expect(room).toMatchObject({ type: "direct", peer: alice.uid, name: "alice" });
  expect(room?.last?.text).toBe("History 30");
  expect(room?.messages).toEqual([]);
  await room?.open();
  expect(room?.messages.at(-1)?.text).toBe("History 30");
  while (await room?.older(7)) expect(room?.more).toBe(true);
  expect(room?.more).toBe(false);
  expect(await room?.older()).toBe(false);
  await b.until(() => atB.messages.length === room?.messages.length, "the same on the phone");
  expect(room?.messages.map(({ id }) => id)).toEqual(atB.messages.map(({ id }) => id));
  const around = await room?.page({ after: 0, limit: 2 });
  expect(around).toMatchObject({ messages: [{ text: "Lunch at noon?" }, { recalled: true }], more: true });
  room?.close();
});

test("the devices of one user agree on what is read, muted and pinned", async () => {
  const tablet = await bob.device("tablet 2");
  await tablet.until(() => tablet.chat.conversations.length === 1, "list");
  const [room] = tablet.chat.conversations;
  await atA.send("Seen on one device").sent();
  await tablet.until(() => room?.last?.text === "Seen on one device", "message on the tablet");
  await b.until(() => atB.last?.text === "Seen on one device", "message on the phone");
  expect([room?.unread === 0, atB.unread]).toEqual([false, room?.unread]);
  room?.read();
  await b.until(() => atB.unread === 0, "read on the phone");
  await room?.mute();
  await room?.pin();
  await b.until(() => atB.muted && atB.pinned, "muted and pinned on the phone");
  await atB.mute(false);
  await atB.pin(false);
  await tablet.until(() => room !== undefined && !room.muted && !room.pinned, "back on the tablet");
});

test("users, profile and blocks by HTTP", async () => {
  const { users, blocks } = a.chat;
  const { username } = bob.session.user;
  expect(await users.get(bob.uid)).toMatchObject({ id: bob.uid, name: "bob" });
  expect(await users.named(username ?? "")).toMatchObject({ id: bob.uid });
  expect(await users.named("nobody-at-all")).toBeUndefined();
  expect((await users.search(username ?? "", { limit: 5 })).items).toMatchObject([{ id: bob.uid }]);
  expect(await users.change({ name: "Alice" })).toMatchObject({ name: "Alice" });
  expect(await users.me()).toMatchObject({ id: alice.uid, name: "Alice" });
  expect(await code(users.get("u_nobody"))).toBe("not_found");
  await b.chat.blocks.add(alice.uid);
  expect(await b.chat.blocks.list()).toEqual([alice.uid]);
  expect(await code(atA.send("Blocked").sent())).toBe("blocked");
  await b.chat.blocks.remove(alice.uid);
  expect(await blocks.list()).toEqual([]);
  const failed = atA.messages.find(({ state }) => state === "failed");
  expect(failed !== undefined && atA.retry(failed)).toBe(true);
  await b.until(() => atB.messages.at(-1)?.text === "Blocked", "the message after all");
});

test("[CON1] contacts are asked, agreed and ended, and both are told", async () => {
  const notices = await b.chat.notices();
  expect(notices.type).toBe("system");
  const asked = await a.chat.contacts.request(bob.uid, "It is me");
  expect(asked).toMatchObject({ state: "requested", user: { id: bob.uid } });
  await b.until(() => notices.messages.length === 1, "request");
  expect(notices).toMatchObject({ unread: 1, peer: undefined });
  expect(notices.messages[0]).toMatchObject({
    kind: "system",
    from: alice.uid,
    body: { event: "contact_request", user: alice.uid, message: "It is me" },
  });
  expect(await code(notices.send("Thanks").sent())).toBe("permission_denied");
  const list = async (device: Device): Promise<unknown[]> =>
    (await device.chat.contacts.list()).items.map(({ user, state }) => [user.id, state]);
  expect(await list(b)).toEqual([[alice.uid, "incoming"]]);
  expect(await b.chat.contacts.accept(alice.uid)).toMatchObject({ state: "contact" });
  const told = await a.chat.notices();
  await a.until(() => told.messages.length === 1, "acceptance");
  expect(told.messages[0]).toMatchObject({ body: { event: "contact_accepted", user: bob.uid } });
  expect(await list(a)).toEqual([[bob.uid, "contact"]]);
  await a.chat.contacts.remove(bob.uid);
  expect([await list(a), await list(b)]).toEqual([[], []]);
  expect(await code(b.chat.contacts.reject(alice.uid))).toBe("not_found");
});

test("what was written is found, with the places of the words", async () => {
  await atB.send("The umbrella is at the station").sent();
  const until = Date.now() + 60_000;
  let found = await a.chat.search("station umb");
  while (found.items.length === 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    found = await a.chat.search("station umb", { cid: atA.cid, limit: 5 });
  }
  const [{ message, highlights } = { message: undefined, highlights: [] }] = found.items;
  expect(message).toMatchObject({ text: "The umbrella is at the station", from: bob.uid, mine: false });
  expect(highlights.map(([from, to]) => message?.text.slice(from, to))).toEqual(["umb", "station"]);
});

test("nothing of an id that is none, or of oneself", async () => {
  expect(await code(a.chat.direct(alice.uid))).toBe("invalid_argument");
  expect(await code(a.chat.conversation("x.y"))).toBe("invalid_argument");
  expect(() => atA.react({ ...(atA.messages[0] as (typeof atA.messages)[0]), seq: undefined }, "x")).toThrow(
    "no place",
  );
});
