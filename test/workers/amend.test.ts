/** Edits, recalls and reactions: entries of the log that change how others show. */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import type { Device } from "../support/device.ts";
import { advance } from "../support/faults.ts";
import { connect, conversationStub, pair, rows, user } from "../support/workers.ts";

const RECALL_MS = 48 * 3_600_000;

/** Alice has sent one message, which bob has. */
async function chat(): Promise<{ alice: Uid; bob: Uid; cid: Cid; a: Device; b: Device }> {
  const users = await pair();
  const [a, b] = [await connect(users.alice), await connect(users.bob)];
  await a.sent(users.cid, "first text");
  await b.reached(users.cid, 1);
  return { ...users, a, b };
}

/** Writes an amendment and waits for its `sent`. */
async function amend(device: Device, cid: Cid, op: string, body?: unknown, target = 1): Promise<number> {
  const id = device.id();
  const from = device.frames.length;
  device.write({ t: "amend", id, cid, target, op, ...(body !== undefined && { body }) });
  return (await device.answered(id, from)).seq;
}

describe("what an amendment does", () => {
  test("an edit is an entry of its own; pages and heads show the newest body, and who reads later sees no other", async () => {
    const { alice, bob, cid, a, b } = await chat();
    const desk = await connect(alice, { device: "desk" });
    expect(await amend(a, cid, "edit", { text: "second text" })).toBe(2);
    for (const device of [b, desk]) {
      expect(await device.next("message", ({ seq }) => seq === 2)).toMatchObject({
        cid,
        from: alice,
        kind: "amend",
        op: "edit",
        target: 1,
        body: { text: "second text" },
      });
    }
    expect(await amend(a, cid, "edit", { text: "third text" })).toBe(3);
    const page = await b.history(cid);
    expect(page[0]).toMatchObject({ seq: 1, body: { text: "third text" }, edited: { seq: 3 } });
    expect(page.map(({ kind, target }) => [kind, target])).toEqual([
      ["text", undefined],
      ["amend", 1],
      ["amend", 1],
    ]);
    const late = await connect(bob, { device: "late" });
    expect(await late.head(cid)).toMatchObject({ head: 3, last: { seq: 1, body: { text: "third text" } } });
  });

  test("a recall erases the text and that of its edits from the log, for good", async () => {
    const { bob, cid, a, b } = await chat();
    await amend(a, cid, "edit", { text: "second text" });
    await amend(b, cid, "react", { emoji: "👍" });
    expect(await amend(a, cid, "recall")).toBe(4);
    expect(await b.next("message", ({ seq }) => seq === 4)).toMatchObject({ op: "recall", target: 1 });
    for (const step of ["awake", "after sleep"]) {
      const [first, edit, , recall] = await b.history(cid);
      expect(first, step).toMatchObject({ seq: 1, kind: "text", recalled: true });
      for (const entry of [first, edit, recall]) expect(entry, step).not.toHaveProperty("body");
      expect(first, step).not.toHaveProperty("edited");
      await evictDurableObject(conversationStub(cid));
    }
    const kept = JSON.stringify([
      await rows(conversationStub(cid), "SELECT * FROM log"),
      await rows(conversationStub(cid), "SELECT * FROM amended"),
    ]);
    expect(kept).not.toContain('text\\"');
    const late = await connect(bob, { device: "late" });
    const head = await late.head(cid);
    expect(head.last).toMatchObject({ seq: 1, recalled: true });
    expect(head.last).not.toHaveProperty("body");
  });

  test("a retry of what was recalled finds it, and brings nothing back", async () => {
    const { cid, a, b } = await chat();
    const { id } = await a.answered(a.all("sent")[0]?.id as string);
    await amend(a, cid, "recall");
    expect(await a.sent(cid, "first text", { id })).toMatchObject({ seq: 1, duplicate: true });
    expect(await a.refused({ t: "send", id, to: cid, body: { text: "other" } })).toBe("id_conflict");
    expect((await b.history(cid))[0]).toMatchObject({ recalled: true });
  });

  test("reactions are every member's, one of a kind each, and can be taken back", async () => {
    const { alice, bob, cid, a, b } = await chat();
    for (const device of [a, b, b]) await amend(device, cid, "react", { emoji: "👍" });
    await amend(b, cid, "react", { emoji: "🎉" });
    expect((await a.history(cid))[0]?.reactions).toEqual({ "👍": [alice, bob], "🎉": [bob] });
    await amend(a, cid, "unreact", { emoji: "👍" });
    await amend(b, cid, "unreact", { emoji: "🎉" });
    await evictDurableObject(conversationStub(cid));
    expect((await a.history(cid))[0]).toMatchObject({ reactions: { "👍": [bob] } });
    await amend(b, cid, "unreact", { emoji: "👍" });
    expect((await a.history(cid))[0]).not.toHaveProperty("reactions");
  });

  test("[UNR1] amendments count for nobody and read nothing", async () => {
    const { cid, a, b } = await chat();
    await amend(a, cid, "edit", { text: "second text" });
    await amend(b, cid, "react", { emoji: "👍" });
    await b.reached(cid, 3);
    expect(await b.head(cid)).toMatchObject({ head: 3, read: 0, unread: 1 });
  });
});

describe("what is refused", () => {
  test("only its sender edits and recalls a message", async () => {
    const { cid, b } = await chat();
    const edit = { t: "amend", id: b.id(), cid, target: 1, op: "edit", body: { text: "mine" } };
    expect(await b.refused(edit)).toBe("permission_denied");
    expect(await b.refused({ t: "amend", id: b.id(), cid, target: 1, op: "recall" })).toBe("permission_denied");
    expect(await b.history(cid)).toMatchObject([{ seq: 1, body: { text: "first text" } }]);
  });

  test("[SEC1] a stranger amends nothing, whatever there is", async () => {
    const { cid, a } = await chat();
    const e = await connect(await user("eve"));
    for (const target of [1, 99]) {
      for (const op of ["edit", "recall", "react", "unreact"]) {
        const body = op.startsWith("un") || op === "react" ? { emoji: "👍" } : { text: "x" };
        expect(await e.refused({ t: "amend", id: e.id(), cid, target, op, body })).toBe("not_member");
      }
    }
    expect(await a.history(cid)).toMatchObject([{ seq: 1, body: { text: "first text" } }]);
  });

  test("a recall comes in time; an edit may come later", async () => {
    const { alice, cid } = await chat();
    advance(RECALL_MS - 10_000);
    const desk = await connect(alice, { device: "desk" });
    await desk.sent(cid, "newer");
    advance(10_001);
    const late = await connect(alice, { device: "late" });
    expect(await late.refused({ t: "amend", id: late.id(), cid, target: 1, op: "recall" })).toBe("permission_denied");
    expect(await amend(late, cid, "recall", undefined, 2)).toBe(3);
    expect(await amend(late, cid, "edit", { text: "late" })).toBe(4);
  });

  test("what is not there, not a message, or recalled is not amended", async () => {
    const { cid, a, b } = await chat();
    await amend(a, cid, "edit", { text: "second text" });
    const refused = (target: number, op: string, body?: unknown): Promise<string> =>
      a.refused({ t: "amend", id: a.id(), cid, target, op, ...(body !== undefined && { body }) });
    expect(await refused(99, "edit", { text: "x" })).toBe("not_found");
    expect(await refused(2, "edit", { text: "x" })).toBe("invalid_argument");
    expect(await refused(2, "recall")).toBe("invalid_argument");
    expect(await refused(1, "edit", { emoji: "no text" })).toBe("invalid_argument");
    expect(await refused(1, "edit", { text: "" })).toBe("invalid_argument");
    expect(await refused(1, "edit", { text: "x".repeat(8193) })).toBe("too_large");
    expect(await refused(1, "react", {})).toBe("invalid_argument");
    expect(await refused(0, "recall")).toBe("invalid_argument");
    expect(await refused(1, "sing")).toBe("invalid_argument");
    await amend(a, cid, "recall");
    expect(await refused(1, "recall")).toBe("not_found");
    expect(await refused(1, "edit", { text: "x" })).toBe("not_found");
    expect(await refused(1, "react", { emoji: "👍" })).toBe("not_found");
    expect((await b.history(cid)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  test("amendments of one batch see each other", async () => {
    const { cid, a } = await chat();
    const ids = [a.id(), a.id(), a.id(), a.id()] as const;
    a.write(
      { t: "send", id: ids[0], to: cid, body: { text: "short-lived" } },
      { t: "amend", id: ids[1], cid, target: 2, op: "edit", body: { text: "edited" } },
      { t: "amend", id: ids[2], cid, target: 2, op: "recall" },
      { t: "amend", id: ids[3], cid, target: 2, op: "edit", body: { text: "too late" } },
    );
    expect(await a.next("error")).toMatchObject({ ref: ids[3], code: "not_found" });
    expect((await a.history(cid))[1]).toMatchObject({ seq: 2, recalled: true });
    expect(JSON.stringify(await rows(conversationStub(cid), "SELECT body FROM log"))).not.toMatch(/short-lived|edited/);
  });
});
