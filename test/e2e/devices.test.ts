/** What people do with each other, each with the devices they have, on real sockets. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Message } from "../support/chat-log.ts";
import type { Client, Head } from "../support/client.ts";
import type { Frame } from "../support/connection.ts";
import { chatOf, freshId, World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await World.start({ timeouts: { typing_ms: 500, presence_grace_ms: 5000 } });
});
afterAll(() => world?.end());

/** Sends a text and waits for its seq. */
async function say(from: Client, to: Client, text: string, more: Partial<Frame> = {}): Promise<number> {
  const id = freshId();
  from.send(`@${to.user}`, text, id, more);
  const answered = (frame: Frame): boolean => frame["id"] === id || frame["ref"] === id;
  const answer = await from.until(() => from.frames.find((f) => answered(f) && f.t !== "message"), "answer to a send");
  if (answer.t !== "sent") throw new Error(`not sent: ${JSON.stringify(answer)}`);
  return answer["seq"] as number;
}

async function has(client: Client, cid: string, seq: number): Promise<void> {
  await client.until(() => (client.chats.get(cid)?.applied ?? 0) >= seq, `seq ${seq}`);
}

async function headOf(client: Client, cid: string): Promise<Head | undefined> {
  await client.ask({ t: "sync", since: 0 });
  return client.heads.get(cid);
}

function framesOf(client: Client, t: string): Frame[] {
  return client.frames.filter((frame) => frame.t === t);
}

describe("two devices of one user", () => {
  test("own sends and reads show on the other device", async () => {
    const [alice] = await world.people("alice");
    const bob = await world.person("bob");
    const phone = await world.connect(bob, "phone");
    const laptop = await world.connect(bob, "laptop");
    const cid = chatOf(alice as Client, bob);
    const own = await say(phone, alice as Client, "from my phone");
    await has(laptop, cid, own);
    expect(laptop.view(cid)).toMatchObject([{ seq: own, from: phone.user, body: { text: "from my phone" } }]);
    expect(framesOf(phone, "message")).toEqual([]);

    const theirs = await say(alice as Client, phone, "hello you two");
    await Promise.all([has(phone, cid, theirs), has(laptop, cid, theirs)]);
    expect(await headOf(laptop, cid)).toMatchObject({ unread: 1, read: own });
    phone.read(cid);
    await laptop.until(() => laptop.receipts.get(`${cid} ${phone.user}`)?.read === theirs, "own read");
    expect(await headOf(laptop, cid)).toMatchObject({ unread: 0, read: theirs });
    await alice?.until(() => alice.receipts.get(`${cid} ${phone.user}`)?.read === theirs, "the tick");
  });

  test("[RES1] a device that was away is told what changed since, and gets it", async () => {
    const [alice] = (await world.people("alice")) as [Client];
    const bob = await world.person("bob");
    const phone = await world.connect(bob, "phone");
    const laptop = await world.connect(bob, "laptop", { since: 0 });
    await has(laptop, chatOf(alice, bob), await say(alice, phone, "before"));
    await laptop.close();
    for (const text of ["one", "two", "three"]) await say(alice, phone, text);
    const last = await say(phone, alice, "four");
    const again = await world.connect(bob, "laptop", { since: laptop.version });
    await has(again, chatOf(alice, bob), last);
    expect(again.view(chatOf(alice, bob)).map(({ body }) => body)).toEqual(
      ["before", "one", "two", "three", "four"].map((text) => ({ text })),
    );
    expect(again.heads.get(chatOf(alice, bob))).toMatchObject({ head: last, read: last, unread: 0 });
    expect(again.version).toBeGreaterThan(laptop.version);
  });
});

describe("quality of service", () => {
  test("0 reaches whoever is online, is stored nowhere and never answered", async () => {
    const [alice, bob] = (await world.people("alice", "bob")) as [Client, Client];
    const cid = chatOf(alice, bob);
    alice.send(`@${bob.user}`, "gone with the wind", "ephemeral-1", { qos: 0 });
    const frame = await bob.until(() => framesOf(bob, "message")[0], "the ephemeral message");
    expect(frame).toMatchObject({ cid, from: alice.user, ephemeral: true, body: { text: "gone with the wind" } });
    expect(frame).not.toHaveProperty("seq");
    // The answer to a later send would come after one to the first.
    expect(await say(alice, bob, "stays")).toBe(1);
    expect(alice.frames.filter((f) => f["id"] === "ephemeral-1" || f["ref"] === "ephemeral-1")).toEqual([]);
    const { messages } = (await bob.ask({ t: "pull", cid })) as unknown as { messages: Message[] };
    expect(messages.map(({ body }) => body)).toEqual([{ text: "stays" }]);
  });

  test.for([1, 2])(
    "[DUP1] [DUP2] %i: a repetition is the same message, other content under its id is refused",
    async (qos) => {
      const [alice, bob] = (await world.people("alice", "bob")) as [Client, Client];
      const id = `repeated-${qos}`;
      const send = { t: "send", id, to: `@${bob.user}`, body: { text: "once" }, qos };
      alice.write(send, send, { ...send, body: { text: "other" } });
      const answers = await alice.until(() => {
        const found = alice.frames.filter((frame) => frame["id"] === id || frame["ref"] === id);
        return found.length === 3 && found;
      }, "three answers");
      expect(answers).toMatchObject([
        { t: "sent", seq: 1 },
        { t: "sent", seq: 1, duplicate: true },
        { code: "id_conflict" },
      ]);
      expect(answers[0]).not.toHaveProperty("duplicate");
      alice.write({ t: "release", ids: [id] }, { t: "release", ids: [id] });
      await alice.until(() => framesOf(alice, "released").length === 2, "two releases");
      expect(framesOf(alice, "released")).toEqual([
        { t: "released", ids: [id] },
        { t: "released", ids: [id] },
      ]);
      expect(await say(bob, alice, "next")).toBe(2);
    },
  );
});

describe("amendments", () => {
  test("edits, recalls and reactions show in pages and on devices alike; none of them counts as unread", async () => {
    const [alice, bob] = (await world.people("alice", "bob")) as [Client, Client];
    const cid = chatOf(alice, bob);
    for (const text of ["teh first", "a secret", "the third"]) await say(alice, bob, text);
    await has(bob, cid, 3);
    bob.amend(cid, 1, "react", freshId(), { emoji: "👍" });
    bob.amend(cid, 3, "react", freshId(), { emoji: "🎉" });
    bob.amend(cid, 3, "unreact", freshId(), { emoji: "🎉" });
    await bob.until(() => bob.outbox.size === 0, "reactions");
    alice.amend(cid, 1, "edit", freshId(), { text: "the first" });
    alice.amend(cid, 2, "recall", freshId());
    alice.amend(cid, 1, "react", freshId(), { emoji: "👍" });
    await alice.until(() => alice.outbox.size === 0, "amendments");
    bob.amend(cid, 1, "edit", "not-yours", { text: "mine now" });
    await bob.until(() => bob.failed.has("not-yours"), "refusal");
    expect(bob.failed.get("not-yours")).toBe("permission_denied");
    await Promise.all([has(alice, cid, 9), has(bob, cid, 9)]);

    const { messages } = (await bob.ask({ t: "pull", cid })) as unknown as { messages: Message[] };
    const shown = messages.filter(({ kind }) => kind !== "amend");
    expect(shown).toMatchObject([
      { seq: 1, body: { text: "the first" }, edited: { seq: 7 }, reactions: { "👍": [bob.user, alice.user] } },
      { seq: 2, recalled: true },
      { seq: 3, body: { text: "the third" } },
    ]);
    expect(shown[1]).not.toHaveProperty("body");
    expect(shown[2]).not.toHaveProperty("reactions");
    expect(messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(JSON.stringify(messages)).not.toContain("a secret");
    for (const one of [alice, bob]) {
      expect(one.view(cid).map(visible)).toEqual(shown.map(visible));
    }
    expect(await headOf(bob, cid)).toMatchObject({ head: 9, unread: 3 });
    expect(await headOf(alice, cid)).toMatchObject({ head: 9, unread: 0 });
  });
});

/** What a person sees of a message. */
function visible({ seq, id, from, body, edited, recalled, reactions }: Message): Partial<Message> {
  const shown = { seq, id, from, body, edited, recalled, reactions };
  return Object.fromEntries(Object.entries(shown).filter(([, value]) => value !== undefined));
}

describe("signals", () => {
  test("typing is seen, and lapses by itself", async () => {
    const [alice, bob] = (await world.people("alice", "bob")) as [Client, Client];
    const cid = chatOf(alice, bob);
    await say(alice, bob, "hi");
    alice.write({ t: "typing", cid, on: true });
    await bob.until(() => framesOf(bob, "typing").length === 2, "typing on and off");
    expect(framesOf(bob, "typing")).toEqual([
      { t: "typing", cid, user: alice.user, on: true },
      { t: "typing", cid, user: alice.user, on: false },
    ]);
    alice.write({ t: "typing", cid, on: true }, { t: "typing", cid, on: false });
    await bob.until(() => framesOf(bob, "typing").length === 4, "typing on and off again");
    expect(framesOf(bob, "typing").map((frame) => frame["on"] as boolean)).toEqual([true, false, true, false]);
    expect(framesOf(alice, "typing")).toEqual([]);
  });

  test("presence does not flap when a connection is made anew, and is offline after the grace", async () => {
    const [bob] = (await world.people("bob")) as [Client];
    const account = await world.person("alice");
    const uid = account.user.id;
    bob.write({ t: "watch", users: [uid, "u_nobody"] });
    const seen = (user: string): Frame[] => framesOf(bob, "presence").filter((frame) => frame["user"] === user);
    await bob.until(() => seen(uid).length === 1 && seen("u_nobody").length === 1, "presence now");
    expect([...seen(uid), ...seen("u_nobody")]).toMatchObject([{ state: "offline" }, { state: "offline" }]);

    const alice = await world.connect(account, "phone", { reconnect: true, since: 0 });
    await bob.until(() => seen(uid).length === 2, "online");
    alice.drop();
    await alice.until(() => framesOf(alice, "welcome").length === 2, "a second welcome");
    await has(bob, chatOf(alice, bob), await say(alice, bob, "back again"));
    expect(seen(uid).map((frame) => frame["state"] as string)).toEqual(["offline", "online"]);

    await alice.close();
    const offline = await bob.until(() => seen(uid)[2], "offline");
    expect(offline).toMatchObject({ state: "offline", last_seen: expect.any(Number) as number });
  });
});
