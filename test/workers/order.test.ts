/** The numbering of a conversation, and the order in which connections learn it. */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";
import { Conversation } from "../../src/durable-objects/conversation/conversation.ts";
import { Heads } from "../../src/durable-objects/user/heads.ts";
import type { Cid } from "../../src/protocol/ids.ts";
import type { Device } from "../support/device.ts";
import { abort, hold } from "../support/faults.ts";
import { connect, conversationStub, pair, range, userStub } from "../support/workers.ts";

const PER_DEVICE = 40;

/** All devices send at once, in batches of several sizes; resolves when every device has every entry. */
async function crowd(cid: Cid, devices: readonly Device[]): Promise<void> {
  const ids = devices.map((device, d) => {
    const frames = range(1, PER_DEVICE).map((n) => ({
      t: "send",
      id: device.id(),
      to: cid,
      body: { text: `${d} ${n}` },
    }));
    for (let at = 0, size = 1; at < frames.length; at += size, size = (size * 2 + d) % 7 || 1) {
      device.write(...frames.slice(at, at + size));
    }
    return frames.map(({ id }) => id);
  });
  await Promise.all(devices.flatMap((device, d) => (ids[d] ?? []).map((id) => device.answered(id))));
  await Promise.all(devices.map((device) => device.reached(cid, devices.length * PER_DEVICE)));
}

describe("four devices of two users send at once", () => {
  test("[ORD1] the log is 1, 2, 3 … with every message once; [ORD2] each connection learns it in that order", async () => {
    const { alice, bob, cid } = await pair();
    const devices = await Promise.all([
      connect(alice, { device: "phone" }),
      connect(alice, { device: "desk" }),
      connect(bob, { device: "phone" }),
      connect(bob, { device: "desk" }),
    ]);
    await crowd(cid, devices);
    const all = range(1, devices.length * PER_DEVICE);
    const log = await devices[0]?.history(cid);
    expect(log?.map(({ seq }) => seq)).toEqual(all);
    expect(new Set(log?.map(({ id }) => id)).size).toBe(all.length);
    for (const device of devices) expect(device.seqs(cid)).toEqual(all);
  });

  test("[ORD1] each sender's messages keep the order in which the sender wrote them", async () => {
    const { alice, bob, cid } = await pair();
    const devices = [await connect(alice), await connect(bob)];
    await crowd(cid, devices);
    const log = (await devices[0]?.history(cid)) ?? [];
    for (const uid of [alice, bob]) {
      const numbers = log
        .filter(({ from }) => from === uid)
        .map(({ body }) => Number((body as { text: string }).text.split(" ")[1]));
      expect(numbers).toEqual(range(1, PER_DEVICE));
    }
  });
});

describe("between a commit and its hand-over", () => {
  test("[ORD3] a conversation starts the pushes in the turn of the commit", async () => {
    const { alice, bob, cid } = await pair();
    const a = await connect(alice);
    const b = await connect(bob);
    const trace: string[] = [];
    const { append, nextPush } = Conversation.prototype;
    vi.spyOn(Conversation.prototype, "append").mockImplementation(function (this: Conversation, ...args) {
      const result = append.apply(this, args);
      trace.push("commit");
      queueMicrotask(() => trace.push("turn over"));
      return result;
    });
    vi.spyOn(Conversation.prototype, "nextPush").mockImplementation(function (this: Conversation, ...args) {
      const call = nextPush.apply(this, args);
      if (call !== undefined) trace.push("push");
      return call;
    });
    await a.sent(cid, "one");
    await b.reached(cid, 1);
    expect(trace).toEqual(["commit", "push", "turn over"]);
  });

  test("[ORD3] a user's object hands entries to its sockets in the turn that raises the head", async () => {
    const { alice, bob, cid } = await pair();
    const a = await connect(alice);
    const b = await connect(bob);
    const trace: string[] = [];
    const { raise } = Heads.prototype;
    vi.spyOn(Heads.prototype, "raise").mockImplementation(function (this: Heads, ...args) {
      const row = raise.apply(this, args);
      trace.push("raise");
      queueMicrotask(() => trace.push("turn over"));
      return row;
    });
    const { send } = WebSocket.prototype;
    vi.spyOn(WebSocket.prototype, "send").mockImplementation(function (this: WebSocket, data) {
      if (typeof data === "string" && /^\d*;.*\n.*"t":"(?:message|sent)".*"seq":1/.test(data)) trace.push("hand over");
      send.call(this, data);
    });
    await a.sent(cid, "one");
    await b.reached(cid, 1);
    const once = ["raise", "hand over", "turn over"];
    expect(trace).toEqual([...once, ...once]);
  });
});

describe("restarts and refusals", () => {
  test("[ORD1] numbers go on where they were after the conversation slept, and after it was killed", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    const seqs: number[] = [];
    for (const rest of [evictDurableObject, abort, evictDurableObject, abort]) {
      seqs.push((await a.sent(cid, "from alice")).seq);
      await rest(conversationStub(cid));
      seqs.push((await b.sent(cid, "from bob")).seq);
      await rest(conversationStub(cid));
    }
    expect(seqs).toEqual(range(1, 8));
    expect((await a.history(cid)).map(({ seq }) => seq)).toEqual(range(1, 8));
  });

  test("[ORD1] a refused message takes no number", async () => {
    const { alice, bob, cid } = await pair();
    const a = await connect(alice);
    const b = await connect(bob);
    const ids = [a.id(), a.id(), a.id()];
    a.write(
      { t: "send", id: ids[0], to: cid, body: { text: "one" } },
      { t: "send", id: ids[1], to: cid, body: { text: "an answer to nothing" }, reply_to: 99 },
      { t: "send", id: ids[2], to: cid, body: { text: "two" }, reply_to: 1 },
    );
    expect((await a.answered(ids[2] as string)).seq).toBe(2);
    expect(await a.next("error")).toMatchObject({ code: "invalid_argument", ref: ids[1] });
    await b.reached(cid, 2);
    expect(b.all("message").map(({ id, reply_to }) => [id, reply_to])).toEqual([
      [ids[0], undefined],
      [ids[2], 1],
    ]);
  });

  test("[ORD2] what a device was not given while its object hung is announced by heads and filled by pull", async () => {
    const { alice, bob, cid } = await pair();
    const [a, a2, b] = [await connect(alice), await connect(alice, { device: "desk" }), await connect(bob)];
    await a.sent(cid, "first");
    await b.reached(cid, 1);
    const held = await hold(userStub(bob));
    // Its push is what hangs; whatever follows waits behind it, in however few calls it arrives.
    await a.sent(cid, "hanging");
    // More than a conversation keeps at hand for a member who is behind, within what one connection may send at once.
    const ids = range(1, 150).flatMap((n) => [a, a2].map((device) => ({ device, id: device.send(cid, `${n}`) })));
    for (const { device, id } of ids) await device.answered(id);
    await held.release();
    await b.reached(cid, 302);
    const told = b.seqs(cid);
    expect(told).toEqual(told.toSorted((x, y) => x - y));
    expect(told.length).toBeLessThan(302);
    expect(b.all("heads").at(-1)?.heads).toMatchObject([{ cid, head: 302, unread: 302 }]);
    expect((await b.history(cid, 1)).map(({ seq }) => seq)).toEqual(range(2, 302));
    await a.sent(cid, "after the hole");
    expect((await b.next("message", ({ seq }) => seq === 303)).body).toEqual({ text: "after the hole" });
  });
});
