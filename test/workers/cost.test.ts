/** What messages cost on the platform: counted, never timed. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { Cost } from "../../src/durable-objects/cost.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import type { Device } from "../support/device.ts";
import { advance } from "../support/faults.ts";
import { connect, conversationStub, pair, range, userStub } from "../support/workers.ts";

interface Chat {
  readonly alice: Uid;
  readonly bob: Uid;
  readonly cid: Cid;
  readonly a: Device;
  readonly b: Device;
  /** Calls of this test alone to each user's object since the objects woke. */
  nudges: number;
}

interface Total {
  readonly rows: number;
  readonly requests: number;
  /** Per object, alice's, bob's and the conversation: rows, calls and alarms, link messages. */
  readonly parts: string;
}

/** The platform's list price in dollars per million. */
const PRICE = { rows: 1, requests: 0.15 };
/** A WebSocket message that arrives at an object, as a part of a request. */
const LINK_MESSAGE = 1 / 20;
/** Longer than an object puts anything off, ms. */
const PUT_OFF = 2000;

function stubs({ alice, bob, cid }: Chat): DurableObjectStub[] {
  return [userStub(alice), userStub(bob), conversationStub(cid)];
}

/**
 * A chat in which both wrote long ago and which sleeps since, as nearly every chat does when somebody writes: heads and names
 * are there, and the counts begin at zero with the wake.
 */
async function quietChat(receiver: "online" | "offline"): Promise<Chat> {
  const { alice, bob, cid } = await pair();
  const [a, b] = [await connect(alice), await connect(bob)];
  await a.sent(cid, "long ago");
  await b.reached(cid, 1);
  await b.sent(cid, "and an answer");
  await a.reached(cid, 2);
  if (receiver === "offline") await b.close();
  const chat = { alice, bob, cid, a, b, nudges: 0 };
  await total(chat);
  await runInDurableObject(conversationStub(cid), (_, { storage }) => {
    storage.sql.exec("UPDATE log SET ts = ts - 3600000");
  });
  for (const stub of stubs(chat)) await evictDurableObject(stub);
  return { ...chat, nudges: 0 };
}

/** The counts of the three objects once everything that was put off has happened and no alarm is left: that is part of the cost. */
async function total(chat: Chat): Promise<Total> {
  const { alice, bob, cid } = chat;
  for (let before = ""; ;) {
    advance(PUT_OFF);
    // Any event makes an object look at its clock.
    chat.nudges += 1;
    for (const uid of [alice, bob]) await userStub(uid).signal({ t: "typing", cid, user: uid, on: false });
    let alarms = 0;
    for (const stub of stubs(chat)) if (await runDurableObjectAlarm(stub)) alarms += 1;
    const parts = await Promise.all(stubs(chat).map((stub) => costOf(stub)));
    for (const part of parts.slice(0, 2)) part.requests -= chat.nudges;
    const now = JSON.stringify(parts);
    if (now === before && alarms === 0) return sum(parts);
    before = now;
  }
}

function sum(parts: readonly Cost[]): Total {
  let [rows, requests] = [0, 0];
  for (const part of parts) {
    rows += part.rowsWritten;
    requests += part.requests + part.linkMessages * LINK_MESSAGE;
  }
  return { rows, requests, parts: parts.map((p) => `${p.rowsWritten} ${p.requests} ${p.linkMessages}`).join(" | ") };
}

function costOf(stub: DurableObjectStub): Promise<Cost> {
  return runInDurableObject<DurableObject & { cost: Cost }, Cost>(stub, ({ cost }) => ({ ...cost }));
}

/** One line of the table; the figures per message. */
function report(name: string, cost: Total, messages: number): { rows: number; requests: number } {
  const [rows, requests] = [cost.rows / messages, cost.requests / messages];
  const dollars = (rows * PRICE.rows + requests * PRICE.requests).toFixed(2);
  const figures = `rows ${rows.toFixed(2)}  requests ${requests.toFixed(2)}  $ per million ${dollars}`;
  console.log(`${name.padEnd(40)}${figures}  (${cost.parts})`);
  return { rows, requests };
}

describe("a lone direct message", () => {
  test("to somebody who is offline", async () => {
    const chat = await quietChat("offline");
    await chat.a.sent(chat.cid, "hello");
    const cost = report("lone, receiver offline", await total(chat), 1);
    expect(cost.rows).toBeLessThanOrEqual(3.5);
    expect(cost.requests).toBeLessThanOrEqual(3.2);
  });

  test("acknowledged and read at once", async () => {
    const chat = await quietChat("online");
    const { a, b, cid } = chat;
    const id = a.send(cid, "hello");
    await b.reached(cid, 3);
    b.write({ t: "ack", cid, seq: 3 }, { t: "read", cid, seq: 3 });
    await a.answered(id);
    await a.next("receipt", ({ read }) => read === 3);
    const cost = report("lone, acknowledged and read at once", await total(chat), 1);
    expect(cost.rows).toBeLessThanOrEqual(3.5);
    expect(cost.requests).toBeLessThanOrEqual(3.2);
  });

  test("acknowledged at once, read some time later", async () => {
    const chat = await quietChat("online");
    const { a, b, cid } = chat;
    const id = a.send(cid, "hello");
    await b.reached(cid, 3);
    b.write({ t: "ack", cid, seq: 3 });
    await a.answered(id);
    await a.next("receipt", ({ delivered }) => delivered === 3);
    await total(chat);
    b.write({ t: "read", cid, seq: 3 });
    await a.next("receipt", ({ read }) => read === 3);
    const cost = report("lone, acknowledged at once, read later", await total(chat), 1);
    // Not a budget: a guard, so that a change shows.
    expect(cost.rows).toBeLessThanOrEqual(5);
    expect(cost.requests).toBeLessThanOrEqual(3.2);
  });
});

describe("a burst of ten direct messages", () => {
  test("sent back to back, acknowledged as they come, read at the end", async () => {
    const chat = await quietChat("online");
    const { a, b, cid } = chat;
    const ids = range(1, 10).map((n) => a.send(cid, `${n}`));
    for (const seq of range(3, 12)) {
      await b.reached(cid, seq);
      b.write({ t: "ack", cid, seq });
    }
    b.write({ t: "read", cid, seq: 12 });
    for (const id of ids) await a.answered(id);
    await a.next("receipt", ({ read }) => read === 12);
    const cost = report("burst of 10, acknowledged, read once", await total(chat), 10);
    expect(cost.rows).toBeLessThanOrEqual(1.5);
    expect(cost.requests).toBeLessThanOrEqual(1.5);
  });
});

describe("an idle connection", () => {
  test("wakes no object, however often it pings", async () => {
    const chat = await quietChat("online");
    for (const n of range(1, 50)) {
      for (const device of [chat.a, chat.b]) device.write({ t: "ping", n });
      for (const device of [chat.a, chat.b]) expect((await device.next("pong")).n).toBe(n);
    }
    const cost = await total(chat);
    report("50 pings on each of two connections", cost, 1);
    expect(cost).toMatchObject({ rows: 0, requests: 0 });
  });
});

describe("a device that comes and goes", () => {
  test("writes a row each time, and none when its link is made anew", async () => {
    const chat = await quietChat("online");
    const { alice, b } = chat;
    const desk = await connect(alice, { device: "desk" });
    await desk.close();
    await expect.poll(() => online(alice), { timeout: 20_000 }).toBe(1);
    expect(report("a new device comes and goes", await total(chat), 1).rows).toBe(2);
    await evictDurableObject(userStub(alice), { webSockets: "close" });
    // The counts began anew with it: whatever is counted now, the new links cost.
    await expect.poll(() => online(alice), { timeout: 20_000 }).toBe(1);
    expect((await total({ ...chat, nudges: 0 })).rows).toBe(0);
    expect(b.closed).toBeUndefined();
  });
});

/** How many devices of a user are online. */
async function online(uid: Uid): Promise<number> {
  const devices = await userStub(uid).devices();
  return devices.filter((device) => device.online).length;
}
