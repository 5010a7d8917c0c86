/** The same message sent again: found, not doubled; another one under its id: refused. */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { makeUlid } from "../../src/protocol/ids.ts";
import { abort, advance } from "../support/faults.ts";
import { connect, conversationStub, pair, rows, user, userStub } from "../support/workers.ts";

const DAY_MS = 86_400_000;
/** For what is written a moment after it happened. */
const WRITTEN = { timeout: 20_000 };

describe("the same id with the same content", () => {
  test("[DUP1] has the same seq, says so, is in the log once, and reaches nobody twice", async () => {
    const { alice, bob, cid } = await pair();
    const a = await connect(alice);
    const b = await connect(bob);
    const first = await a.sent(cid, "once");
    expect(await a.sent(cid, "once", { id: first.id })).toEqual({ ...first, duplicate: true });
    await a.sent(cid, "two");
    await b.reached(cid, 2);
    expect(b.seqs(cid)).toEqual([1, 2]);
    expect((await a.history(cid)).map(({ id }) => id)).toHaveLength(2);
  });

  test("[DUP1] three times in one batch is one entry", async () => {
    const { alice, bob, cid } = await pair();
    const a = await connect(alice);
    const b = await connect(bob);
    const frame = { t: "send", id: a.id(), to: cid, body: { text: "thrice" } };
    a.write(frame, frame, frame);
    await a.until(() => a.all("sent").length === 3, "three answers");
    expect(a.all("sent").map(({ seq, duplicate }) => [seq, duplicate])).toEqual([
      [1, undefined],
      [1, true],
      [1, true],
    ]);
    expect((await b.next("message")).seq).toBe(1);
    expect((await b.history(cid)).length).toBe(1);
  });

  test("[DUP1] from two devices at once is one entry, which both are told", async () => {
    const { alice, cid } = await pair();
    const devices = [await connect(alice, { device: "phone" }), await connect(alice, { device: "desk" })];
    const id = devices[0]?.id();
    for (const device of devices) device.send(cid, "both", { id });
    const answers = await Promise.all(devices.map((device) => device.answered(id as string)));
    expect(answers.map(({ seq }) => seq)).toEqual([1, 1]);
    expect((await devices[0]?.history(cid))?.length).toBe(1);
  });

  test("[DUP1] is known after sleep and death of either object", async () => {
    const { alice, bob, cid } = await pair();
    const a = await connect(alice);
    const first = await a.sent(`@${bob}`, "once");
    for (const rest of [evictDurableObject, abort]) {
      for (const stub of [conversationStub(cid), userStub(alice)]) {
        await rest(stub);
        expect(await a.sent(cid, "once", { id: first.id })).toEqual({ ...first, duplicate: true });
      }
    }
    expect((await a.history(cid)).length).toBe(1);
  });

  test("[DUP1] is another message in another conversation, and from another sender", async () => {
    const { alice, bob, cid } = await pair();
    const carol = await user("carol");
    const [a, b] = [await connect(alice), await connect(bob)];
    const { id } = await a.sent(cid, "one id");
    expect(await a.sent(`@${carol}`, "one id", { id })).toMatchObject({ seq: 1 });
    expect(await b.sent(cid, "one id", { id })).toMatchObject({ cid, seq: 2 });
  });

  test("[DUP1] is known for 24 hours; after that an id that carries its time is refused", async () => {
    const { alice, cid } = await pair();
    const a = await connect(alice);
    const now = Date.now();
    const random = new Uint8Array(16).fill(7);
    const ids = [makeUlid(now, random), "018f2f6e-7c1a-7abc-8def-0123456789ab", "has-no-time"];
    expect((await a.sent(cid, "ulid", { id: ids[0] })).seq).toBe(1);
    expect(await a.refused({ t: "send", id: ids[1], to: cid, body: { text: "an old uuid" } })).toBe("id_expired");
    expect((await a.sent(cid, "plain", { id: ids[2] })).seq).toBe(2);
    advance(DAY_MS - 60_000);
    expect(await a.sent(cid, "ulid", { id: ids[0] })).toMatchObject({ seq: 1, duplicate: true });
    expect(await a.sent(cid, "plain", { id: ids[2] })).toMatchObject({ seq: 2, duplicate: true });
    advance(60_001);
    expect(await a.refused({ t: "send", id: ids[0], to: cid, body: { text: "ulid" } })).toBe("id_expired");
    expect((await a.history(cid)).length).toBe(2);
  });
});

describe("the same id with other content", () => {
  test.each([
    ["another text", { body: { text: "another" } }],
    ["another kind", { kind: "custom", body: { text: "one" } }],
    ["an answer to something", { reply_to: 1 }],
    ["other mentions", { mentions: ["alice"] }],
    ["another priority", { priority: 2 }],
  ])("[DUP2] %s is refused, and what was stored stays", async (_, change) => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    await a.sent(cid, "zero");
    const first = await a.sent(cid, "one");
    const again = { t: "send", to: cid, id: first.id, body: { text: "one" }, ...change };
    expect(await a.refused(again)).toBe("id_conflict");
    await evictDurableObject(conversationStub(cid));
    expect(await a.refused(again)).toBe("id_conflict");
    expect((await b.history(cid)).map(({ body }) => body)).toEqual([{ text: "zero" }, { text: "one" }]);
    expect(b.seqs(cid)).toEqual([1, 2]);
  });

  test("[DUP2] a batch that contradicts itself keeps what it said first", async () => {
    const { alice, cid } = await pair();
    const a = await connect(alice);
    const id = a.id();
    a.write({ t: "send", id, to: cid, body: { text: "first" } }, { t: "send", id, to: cid, body: { text: "second" } });
    expect((await a.answered(id)).seq).toBe(1);
    expect(await a.next("error")).toMatchObject({ ref: id, code: "id_conflict" });
    expect((await a.history(cid)).map(({ body }) => body)).toEqual([{ text: "first" }]);
  });

  test("[DUP2] an amendment's id is an id like any other", async () => {
    const { alice, cid } = await pair();
    const a = await connect(alice);
    const { id } = await a.sent(cid, "text");
    expect(await a.refused({ t: "amend", id, cid, target: 1, op: "edit", body: { text: "edited" } })).toBe(
      "id_conflict",
    );
    expect((await a.history(cid)).map(({ body, edited }) => [body, edited])).toEqual([[{ text: "text" }, undefined]]);
  });
});

describe("quality of service 2", () => {
  test("[DUP1] the id is known however long it was away, until it is released", async () => {
    const { alice, cid } = await pair();
    const a = await connect(alice);
    const more = { qos: 2, id: makeUlid(Date.now(), new Uint8Array(16).fill(9)) };
    const first = await a.sent(cid, "exactly once", more);
    advance(30 * DAY_MS);
    await evictDurableObject(conversationStub(cid));
    expect(await a.sent(cid, "exactly once", more)).toEqual({ ...first, duplicate: true });
    expect(await a.refused({ t: "send", to: cid, body: { text: "something else" }, ...more })).toBe("id_conflict");
    a.write({ t: "release", ids: [first.id] });
    expect((await a.next("released")).ids).toEqual([first.id]);
    expect(await a.refused({ t: "send", to: cid, body: { text: "exactly once" }, ...more })).toBe("id_expired");
  });

  test.each([
    ["hibernated", evictDurableObject],
    ["killed after it had written", abort],
  ] as const)("[DUP1] a release finds its conversation after the sender's object was %s", async (_, rest) => {
    const { alice, bob, cid } = await pair();
    await (await connect(alice)).sent(`@${bob}`, "before");
    await expect
      .poll(() => rows(userStub(alice), "SELECT peer_name FROM head"), WRITTEN)
      .toEqual([{ peer_name: "BOB" }]);
    // A lone message's answer waits for the disk, so nothing else of it is written later.
    advance(60_000);
    const a = await connect(alice);
    const { id } = await a.sent(`@${bob}`, "kept", { qos: 2 });
    expect(await rows(conversationStub(cid), "SELECT id FROM qos2")).toEqual([{ id }]);
    await expect.poll(() => rows(userStub(alice), "SELECT id, cid FROM qos2"), WRITTEN).toEqual([{ id, cid }]);
    await rest(userStub(alice));
    a.write({ t: "release", ids: [id] });
    expect((await a.next("released")).ids).toEqual([id]);
    expect(await rows(conversationStub(cid), "SELECT id FROM qos2")).toEqual([]);
    expect(await rows(userStub(alice), "SELECT id FROM qos2")).toEqual([]);
  });

  test("releasing what was never sent, or was released, is fine", async () => {
    const { alice, cid } = await pair();
    const a = await connect(alice);
    const { id } = await a.sent(cid, "kept", { qos: 2 });
    for (const ids of [[id], [id], ["never-sent"], ["never-sent", id]]) {
      a.write({ t: "release", ids });
      expect((await a.next("released")).ids).toEqual(ids);
    }
  });
});
