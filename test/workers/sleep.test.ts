/** Objects that were evicted from memory, their links hibernated or closed: nobody notices. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { connect, conversationStub, pair, range, userStub } from "../support/workers.ts";

const LINKS = [
  ["hibernate", "asleep with its links"],
  ["close", "gone with its links"],
] as const;

describe.each(LINKS)("a user's object that is %sd between messages", (webSockets) => {
  test("[RES1] as a sender: its devices stay in step, and an id is known", async () => {
    const { alice, bob, cid } = await pair();
    const [a, desk, b] = [await connect(alice), await connect(alice, { device: "desk" }), await connect(bob)];
    for (const n of range(1, 4)) {
      const { seq, id } = await a.sent(cid, `${n}`);
      expect(seq).toBe(n);
      await evictDurableObject(userStub(alice), { webSockets });
      expect((await a.sent(cid, `${n}`, { id })).seq).toBe(n);
      await Promise.all([desk.reached(cid, n), b.reached(cid, n)]);
    }
    for (const device of [a, desk, b]) {
      expect(await device.everything(cid, 4)).toEqual([1, 2, 3, 4]);
      expect(device.disorder(cid)).toEqual([]);
      expect(device.closed).toBeUndefined();
    }
    expect(await desk.head(cid)).toMatchObject({ head: 4, read: 4, unread: 0 });
  });

  test("[RES1] as a receiver: each message comes once, watermarks and counts stay", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b, desk] = [await connect(alice), await connect(bob), await connect(bob, { device: "desk" })];
    for (const n of range(1, 4)) {
      await evictDurableObject(userStub(bob), { webSockets });
      await a.sent(cid, `${n}`);
      await Promise.all([b.reached(cid, n), desk.reached(cid, n)]);
      if (n === 2) {
        b.write({ t: "read", cid, seq: 1 });
        await desk.next("receipt");
      }
    }
    await evictDurableObject(userStub(bob), { webSockets });
    // What was not written when the links were torn is offered again by the alarm.
    await runDurableObjectAlarm(conversationStub(cid));
    for (const device of [b, desk]) {
      expect(await device.everything(cid, 4)).toEqual([1, 2, 3, 4]);
      expect(device.disorder(cid)).toEqual([]);
      await expect.poll(async () => (await device.head(cid)).head, { timeout: 20_000 }).toBe(4);
      expect(await device.head(cid)).toMatchObject({ head: 4, read: 1, unread: 3 });
      expect(device.closed).toBeUndefined();
    }
    expect(await a.head(cid)).toMatchObject({ peer: { delivered: 1, read: 1 } });
  });

  test("[RES1] what is asked right after it is answered, on the same socket", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    await a.sent(cid, "one");
    await b.reached(cid, 1);
    await evictDurableObject(userStub(bob), { webSockets });
    b.write({ t: "ack", cid, seq: 1 });
    expect(await a.next("receipt")).toMatchObject({ delivered: 1 });
    await evictDurableObject(userStub(bob), { webSockets });
    expect((await b.pull(cid)).messages).toHaveLength(1);
    await evictDurableObject(userStub(bob), { webSockets });
    b.write({ t: "typing", cid, on: true });
    expect(await a.next("typing")).toMatchObject({ user: bob, on: true });
  });

  test("[RES1] the older of two connections of a device is replaced all the same", async () => {
    const { alice } = await pair();
    const old = await connect(alice);
    await evictDurableObject(userStub(alice), { webSockets });
    const fresh = await connect(alice);
    expect(await old.end()).toBe(4409);
    expect(await fresh.sync()).toEqual([]);
  });
});

describe("a conversation that slept", () => {
  test("[RES1] goes on: members, blocks, amendments, counts and ids are as they were", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    const { id } = await a.sent(cid, "one", { qos: 2 });
    const edit = a.id();
    a.write({ t: "amend", id: edit, cid, target: 1, op: "edit", body: { text: "edited" } });
    await a.answered(edit);
    await b.sent(cid, "two");
    await userStub(bob).setBlock(alice, true);
    await evictDurableObject(conversationStub(cid));
    expect(await a.refused({ t: "send", id: a.id(), to: cid, body: { text: "x" } })).toBe("blocked");
    await userStub(bob).setBlock(alice, false);
    await evictDurableObject(conversationStub(cid));
    expect(await a.sent(cid, "one", { id })).toMatchObject({ seq: 1, duplicate: true });
    expect(await a.sent(cid, "three")).toMatchObject({ seq: 4 });
    await b.reached(cid, 4);
    expect(b.seqs(cid)).toEqual([1, 2, 3, 4]);
    expect((await b.history(cid)).map(({ body }) => (body as { text: string }).text)).toEqual([
      "edited",
      "edited",
      "two",
      "three",
    ]);
    expect(await b.head(cid)).toMatchObject({ read: 3, unread: 1 });
  });

  test("[DUP1] knows a thousand ids again", async () => {
    const { alice, bob, cid } = await pair();
    const devices = await Promise.all(range(1, 6).map((n) => connect(n % 2 === 0 ? alice : bob, { device: `d${n}` })));
    const sent = devices.map((device) => range(1, 170).map((n) => ({ n, id: device.send(cid, `${n}`) })));
    for (const [d, ids] of sent.entries()) for (const { id } of ids) await devices[d]?.answered(id);
    await evictDurableObject(conversationStub(cid));
    for (const [d, ids] of sent.entries()) {
      for (const { n, id } of ids.filter((_, i) => i % 20 === 0)) {
        expect(await devices[d]?.sent(cid, `${n}`, { id })).toMatchObject({ duplicate: true });
      }
    }
    expect((await devices[0]?.pull(cid))?.head).toBe(6 * 170);
  });
});
