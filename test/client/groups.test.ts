/** Groups by the client, against the server as a process. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { MpimError, type Conversation } from "../../client/src/mpim.ts";
import { startServer, type Server } from "../support/server.ts";
import { config, Person, type Device } from "./people.ts";

let server: Server;
const people: Person[] = [];
const devices: Device[] = [];

beforeAll(async () => {
  server = await startServer({ config: { ...config, groups: { pull_members: 40, mark_flush_ms: 100, mark_ms: 100 } } });
  for (const name of ["alice", "bob", "carol"]) {
    const person = await Person.register(server.url, name);
    people.push(person);
    devices.push(await person.device());
  }
});

afterAll(async () => {
  await Promise.all(people.map((person) => person[Symbol.asyncDispose]()));
  await server[Symbol.asyncDispose]();
});

/** A group of all three, as each sees it. */
async function group(name: string): Promise<Conversation[]> {
  const [a, b, c] = devices as [Device, Device, Device];
  const atA = await a.chat.createGroup({ name, members: people.slice(1).map(({ uid }) => uid) });
  expect(atA.name).toBe(name);
  const others = [b, c].map((device) =>
    device.until(() => device.chat.conversations.find(({ cid }) => cid === atA.cid), `group ${name}`),
  );
  return [atA, ...(await Promise.all(others))];
}

test("[RCP1] a message in a group is delivered when all have it, read when all have read it", async () => {
  const [a] = devices as [Device];
  const [atA, atB, atC] = (await group("Ticks")) as [Conversation, Conversation, Conversation];
  const sent = atA.send("All of you?");
  await a.until(() => sent.state === "delivered", "delivered to both");
  const { seq } = await sent.sent();
  atB.read();
  await a.until(() => atA.messages.some((message) => message.seq === seq), "the message");
  const until = Date.now() + 60_000;
  while ((await atA.receipts(seq)).read < 1 && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await atA.receipts(seq)).toEqual({ delivered: 2, read: 1, members: 2 });
  expect((await atA.readers(seq)).items).toEqual([people[1]?.uid]);
  expect((await atA.readers(seq, "unread")).items).toEqual([people[2]?.uid]);
  expect(sent.state).toBe("delivered");
  atC.read();
  await a.until(() => sent.state === "read", "read by both");
  expect(atA.messages.at(-1)).toMatchObject({ text: "All of you?", state: "read" });
});

test("a group is renamed, joined, left and dismissed, and everybody learns it", async () => {
  const [a, b, c] = devices as [Device, Device, Device];
  const [alice, bob, carol] = people as [Person, Person, Person];
  const [atA, atB, atC] = (await group("Before")) as [Conversation, Conversation, Conversation];
  await atA.change({ name: "After", join: "open", description: "of names" });
  await b.until(() => atB.name === "After", "new name");
  expect(await atB.group()).toMatchObject({ name: "After", role: "member", description: "of names", members: 3 });
  expect((await atB.members()).items.map(({ user }) => user)).toEqual(
    [alice, bob, carol].map(({ uid }) => uid).toSorted(),
  );
  expect(await atA.setRole(bob.uid, "admin")).toMatchObject({ role: "admin" });

  const until = Date.now() + 60_000;
  let found = await c.chat.groups.search("Aft");
  while (found.items.length === 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    found = await c.chat.groups.search("Aft");
  }
  expect(found.items).toEqual([{ id: atA.cid, name: "After", members: 3, owner: alice.uid, open: true }]);

  await atC.leave();
  await c.until(() => atC.left, "left");
  expect(c.chat.conversations.map(({ cid }) => cid)).not.toContain(atA.cid);
  expect(await atC.group().catch((error: unknown) => (error as MpimError).code)).toBe("not_member");
  await atA.send("Without Carol").sent();
  const again = await c.chat.joinGroup(atA.cid);
  expect(again).toBe(atC);
  await atA.send("With Carol").sent();
  await c.until(() => atC.messages.at(-1)?.text === "With Carol", "message after joining");
  expect(atC.left).toBe(false);
  expect(atC.messages.map(({ text }) => text)).not.toContain("Without Carol");
  await atC.older();
  expect(atC.messages.map(({ text }) => text)).not.toContain("Without Carol");

  await atB.remove(carol.uid);
  await c.until(() => atC.left, "removed");
  await atB.invite(carol.uid);
  await c.until(() => !atC.left, "invited");
  await atA.dismiss();
  await c.until(() => atC.left, "dismissed");
  await b.until(() => atB.left, "dismissed");
  expect(atB.messages.at(-1)).toMatchObject({ kind: "system", body: { event: "dismissed" } });
  expect((await a.chat.groups.list({ limit: 1 })).items).toHaveLength(1);
});

test("whoever does not exist is named", async () => {
  const [a] = devices as [Device];
  const error = await a.chat.createGroup({ name: "Ghosts", members: ["u_ghost"] }).catch((refused: unknown) => refused);
  expect(error).toBeInstanceOf(MpimError);
  expect(error).toMatchObject({ code: "not_found", reaction: "never", details: { users: ["u_ghost"] } });
});

test("a large group is followed while it is open, and known by its head else", async () => {
  const [a, b] = devices as [Device, Device];
  const crowd: Person[] = [];
  try {
    for (let n = 0; n < 40; n += 1) crowd.push(await Person.register(server.url, `crowd${n}`));
    const members = [...people.slice(1), ...crowd].map(({ uid }) => uid);
    const atA = await a.chat.createGroup({ name: "Crowd", members });
    const atB = await b.until(() => b.chat.conversations.find(({ cid }) => cid === atA.cid), "large group");
    await atB.open();
    for (let n = 1; n <= 20; n += 1) atA.send(`To all ${n}`);
    await b.until(() => atB.messages.at(-1)?.text === "To all 20", "the last message");
    expect(b.texts(atA.cid).filter((text) => text !== "")).toEqual(
      Array.from({ length: 20 }, (_, n) => `To all ${n + 1}`),
    );
    atB.close();
  } finally {
    await Promise.all(crowd.map((person) => person[Symbol.asyncDispose]()));
  }
});
