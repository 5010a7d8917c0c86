/** Objects that die under live connections, in the middle of traffic. */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import type { Device } from "../support/device.ts";
import { abort, breakDisk, hold } from "../support/faults.ts";
import { connect, conversationStub, pair, range, rows, userStub } from "../support/workers.ts";

function alarmOf(stub: DurableObjectStub): Promise<number | null> {
  return runInDurableObject<DurableObject, number | null>(stub, (_, { storage }) => storage.getAlarm());
}

describe("an object aborted under a live connection: the client's socket stays open, and nothing is missing or doubled", () => {
  const VICTIMS: [string, (chat: { alice: Uid; bob: Uid; cid: Cid }) => DurableObjectStub][] = [
    ["the sender's object", ({ alice }) => userStub(alice)],
    ["the receiver's object", ({ bob }) => userStub(bob)],
    ["the conversation", ({ cid }) => conversationStub(cid)],
  ];

  test.each(VICTIMS)("[RES1] [DUP1] [ORD2] %s, between messages that are on their way", async (_, victim) => {
    const chat = await pair();
    const { alice, bob, cid } = chat;
    const [a, desk, b] = [await connect(alice), await connect(alice, { device: "desk" }), await connect(bob)];
    const ids: string[] = [];
    for (const round of range(1, 6)) {
      ids.push(...range(1, 10).map((n) => a.send(cid, `${round}.${n}`)));
      if (round % 2 === 0) await a.answered(ids.at(-5) as string);
      await abort(victim(chat));
    }
    for (const id of ids) await a.answered(id);
    for (const device of [a, desk, b]) {
      expect(await device.everything(cid, 60)).toEqual(range(1, 60));
      expect(device.disorder(cid)).toEqual([]);
      expect(device.closed).toBeUndefined();
    }
    expect((await b.history(cid)).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await b.head(cid, 60)).toMatchObject({ head: 60, read: 0, unread: 60 });
    expect(await desk.head(cid, 60)).toMatchObject({ head: 60, read: 60, unread: 0 });
  });

  test("[RES1] requests without an answer are asked again: pull, sync, release", async () => {
    const { alice, cid } = await pair();
    const a = await connect(alice);
    const { id } = await a.sent(cid, "one", { qos: 2 });
    const held = await hold(conversationStub(cid));
    a.write({ t: "pull", req: "p", cid }, { t: "sync", req: "s", since: 0 }, { t: "release", ids: [id] });
    await abort(userStub(alice));
    await held.release();
    await a.until(() => a.all("page").some(({ req }) => req === "p"), "the page");
    await a.until(() => a.all("synced").some(({ req }) => req === "s"), "synced");
    await a.until(() => a.all("released").length > 0, "released");
    expect(a.closed).toBeUndefined();
  });

  test("[RCP1] watermarks that its object had not written are told to it again", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    for (const n of range(1, 5)) await a.sent(cid, `${n}`);
    await b.reached(cid, 5);
    b.write({ t: "read", cid, seq: 4 }, { t: "ack", cid, seq: 5 });
    await b.sync();
    await abort(userStub(bob));
    await a.until(() => a.all("receipt").some(({ delivered }) => delivered === 5), "delivered");
    await a.until(() => a.all("receipt").some(({ read }) => read === 4), "read");
    expect(await b.head(cid)).toMatchObject({ read: 4, unread: 1 });
    expect(b.closed).toBeUndefined();
  });
});

describe("a receipt that the writer's object did not live to hear", () => {
  test("[RCP1] [RES1] arrives all the same, though the reader has nothing more to say", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    const id = a.send(cid, "one");
    await b.reached(cid, 1);
    // The reader marks while the conversation waits for it; the writer dies before it has the answer.
    const held = await hold(userStub(alice));
    b.write({ t: "ack", cid, seq: 1 }, { t: "read", cid, seq: 1 });
    await expect.poll(() => rows(userStub(bob), "SELECT read FROM head"), { timeout: 20_000 }).toEqual([{ read: 1 }]);
    await held.kill();
    expect((await a.answered(id)).seq).toBe(1);
    await expect
      .poll(async () => (await a.head(cid)).peer, { timeout: 20_000 })
      .toMatchObject({ delivered: 1, read: 1 });
  });
});

describe("everything dies in the middle of traffic", () => {
  test("[ORD1] [ORD2] [DUR1] [RES1] three times, with both sides sending: each message once, in order, counts exact", async () => {
    const { alice, bob, cid } = await pair();
    const devices = [
      await connect(alice),
      await connect(alice, { device: "desk" }),
      await connect(bob),
      await connect(bob, { device: "desk" }),
    ];
    const ids: { device: Device; id: string }[] = [];
    for (const round of range(1, 3)) {
      for (const device of devices) {
        for (const n of range(1, 12)) ids.push({ device, id: device.send(cid, `${round}.${n}`) });
        device.write({ t: "read", cid, seq: Math.max(1, ...device.seqs(cid)) });
      }
      await ids.at(-30)?.device.answered(ids.at(-30)?.id as string);
      await abortAllDurableObjects();
    }
    for (const { device, id } of ids) await device.answered(id);
    const head = 3 * 12 * 4;
    for (const device of devices) {
      expect(await device.everything(cid, head)).toEqual(range(1, head));
      expect(device.disorder(cid)).toEqual([]);
      expect(device.closed).toBeUndefined();
    }
    const log = (await devices[0]?.history(cid)) ?? [];
    expect(log.map(({ seq }) => seq)).toEqual(range(1, head));
    expect(log.map(({ id }) => id).toSorted()).toEqual(ids.map(({ id }) => id).toSorted());
    for (const [uid, device] of [
      [alice, devices[1]],
      [bob, devices[3]],
    ] as const) {
      const view = await device?.head(cid, head);
      const unread = log.filter(({ from, seq }) => from !== uid && (seq ?? 0) > (view?.read ?? 0)).length;
      expect(view).toMatchObject({ head, unread });
    }
  });

  test("[DUR1] whatever was answered with `sent` is there after the conversation died at that moment", async () => {
    const { alice, cid } = await pair();
    const a = await connect(alice);
    for (const n of range(1, 12)) {
      const { seq, id } = await a.sent(cid, `${n}`);
      await abort(conversationStub(cid));
      expect(await rows(conversationStub(cid), "SELECT seq, id FROM log ORDER BY seq DESC LIMIT 1")).toEqual([
        { seq, id },
      ]);
      expect(seq).toBe(n);
    }
  });
});

describe("what a member's object has not taken", () => {
  test("[DUR3] is offered again after the conversation died between commit and push, and the receiver with it", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    await a.sent(cid, "one");
    await b.reached(cid, 1);
    const held = await hold(userStub(bob));
    expect((await a.sent(cid, "two")).seq).toBe(2);
    await abort(conversationStub(cid));
    await held.kill();
    expect(await b.head(cid)).toMatchObject({ head: 1 });
    expect(b.seqs(cid)).toEqual([1]);
    expect(await alarmOf(conversationStub(cid))).not.toBeNull();
    expect(await runDurableObjectAlarm(conversationStub(cid))).toBe(true);
    await b.reached(cid, 2);
    expect(await b.head(cid)).toMatchObject({ head: 2, unread: 2 });
    expect(b.seqs(cid)).toEqual([1, 2]);
    expect(b.closed).toBeUndefined();
  });

  test("[DUR3] a lone message is not `sent` before the receiver has it on disk or an alarm stands behind it", async () => {
    const { alice, bob, cid } = await pair();
    const a = await connect(alice);
    expect((await a.sent(cid, "one")).seq).toBe(1);
    expect(await rows(userStub(bob), "SELECT head FROM head")).toEqual([{ head: 1 }]);
    expect(await alarmOf(conversationStub(cid))).toBeNull();
    const fresh = await pair();
    const f = await connect(fresh.alice);
    const held = await hold(userStub(fresh.bob));
    expect((await f.sent(fresh.cid, "one")).seq).toBe(1);
    expect(await alarmOf(conversationStub(fresh.cid))).not.toBeNull();
    await held.release();
  });

  test("[DUR3] a receiver that dies with a push in its hands is offered it again without waiting for the alarm", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    const held = await hold(userStub(bob));
    await a.sent(cid, "one");
    await held.kill();
    expect(await b.everything(cid, 1)).toEqual([1]);
    expect(await b.head(cid)).toMatchObject({ head: 1, unread: 1 });
  });

  test("[DUR3] a receiver whose disk refused forgets with its death, and is offered it again; its device gets it once", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    const mend = await breakDisk(() => userStub(bob), "INSERT ON head");
    expect((await a.sent(cid, "one")).seq).toBe(1);
    await b.reached(cid, 1);
    expect(await rows(userStub(bob), "SELECT head FROM head")).toEqual([]);
    expect(await alarmOf(conversationStub(cid))).not.toBeNull();
    await abort(userStub(bob));
    await mend();
    expect(await runDurableObjectAlarm(conversationStub(cid))).toBe(true);
    await a.sent(cid, "two");
    expect(await b.everything(cid, 2)).toEqual([1, 2]);
    expect(b.disorder(cid)).toEqual([]);
    expect(await b.head(cid)).toMatchObject({ head: 2, unread: 2 });
  });

  test("[DUR3] the alarm goes on until everybody has it, then stops", async () => {
    const { alice, bob, cid } = await pair();
    const a = await connect(alice);
    const mend = await breakDisk(() => userStub(bob), "INSERT ON head");
    await a.sent(cid, "one");
    for (const _ of range(1, 2)) {
      expect(await runDurableObjectAlarm(conversationStub(cid))).toBe(true);
      expect(await alarmOf(conversationStub(cid))).not.toBeNull();
    }
    await mend();
    await expect
      .poll(
        async () => {
          await runDurableObjectAlarm(conversationStub(cid));
          return alarmOf(conversationStub(cid));
        },
        { timeout: 20_000 },
      )
      .toBeNull();
    expect(await rows(userStub(bob), "SELECT head FROM head")).toEqual([{ head: 1 }]);
    expect(await rows(userStub(alice), "SELECT head FROM head")).toEqual([{ head: 1 }]);
  });
});
