/** A disk that refuses: for each write on the way of a message. Nothing is acknowledged that is not there, nothing is doubled. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { UserRpc } from "../../src/durable-objects/rpc.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import { services } from "../../src/workers/env.ts";
import type { Device, Up } from "../support/device.ts";
import { abort, breakDisk, makeTables, SECRET } from "../support/faults.ts";
import { connect, conversationStub, pair, range, rows, userStub } from "../support/workers.ts";

interface Chat {
  readonly alice: Uid;
  readonly bob: Uid;
  readonly cid: Cid;
  readonly a: Device;
  readonly b: Device;
}

let devices: Device[] = [];

/** Two users with a device each; `messages` by alice, which bob has. */
async function chat(messages: number): Promise<Chat> {
  const users = await pair();
  const [a, b] = [await connect(users.alice), await connect(users.bob)];
  devices = [a, b];
  for (const n of range(1, messages)) await a.sent(users.cid, `before ${n}`);
  if (messages > 0) await b.reached(users.cid, messages);
  return { ...users, a, b };
}

afterEach(() => {
  const told = JSON.stringify(devices.map(({ frames }) => frames));
  for (const word of [SECRET, "SQLITE", "RAISE", "TRIGGER", ".ts:", "    at "]) expect(told).not.toContain(word);
});

/** What both sides see, but for versions, which grow by themselves. */
async function views({ cid, a, b }: Chat, head: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (const device of [a, b]) {
    const { version: _, ...view } = await device.head(cid, head);
    seen.push(view, await device.history(cid));
  }
  return seen;
}

/** Memory says what the disk says: the same is seen after all objects have forgotten everything. */
async function expectMemoryIsDisk(c: Chat, head: number): Promise<void> {
  const before = await views(c, head);
  const { alice, bob, cid } = c;
  for (const stub of [userStub(alice), userStub(bob), conversationStub(cid)]) await evictDurableObject(stub);
  expect(await views(c, head)).toEqual(before);
  expect((await c.b.history(cid)).map(({ seq }) => seq)).toEqual(range(1, head));
  for (const device of [c.a, c.b]) expect(device.disorder(cid)).toEqual([]);
}

/** Gives up within a second, so that the answer is seen while the disk is still broken. */
const IMPATIENT = { ttl: 1 };

describe("the conversation's disk refuses", () => {
  const SENDS: [string, string, string, Record<string, unknown>, number][] = [
    ["the members of a new chat", "INSERT ON member", "NEW.uid LIKE 'bob%'", {}, 0],
    ["the entry", "INSERT ON log", "1", {}, 2],
    ["the id of a QoS 2 message", "INSERT ON qos2", "1", { qos: 2 }, 2],
  ];

  test.each(SENDS)(
    "[DUR1] [DUP1] %s: no `sent`, nothing kept; the same id gets through afterwards, once",
    async (_, write, when, more, before) => {
      const c = await chat(before);
      if (before === 0) await makeTables(conversationStub(c.cid));
      const mend = await breakDisk(() => conversationStub(c.cid), write, when);
      const id = c.a.id();
      c.a.send(c.cid, "tried", { ...more, ...IMPATIENT, id });
      expect(await c.a.next("error")).toMatchObject({ ref: id, code: "deadline_exceeded" });
      expect(await rows(conversationStub(c.cid), "SELECT seq FROM log")).toHaveLength(before);
      expect(await rows(conversationStub(c.cid), "SELECT id FROM qos2")).toEqual([]);
      expect(await rows(conversationStub(c.cid), "SELECT uid FROM member")).toHaveLength(before === 0 ? 0 : 2);
      await mend();
      expect(await c.a.sent(c.cid, "tried", { ...more, id })).toEqual(expect.not.objectContaining({ duplicate: true }));
      expect(await c.a.sent(c.cid, "tried", { ...more, id })).toMatchObject({ seq: before + 1, duplicate: true });
      expect(await c.b.everything(c.cid, before + 1)).toEqual(range(1, before + 1));
      await expectMemoryIsDisk(c, before + 1);
    },
  );

  test("[DUR1] [ORD1] one entry of a batch: none of the batch is kept, and all of it gets through, in order", async () => {
    const c = await chat(1);
    const mend = await breakDisk(() => conversationStub(c.cid), "INSERT ON log", "NEW.body LIKE '%third%'");
    const frames = ["second", "third", "fourth"].map((text) => ({
      t: "send",
      id: c.a.id(),
      to: c.cid,
      body: { text },
    }));
    c.a.write(...frames);
    await c.a.sync();
    expect(await rows(conversationStub(c.cid), "SELECT seq FROM log")).toEqual([{ seq: 1 }]);
    expect(c.a.all("sent")).toHaveLength(1);
    await mend();
    for (const [i, { id }] of frames.entries()) expect((await c.a.answered(id)).seq).toBe(i + 2);
    await expectMemoryIsDisk(c, 4);
  });

  const AMENDS: [string, string, Partial<Up>[]][] = [
    ["a first edit", "INSERT ON amended", [{ op: "edit", body: { text: "edited" } }]],
    [
      "a second edit",
      "UPDATE ON amended",
      [
        { op: "edit", body: { text: "edited" } },
        { op: "edit", body: { text: "again" } },
      ],
    ],
    ["the erasure of a recall", "UPDATE ON log", [{ op: "edit", body: { text: "edited" } }, { op: "recall" }]],
    ["a reaction", "INSERT ON amended", [{ op: "react", body: { emoji: "👍" } }]],
  ];

  test.each(AMENDS)(
    "[DUR1] %s: the message stays as it was, and changes once the disk works",
    async (_, write, steps) => {
      const c = await chat(1);
      const frames = steps.map((step) => ({ t: "amend", id: c.a.id(), cid: c.cid, target: 1, ...step }));
      const last = frames.pop() as Up & { id: string };
      for (const frame of frames) {
        c.a.write(frame);
        await c.a.answered(frame.id);
      }
      const before = await c.b.history(c.cid);
      const mend = await breakDisk(() => conversationStub(c.cid), write);
      c.a.write(last);
      await c.a.sync();
      expect(await c.b.history(c.cid)).toEqual(before);
      expect(c.a.all("sent")).toHaveLength(before.length);
      await mend();
      expect((await c.a.answered(last.id)).seq).toBe(before.length + 1);
      await expectMemoryIsDisk(c, before.length + 1);
      expect((await c.b.history(c.cid))[0]).not.toEqual(before[0]);
    },
  );

  test("[DUR1] a cursor that is written along: the message waits for it, and is there once", async () => {
    const c = await chat(1);
    for (const id of range(2, 40).map((n) => c.a.send(c.cid, `${n}`))) await c.a.answered(id);
    const patience = { timeout: 20_000 };
    await expect.poll(() => rows(userStub(c.alice), "SELECT head FROM head"), patience).toEqual([{ head: 40 }]);
    // Taken so far beyond its row that the next batch writes the cursor, too.
    await rows(conversationStub(c.cid), "UPDATE member SET taken_seq = 0");
    await evictDurableObject(conversationStub(c.cid));
    const mend = await breakDisk(() => conversationStub(c.cid), "UPDATE ON member");
    const id = c.a.send(c.cid, "tried", IMPATIENT);
    expect(await c.a.next("error")).toMatchObject({ ref: id, code: "deadline_exceeded" });
    expect(await rows(conversationStub(c.cid), "SELECT max(seq) AS head FROM log")).toEqual([{ head: 40 }]);
    await mend();
    expect((await c.a.sent(c.cid, "tried", { id })).seq).toBe(41);
    const written = await rows(conversationStub(c.cid), "SELECT uid FROM member WHERE taken_seq = 40");
    expect(written).toContainEqual({ uid: c.alice });
    await expectMemoryIsDisk(c, 41);
  });

  test("a release: refused, the id still held; released once the disk works", async () => {
    const c = await chat(0);
    const { id } = await c.a.sent(c.cid, "kept", { qos: 2 });
    const mend = await breakDisk(() => conversationStub(c.cid), "DELETE ON qos2");
    expect(await c.a.refused({ t: "release", ids: [id] })).toBe("unavailable");
    expect(await rows(conversationStub(c.cid), "SELECT id FROM qos2")).toEqual([{ id }]);
    await mend();
    c.a.write({ t: "release", ids: [id] });
    expect((await c.a.next("released")).ids).toEqual([id]);
    expect(await rows(conversationStub(c.cid), "SELECT id FROM qos2")).toEqual([]);
  });

  test("a block: it holds as soon as the disk works", async () => {
    const c = await chat(1);
    const mend = await breakDisk(() => conversationStub(c.cid), "UPDATE ON member");
    await userStub(c.bob).setBlock(c.alice, true);
    await mend();
    expect(await runDurableObjectAlarm(userStub(c.bob))).toBe(true);
    await expect
      .poll(() => rows(conversationStub(c.cid), "SELECT uid FROM member WHERE blocks = 1"))
      .toEqual([{ uid: c.bob }]);
    expect(await c.a.refused({ t: "send", id: c.a.id(), to: c.cid, body: { text: "x" } })).toBe("blocked");
  });
});

describe("the sender's disk refuses", () => {
  test.each([
    ["a new head", "INSERT ON head", 0],
    ["the id of a QoS 2 message", "INSERT ON qos2", 0],
  ])(
    "[DUR1] [DUR3] %s of a lone message: no `sent` before it is written; the receiver has it, once",
    async (_, write, before) => {
      const c = await chat(before);
      const mend = await breakDisk(() => userStub(c.alice), write);
      const id = c.a.send(c.cid, "tried", { qos: 2, ...IMPATIENT });
      expect(await c.a.next("error")).toMatchObject({ ref: id, code: "deadline_exceeded" });
      expect(await c.b.next("message")).toMatchObject({ seq: 1, id });
      await mend();
      expect(await c.a.sent(c.cid, "tried", { id, qos: 2 })).toMatchObject({ seq: 1 });
      expect(await rows(userStub(c.alice), "SELECT head FROM head")).toEqual([{ head: 1 }]);
      expect(await rows(userStub(c.alice), "SELECT id FROM qos2")).toEqual([{ id }]);
      await c.a.sent(c.cid, "next");
      await c.b.reached(c.cid, 2);
      expect(c.b.seqs(c.cid)).toEqual([1, 2]);
      await expectMemoryIsDisk(c, 2);
    },
  );

  test("[DUR3] [RES1] its head in a busy chat: `sent` leaves, for an alarm stands behind it; a death loses nothing", async () => {
    const c = await chat(2);
    const desk = await connect(c.alice, { device: "desk" });
    const mend = await breakDisk(() => userStub(c.alice), "INSERT ON head");
    for (const n of range(3, 6)) expect((await c.a.sent(c.cid, `${n}`)).seq).toBe(n);
    await abort(userStub(c.alice));
    await mend();
    expect(await c.a.sent(c.cid, "after")).toMatchObject({ seq: 7 });
    for (const device of [c.a, desk, c.b]) {
      expect(await device.everything(c.cid, 7)).toEqual(range(1, 7));
      expect(device.disorder(c.cid, device === desk ? 2 : 0)).toEqual([]);
    }
    expect(await desk.head(c.cid, 7)).toMatchObject({ head: 7, read: 7, unread: 0 });
    await expectMemoryIsDisk(c, 7);
  });

  test("the end of a held id: the release is refused or answered, never forgotten, and what follows is served", async () => {
    const c = await chat(0);
    const { id } = await c.a.sent(c.cid, "kept", { qos: 2 });
    const mend = await breakDisk(() => userStub(c.alice), "DELETE ON qos2");
    c.a.write({ t: "release", ids: [id] }, { t: "send", id: "behind-the-release", to: c.cid, body: { text: "next" } });
    expect(await c.a.next("error")).toMatchObject({ ref: id, code: "unavailable" });
    expect((await c.a.answered("behind-the-release")).seq).toBe(2);
    await mend();
    c.a.write({ t: "release", ids: [id] });
    expect((await c.a.next("released")).ids).toEqual([id]);
    expect(await rows(userStub(c.alice), "SELECT id FROM qos2")).toEqual([]);
  });
});

describe("the receiver's disk refuses", () => {
  test("[DUR3] its head: `sent` leaves with an alarm behind it; memory and disk agree once it works", async () => {
    const c = await chat(1);
    const mend = await breakDisk(() => userStub(c.bob), "INSERT ON head");
    for (const n of range(2, 4)) expect((await c.a.sent(c.cid, `${n}`)).seq).toBe(n);
    await c.b.reached(c.cid, 4);
    c.b.write({ t: "read", cid: c.cid, seq: 3 });
    expect(await c.a.next("receipt", ({ read }) => read === 3)).toMatchObject({ delivered: 3 });
    await mend();
    await expect
      .poll(() => rows(userStub(c.bob), "SELECT head, read FROM head"), { timeout: 20_000 })
      .toEqual([{ head: 4, read: 3 }]);
    expect(c.b.seqs(c.cid)).toEqual(range(1, 4));
    await expectMemoryIsDisk(c, 4);
  });

  test("[RES1] the settings of its head: refused, and taken once it works", async () => {
    const c = await chat(1);
    await c.b.head(c.cid);
    const mend = await breakDisk(() => userStub(c.bob), "INSERT ON head");
    const stub: UserRpc = services(env).user(c.bob);
    expect(await stub.setConversation(c.cid, { muted: true })).toMatchObject({
      ok: false,
      error: { code: "unavailable" },
    });
    await mend();
    expect(await stub.setConversation(c.cid, { pinned: true })).toMatchObject({ ok: true, value: { pinned: true } });
    await expectMemoryIsDisk(c, 1);
  });
});

describe("the disk refuses beside the way of a message", () => {
  test("[RES1] a device that is new: it is let in as soon as it can be noted, on the same connection", async () => {
    const c = await chat(1);
    const mend = await breakDisk(() => userStub(c.bob), "INSERT ON device");
    const waiting = connect(c.bob, { device: "tablet", since: 0 });
    await c.a.sent(c.cid, "meanwhile");
    await c.b.reached(c.cid, 2);
    await mend();
    const tablet = await waiting;
    await tablet.next("synced");
    expect(tablet.all("heads").at(-1)?.heads).toMatchObject([{ cid: c.cid, head: 2 }]);
    await c.a.sent(c.cid, "live");
    await tablet.reached(c.cid, 3);
    expect(tablet.seqs(c.cid)).toEqual([3]);
    expect(c.b.seqs(c.cid)).toEqual([1, 2, 3]);
  });

  test.each([
    ["the watcher", "INSERT ON watcher"],
    ["what watchers were told", "INSERT ON setting"],
  ])("%s: messages go on, and watching works once the disk does", async (_, write) => {
    const c = await chat(1);
    const mend = await breakDisk(() => userStub(c.bob), write);
    c.a.write({ t: "watch", users: [c.bob] });
    await c.a.sent(c.cid, "meanwhile");
    await c.b.reached(c.cid, 2);
    await mend();
    c.a.write({ t: "watch", users: [c.bob] });
    expect(await c.a.next("presence", ({ state }) => state === "online")).toMatchObject({ user: c.bob });
  });

  test("a block: refused, and nobody is blocked", async () => {
    const c = await chat(1);
    const mend = await breakDisk(() => userStub(c.bob), "INSERT ON block");
    const blocked = userStub(c.bob)
      .setBlock(c.alice, true)
      .then(
        () => "done",
        () => "failed",
      );
    expect(await blocked).toBe("failed");
    expect((await c.a.sent(c.cid, "not blocked")).seq).toBe(2);
    await mend();
    await userStub(c.bob).setBlock(c.alice, true);
    expect(await c.a.refused({ t: "send", id: c.a.id(), to: c.cid, body: { text: "x" } })).toBe("blocked");
  });
});
