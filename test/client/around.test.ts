/** Jumping to an old message, and reading on from there, against the server as a process. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Conversation } from "../../client/src/mpim.ts";
import { startServer, type Server } from "../support/server.ts";
import { config, Person, type Device } from "./people.ts";

const MESSAGES = 400;
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
  a = await alice.device();
  atA = await a.chat.direct(bob.uid);
  for (let n = 1; n < MESSAGES; n += 1) atA.send(`message ${n}`);
  await atA.send(`message ${MESSAGES}`).sent();
  // It comes late, so it begins with the newest.
  b = await bob.device();
  await b.until(() => b.chat.conversations[0]?.head === MESSAGES, "conversation");
  atB = await b.chat.direct(alice.uid);
  await atB.open();
});

afterAll(async () => {
  await Promise.all([alice[Symbol.asyncDispose](), bob[Symbol.asyncDispose]()]);
  await server[Symbol.asyncDispose]();
});

const texts = (messages: readonly { text: string }[]): string[] => messages.map(({ text }) => text);
const upTo = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => `message ${from + n}`);

test("[ORD2] [RES1] around an old message there is no hole, changes show, and paging on ends at the newest", async () => {
  const held = atB.messages.length;
  const excerpt = await atB.around(150, 20);
  expect(texts(excerpt.messages)).toEqual(upTo(131, 170));
  expect(excerpt).toMatchObject({ joined: false, more: true });
  // It stands beside what the conversation holds.
  expect(atB.messages).toHaveLength(held);

  await atA.edit(151, "message 151, edited").sent();
  await atA.recall(152).sent();
  await b.until(() => excerpt.messages.find(({ seq }) => seq === 152)?.recalled, "recall");
  expect(excerpt.messages.find(({ seq }) => seq === 151)).toMatchObject({ text: "message 151, edited" });
  const reaction = atB.react(150, "👍");
  // One's own shows at once.
  expect(excerpt.messages.find(({ seq }) => seq === 150)?.reactions).toEqual({ "👍": [bob.uid] });
  await reaction.sent();
  const before = excerpt.messages;
  expect(excerpt.messages).toBe(before);

  await excerpt.older(200);
  expect(excerpt.more).toBe(false);
  expect(excerpt.messages[0]).toMatchObject({ seq: 1, text: "message 1" });
  while (await excerpt.newer(200));
  expect(excerpt.joined).toBe(true);
  const places = excerpt.messages.map(({ seq }) => seq);
  expect(places).toEqual(Array.from({ length: MESSAGES }, (_, n) => n + 1));
  expect(excerpt.messages[149]).toMatchObject({ seq: 150, reactions: { "👍": [bob.uid] } });
  // What comes now, too, is in it.
  await atA.send("and one more").sent();
  await b.until(() => excerpt.messages.at(-1)?.text === "and one more", "new message");
  excerpt.close();
});

test("around the newest message is what the conversation holds, and nothing is to be had beyond its ends", async () => {
  const newest = atB.messages.findLast(({ seq }) => seq !== undefined);
  const excerpt = await atB.around(newest?.seq ?? 0, 10);
  expect(excerpt.joined).toBe(true);
  expect(excerpt.messages.at(-1)).toBe(atB.messages.at(-1));
  expect(await excerpt.newer()).toBe(false);
  const first = await atB.around(1, 10);
  expect(first).toMatchObject({ more: false, joined: false });
  expect(await first.older()).toBe(false);
  expect(first.messages[0]).toMatchObject({ seq: 1 });
  for (const one of [excerpt, first]) one.close();
});

test("[SEC1] a conversation of others cannot be jumped into", async () => {
  await using carol = await Person.register(server.url, "carol");
  const c = await carol.device();
  const theirs = await c.chat.conversation(atB.cid);
  await expect(theirs.around(1)).rejects.toMatchObject({ code: "not_member" });
});
