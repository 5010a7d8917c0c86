/** What applications see of bad links, dead servers and reloads: nothing but that it takes longer. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server } from "../support/server.ts";
import { config, Person, type Device } from "./people.ts";
import { startWeather } from "./weather.ts";

/** For those who need no server of their own. */
let shared: Server;
beforeAll(async () => {
  shared = await startServer({ config });
});
afterAll(async () => shared[Symbol.asyncDispose]());

/** Numbers in the order in which they were told, of texts like `a 17`. */
function numbers(device: Device, cid: string, from: string): number[] {
  return device.texts(cid).flatMap((text) => (text.startsWith(`${from} `) ? [Number(text.slice(2))] : []));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n + 1);
}

const SEED = Number(process.env["E2E_SEED"] ?? 20_261_125);

test("[RES1] [DUP3] over links that keep breaking everything arrives once, in order, both ways", async () => {
  const messages = 200;
  // Pings often, so that a connection that has fallen silent is soon given up.
  await using server = await startServer({ config: { ...config, timeouts: { heartbeat_ms: 4000 } } });
  await using weather = await startWeather(server.port, { seed: SEED, lifeMs: 700, delayMs: 12, silentOneIn: 8 });
  await using alice = await Person.register(server.url, "alice");
  await using bob = await Person.register(server.url, "bob");
  const [a, b] = [await alice.device("phone", { url: weather.url }), await bob.device("phone", { url: weather.url })];
  const tablet = await bob.device("tablet", { url: weather.url });
  const [atA, atB] = [await a.chat.direct(bob.uid), await b.chat.direct(alice.uid)];
  const { cid } = atA;
  const write = async (room: typeof atA, from: string): Promise<void> => {
    for (const n of upTo(messages)) {
      room.send(`${from} ${n}`);
      if (n % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 60));
    }
  };
  await Promise.all([write(atA, "a"), write(atB, "b")]);
  const cuts = weather.cuts();
  weather.clear();
  for (const one of [a, b, tablet]) {
    const room = await one.chat.conversation(cid);
    // First what it still catches up with: a device that was away for long has the newest, and pages for the rest.
    // One's own newest may have its place before what lies between is here: so without a hole.
    const whole = (): boolean => room.messages.every(({ seq }, n) => seq === (room.messages[0]?.seq ?? 0) + n);
    await one.until(
      () => room.head === 2 * messages && room.messages.at(-1)?.seq === room.head && whole(),
      "everything",
    );
    while (await room.older());
    // In the log, once each, in the order of writing.
    for (const from of ["a", "b"]) {
      const texts = room.messages.flatMap(({ text }) => (text.startsWith(`${from} `) ? [Number(text.slice(2))] : []));
      expect(texts).toEqual(upTo(messages));
    }
  }
  expect(numbers(b, cid, "a")).toEqual(upTo(messages));
  expect(numbers(a, cid, "b")).toEqual(upTo(messages));
  expect([...numbers(tablet, cid, "a"), ...numbers(tablet, cid, "b")]).toEqual([...upTo(messages), ...upTo(messages)]);
  expect(cuts).toBeGreaterThan(5);
  expect(a.chat.outbox + b.chat.outbox).toBe(0);
});

test("[DUR1] [DUP1] the server is killed while both write: nothing is lost, nothing doubled", async () => {
  const messages = 120;
  let server = await startServer({ config });
  const { data, port } = server;
  try {
    await using alice = await Person.register(server.url, "alice");
    await using bob = await Person.register(server.url, "bob");
    const [a, b] = [await alice.device(), await bob.device()];
    const [atA, atB] = [await a.chat.direct(bob.uid), await b.chat.direct(alice.uid)];
    const write = async (): Promise<void> => {
      for (const n of upTo(messages)) {
        atA.send(`a ${n}`);
        atB.send(`b ${n}`);
        if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 25));
      }
    };
    const kill = async (): Promise<void> => {
      await a.until(() => atA.head > messages / 2, "half of it");
      await server.kill9();
      await a.until(() => a.chat.connection.state !== "online", "broken connection");
      server = await startServer({ data, port, config });
    };
    await Promise.all([write(), kill()]);
    for (const [one, room] of [
      [a, atA],
      [b, atB],
    ] as const) {
      await one.until(() => one.chat.outbox === 0 && room.messages.at(-1)?.seq === 2 * messages, "everything");
      expect(room.messages).toHaveLength(2 * messages);
    }
    expect(numbers(b, atA.cid, "a")).toEqual(upTo(messages));
    expect(numbers(a, atA.cid, "b")).toEqual(upTo(messages));
  } finally {
    await server[Symbol.asyncDispose]();
    rmSync(data, { recursive: true, force: true });
  }
});

test("[DUP1] a device that is started anew in the middle of sending sends the rest, and nothing twice", async () => {
  const server = shared;
  await using weather = await startWeather(server.port, { seed: 1, lifeMs: 1e9, delayMs: 30, silentOneIn: 1e9 });
  await using alice = await Person.register(server.url, "alice");
  await using bob = await Person.register(server.url, "bob");
  const b = await bob.device();
  const atB = await b.chat.direct(alice.uid);
  for (const [part, first] of [1, 21, 41].entries()) {
    const device = await alice.device("phone", { url: weather.url });
    const room = await device.chat.direct(bob.uid);
    // The last of them are not even written to a connection.
    if (part === 2) {
      weather.cut();
      await device.until(() => device.chat.connection.state !== "online", "break");
    }
    const sent = upTo(20).map((n) => room.send(`a ${first + n - 1}`));
    await Promise.all(sent.map(({ kept }) => kept));
    if (part === 1) await sent[3]?.sent();
    weather.cut(part === 1);
    await device.chat.close();
  }
  const last = await alice.device("phone");
  const room = await last.chat.direct(bob.uid);
  expect(room.messages.length).toBeGreaterThan(0);
  await b.until(() => atB.messages.at(-1)?.seq === 60, "everything");
  expect(numbers(b, atB.cid, "a")).toEqual(upTo(60));
  await last.until(() => last.chat.outbox === 0 && room.messages.at(-1)?.state === "delivered", "ticks");
  expect(room.messages.map(({ text }) => text)).toEqual(upTo(60).map((n) => `a ${n}`));
});

test("whoever writes more than a connection may is slowed down, not refused", async () => {
  await using server = await startServer({ config: { ...config, limits: { rate: 100, burst: 50 } } });
  await using alice = await Person.register(server.url, "alice");
  await using bob = await Person.register(server.url, "bob");
  const refused: string[] = [];
  /** The platform's, listened to. */
  class Tapped extends WebSocket {
    constructor(url: string, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("message", ({ data }) => {
        if (String(data).includes('"t":"error"')) refused.push(String(data));
      });
    }
  }
  const [a, b] = [await alice.device("phone", { WebSocket: Tapped }), await bob.device()];
  const [atA, atB] = [await a.chat.direct(bob.uid), await b.chat.direct(alice.uid)];
  for (const n of upTo(150)) atA.send(`a ${n}`);
  await b.until(() => atB.messages.at(-1)?.text === "a 150", "everything");
  expect(numbers(b, atA.cid, "a")).toEqual(upTo(150));
  expect(refused).toEqual([]);
});

test("[RES1] after an absence that is too long for catching up, the newest is here and the rest is paged", async () => {
  const server = shared;
  await using alice = await Person.register(server.url, "alice");
  await using bob = await Person.register(server.url, "bob");
  const before = await bob.device("phone", { catchUp: 60 });
  const a = await alice.device();
  const atA = await a.chat.direct(bob.uid);
  await atA.send("a 1").sent();
  await before.until(() => before.chat.conversations[0]?.messages.length === 1, "the first message");
  await before.chat.close();
  for (const n of upTo(150)) atA.send(`a ${n + 1}`);
  await a.until(() => a.chat.outbox === 0, "empty outbox");
  const after = await bob.device("phone", { catchUp: 60 });
  const room = await after.chat.direct(alice.uid);
  expect(room.messages.map(({ text }) => text)).toEqual(["a 1"]);
  await after.until(() => room.messages.at(-1)?.text === "a 151", "the newest");
  expect(numbers(after, atA.cid, "a")).toEqual(upTo(151).slice(-50));
  expect(room.unread).toBe(151);
  while (await room.older(100));
  expect(room.messages.map(({ text }) => text)).toEqual(upTo(151).map((n) => `a ${n}`));
});
