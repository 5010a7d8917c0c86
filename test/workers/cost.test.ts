/** What messages cost on the platform: counted, never timed. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { Cost } from "../../src/durable-objects/cost.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import type { Device } from "../support/device.ts";
import { connect, conversationStub, pair, range, userStub } from "../support/workers.ts";

interface Chat {
  readonly alice: Uid;
  readonly bob: Uid;
  readonly cid: Cid;
  readonly a: Device;
  readonly b: Device | undefined;
}

/** The platform's list price in dollars per million. */
const PRICE = { rows: 1, requests: 0.15 };
/** A WebSocket message that arrives at an object, as a part of a request. */
const LINK_MESSAGE = 1 / 20;

function stubs({ alice, bob, cid }: Chat): DurableObjectStub<never>[] {
  return [userStub(alice), userStub(bob), conversationStub(cid)] as unknown as DurableObjectStub<never>[];
}

/**
 * A chat in which somebody wrote long ago and which sleeps since, as nearly every chat does whenever somebody writes: heads
 * and names are there, counts begin at zero with the wake.
 */
async function quietChat(online: boolean): Promise<Chat> {
  const { alice, bob, cid } = await pair();
  const a = await connect(alice);
  const b = await connect(bob);
  await a.sent(cid, "long ago");
  await b.reached(cid, 1);
  await b.sent(cid, "and an answer");
  await a.reached(cid, 2);
  const chat = { alice, bob, cid, a, b: online ? b : undefined };
  if (!online) await b.close();
  await quiet(chat);
  await runInDurableObject(conversationStub(cid), (_, { storage }) => {
    storage.sql.exec("UPDATE log SET ts = ts - 3600000");
  });
  for (const stub of stubs(chat)) await evictDurableObject(stub);
  expect(await cost(chat)).toMatchObject({ rows: 0, requests: 0 });
  return chat;
}

/** Waits until nothing is unwritten and unsaid, and no alarm is left: what runs later is part of the cost. */
async function quiet(chat: Chat): Promise<void> {
  for (let before = ""; ;) {
    for (const stub of stubs(chat)) await runDurableObjectAlarm(stub);
    const now = JSON.stringify(await Promise.all(stubs(chat).map((stub) => busy(stub))));
    if (now === before && !now.includes("true")) return;
    before = now;
    // Longer than anything that is put off: a flush, a receipt.
    await scheduler.wait(1200);
  }
}

/** The counts of an object, and whether an alarm is set. */
function busy(stub: DurableObjectStub): Promise<{ cost: Cost; alarm: boolean }> {
  return runInDurableObject<DurableObject & { cost: Cost }, { cost: Cost; alarm: boolean }>(
    stub,
    async (object, { storage }) => ({ cost: { ...object.cost }, alarm: (await storage.getAlarm()) !== null }),
  );
}

async function cost(chat: Chat): Promise<{ rows: number; requests: number; parts: string }> {
  const parts = await Promise.all(stubs(chat).map(async (stub) => (await busy(stub)).cost));
  const sum = (of: (part: Cost) => number): number => parts.reduce((total, part) => total + of(part), 0);
  return {
    rows: sum(({ rowsWritten }) => rowsWritten),
    requests: sum(({ requests, linkMessages }) => requests + linkMessages * LINK_MESSAGE),
    parts: parts.map((p) => `${p.rowsWritten} ${p.requests} ${p.linkMessages}`).join(" | "),
  };
}

/** One line of the table, per message. */
function report(name: string, total: { rows: number; requests: number; parts: string }, messages: number): void {
  const [rows, requests] = [total.rows / messages, total.requests / messages];
  const dollars = rows * PRICE.rows + requests * PRICE.requests;
  console.log(
    `${name.padEnd(44)} rows ${rows.toFixed(2)}  requests ${requests.toFixed(2)}  $ per million ${dollars.toFixed(2)}  (${total.parts})`,
  );
}

describe("a lone direct message", () => {
  test("to somebody who is offline", async () => {
    const chat = await quietChat(false);
    await chat.a.sent(chat.cid, "hello");
    await quiet(chat);
    const total = await cost(chat);
    report("lone, receiver offline", total, 1);
    expect(total.rows).toBeLessThanOrEqual(3.5);
    expect(total.requests).toBeLessThanOrEqual(3.2);
  });

  test("acknowledged and read at once", async () => {
    const chat = await quietChat(true);
    const { a, b, cid } = chat;
    const sent = a.sent(cid, "hello");
    await b?.reached(cid, 3);
    b?.write({ t: "ack", cid, seq: 3 }, { t: "read", cid, seq: 3 });
    await sent;
    await a.until(() => a.all("receipt").some(({ read }) => read === 3), "the receipt");
    await quiet(chat);
    const total = await cost(chat);
    report("lone, acknowledged and read at once", total, 1);
    expect(total.rows).toBeLessThanOrEqual(3.5);
    expect(total.requests).toBeLessThanOrEqual(3.2);
  });

  test("acknowledged at once, read some seconds later", async () => {
    const chat = await quietChat(true);
    const { a, b, cid } = chat;
    const sent = a.sent(cid, "hello");
    await b?.reached(cid, 3);
    b?.write({ t: "ack", cid, seq: 3 });
    await sent;
    await a.until(() => a.all("receipt").some(({ delivered }) => delivered === 3), "delivered");
    await quiet(chat);
    b?.write({ t: "read", cid, seq: 3 });
    await a.until(() => a.all("receipt").some(({ read }) => read === 3), "read");
    await quiet(chat);
    const total = await cost(chat);
    report("lone, acknowledged at once, read later", total, 1);
    // No budget of the design: a guard, so that a change shows.
    expect(total.rows).toBeLessThanOrEqual(99);
    expect(total.requests).toBeLessThanOrEqual(99);
  });
});

describe("a burst of ten direct messages", () => {
  test("sent back to back, acknowledged as they come, read at the end", async () => {
    const chat = await quietChat(true);
    const { a, b, cid } = chat;
    const ids = range(1, 10).map((n) => a.send(cid, `${n}`));
    for (const seq of range(3, 12)) {
      await b?.reached(cid, seq);
      b?.write({ t: "ack", cid, seq });
    }
    b?.write({ t: "read", cid, seq: 12 });
    for (const id of ids) await a.answered(id);
    await a.until(() => a.all("receipt").some(({ read }) => read === 12), "the receipt");
    await quiet(chat);
    const total = await cost(chat);
    report("burst of 10, acknowledged, read once", total, 10);
    expect(total.rows / 10).toBeLessThanOrEqual(1.5);
    expect(total.requests / 10).toBeLessThanOrEqual(1.5);
  });
});

describe("an idle connection", () => {
  test("wakes no object, however often it pings", async () => {
    const chat = await quietChat(true);
    const { a, b } = chat;
    for (const n of range(1, 50)) {
      for (const device of [a, b]) device?.write({ t: "ping", n });
      for (const device of [a, b]) expect((await device?.next("pong"))?.n).toBe(n);
    }
    const total = await cost(chat);
    report("50 pings on each of two connections", total, 1);
    expect(total).toMatchObject({ rows: 0, requests: 0 });
  });
});
