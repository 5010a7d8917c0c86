/** Watermarks and unread counts. */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import type { Device } from "../support/device.ts";
import { abort } from "../support/faults.ts";
import { connect, conversationStub, pair, range, rows, userStub } from "../support/workers.ts";

/** Alice has sent some messages, which bob has and has not acknowledged. */
async function chat(messages: number): Promise<{ alice: Uid; bob: Uid; cid: Cid; a: Device; b: Device }> {
  const users = await pair();
  const [a, b] = [await connect(users.alice), await connect(users.bob)];
  await fill(a, users.cid, messages);
  await b.reached(users.cid, messages);
  return { ...users, a, b };
}

async function fill(device: Device, cid: Cid, messages: number): Promise<void> {
  const frames = range(1, messages).map((n) => ({ t: "send", id: device.id(), to: cid, body: { text: `${n}` } }));
  for (let at = 0; at < frames.length; at += 100) device.write(...frames.slice(at, at + 100));
  for (const { id } of frames) await device.answered(id);
}

describe("receipts", () => {
  test("[RCP1] the first device that acknowledges makes it delivered, any that reads makes it read", async () => {
    const { bob, cid, a, b } = await chat(3);
    const desk = await connect(bob, { device: "desk" });
    b.write({ t: "ack", cid, seq: 2 });
    expect(await a.next("receipt")).toEqual({ t: "receipt", cid, user: bob, delivered: 2 });
    desk.write({ t: "ack", cid, seq: 1 });
    desk.write({ t: "read", cid, seq: 3 });
    expect(await a.next("receipt")).toEqual({ t: "receipt", cid, user: bob, delivered: 3, read: 3 });
    expect(await a.head(cid)).toMatchObject({ peer: { uid: bob, delivered: 3, read: 3 } });
    expect(await b.next("receipt")).toEqual({ t: "receipt", cid, user: bob, delivered: 3, read: 3 });
    expect(desk.all("receipt")).toEqual([]);
  });

  test("[RCP1] they never fall, and read never passes delivered", async () => {
    const { bob, cid, a, b } = await chat(6);
    for (const [t, seq] of [
      ["read", 4],
      ["ack", 1],
      ["read", 2],
      ["ack", 5],
      ["ack", 3],
      ["read", 5],
      ["ack", 2],
      ["read", 1],
    ] as const) {
      b.write({ t, cid, seq });
      await b.sync();
    }
    await a.until(() => a.all("receipt").at(-1)?.read === 5, "the last receipt");
    let [delivered, read] = [0, 0];
    for (const receipt of a.all("receipt")) {
      expect(receipt.delivered ?? delivered).toBeGreaterThanOrEqual(delivered);
      expect(receipt.read ?? read).toBeGreaterThanOrEqual(read);
      delivered = receipt.delivered ?? delivered;
      read = receipt.read ?? read;
      expect(read).toBeLessThanOrEqual(delivered);
    }
    expect(await b.head(cid)).toMatchObject({ read: 5, unread: 1 });
    expect(await a.head(cid)).toMatchObject({ peer: { uid: bob, delivered: 5, read: 5 } });
    const marks = (): Promise<unknown> => rows(userStub(bob), "SELECT delivered, read FROM head");
    await expect.poll(marks, { timeout: 20_000 }).toEqual([{ delivered: 5, read: 5 }]);
  });

  test("[RCP1] what is beyond the head is refused and marks nothing", async () => {
    const { cid, a, b } = await chat(2);
    for (const t of ["ack", "read"]) {
      expect(await b.refused({ t, cid, seq: 3 })).toBe("invalid_argument");
      expect(await b.refused({ t, cid, seq: 0 })).toBe("invalid_argument");
      expect(await b.refused({ t, cid, seq: -1 })).toBe("invalid_argument");
      expect(await b.refused({ t, cid, seq: 1.5 })).toMatch(/^invalid_/);
    }
    b.write({ t: "ack", cid, seq: 1 });
    expect((await a.next("receipt")).delivered).toBe(1);
    expect(a.all("receipt")).toHaveLength(1);
    expect(await b.head(cid)).toMatchObject({ read: 0, unread: 2 });
  });

  test("[RCP1] both sides' watermarks outlive sleep and a late death of their objects", async () => {
    const { alice, bob, cid, a, b } = await chat(4);
    b.write({ t: "read", cid, seq: 3 });
    expect((await a.next("receipt")).read).toBe(3);
    for (const rest of [evictDurableObject, abort]) {
      for (const [uid, device] of [
        [alice, a],
        [bob, b],
      ] as const) {
        const view = await device.head(cid);
        await rest(userStub(uid));
        const { version: _, ...after } = await device.head(cid);
        expect(view).toMatchObject(after);
      }
    }
    expect(await a.head(cid)).toMatchObject({ peer: { delivered: 3, read: 3 } });
    b.write({ t: "read", cid, seq: 4 });
    await a.until(() => a.all("receipt").some(({ read }) => read === 4), "the receipt after the restarts");
  });

  test("[RCP1] who writes has read what came before: the ticks need no receipt of their own", async () => {
    const { bob, cid, a, b } = await chat(2);
    await b.sent(cid, "answer");
    await a.reached(cid, 3);
    expect(await a.next("receipt")).toEqual({ t: "receipt", cid, user: bob, delivered: 3, read: 3 });
    expect(await a.head(cid)).toMatchObject({ peer: { delivered: 3, read: 3 } });
  });

  test("[RCP1] several watermarks at once are told as one, newest only", async () => {
    const { cid, a, b } = await chat(50);
    b.write(...range(1, 50).map((seq) => ({ t: "ack", cid, seq })), { t: "read", cid, seq: 49 });
    await a.until(() => a.all("receipt").some(({ read }) => read === 49), "the receipt");
    expect(a.all("receipt")).toMatchObject([{ delivered: 50, read: 49 }]);
  });
});

describe("unread", () => {
  test("[UNR1] reading in the middle leaves what comes after", async () => {
    const { cid, b } = await chat(10);
    for (const [seq, unread] of [
      [3, 7],
      [7, 3],
      [5, 3],
      [10, 0],
    ] as const) {
      b.write({ t: "read", cid, seq });
      expect(await b.head(cid)).toMatchObject({ read: Math.max(seq, seq === 5 ? 7 : 0), unread });
    }
  });

  test("[UNR1] amendments and own messages do not count; positions in the log do", async () => {
    const { cid, a, b } = await chat(4);
    for (const target of [1, 2]) {
      const id = a.id();
      a.write({ t: "amend", id, cid, target, op: "edit", body: { text: "edited" } });
      await a.answered(id);
    }
    await fill(a, cid, 3);
    await b.reached(cid, 9);
    // 1–4 texts, 5–6 amendments, 7–9 texts
    for (const [seq, unread] of [
      [3, 4],
      [5, 3],
      [6, 3],
      [7, 2],
    ] as const) {
      b.write({ t: "read", cid, seq });
      expect(await b.head(cid)).toMatchObject({ read: seq, unread });
    }
  });

  test("[UNR1] sending reads everything up to the own message, and a peer's messages count from there", async () => {
    const { bob, cid, a, b } = await chat(5);
    const desk = await connect(bob, { device: "desk" });
    expect((await b.sent(cid, "mine")).seq).toBe(6);
    expect(await desk.head(cid)).toMatchObject({ head: 6, read: 6, unread: 0 });
    await fill(a, cid, 2);
    await b.reached(cid, 8);
    expect(await desk.head(cid)).toMatchObject({ head: 8, read: 6, unread: 2 });
    desk.write({ t: "read", cid, seq: 4 });
    expect(await desk.head(cid)).toMatchObject({ read: 6, unread: 2 });
  });

  test("[UNR1] is exact for a place that the reader's object has forgotten, and after everything slept", async () => {
    const { alice, bob, cid } = await pair();
    const a = await connect(alice);
    await fill(a, cid, 150);
    const id = a.id();
    a.write({ t: "amend", id, cid, target: 1, op: "recall" });
    await a.answered(id);
    await fill(await connect(alice, { device: "desk" }), cid, 150);
    const b = await connect(bob);
    expect(await b.head(cid)).toMatchObject({ head: 301, read: 0, unread: 300 });
    for (const [seq, unread] of [
      [10, 290],
      [150, 150],
      [151, 150],
      [152, 149],
      [300, 1],
    ] as const) {
      for (const stub of [userStub(bob), conversationStub(cid)]) await evictDurableObject(stub);
      b.write({ t: "read", cid, seq });
      await expect.poll(async () => (await b.head(cid)).read, { timeout: 20_000 }).toBe(seq);
      expect(await b.head(cid)).toMatchObject({ unread });
    }
  });

  test("[UNR1] a new device is told the same counts", async () => {
    const { bob, cid, b } = await chat(9);
    b.write({ t: "read", cid, seq: 4 });
    await b.sync();
    const late = await connect(bob, { device: "late", since: 0 });
    await late.next("synced");
    expect(late.all("heads").flatMap(({ heads }) => heads)).toMatchObject([{ cid, head: 9, read: 4, unread: 5 }]);
  });
});
