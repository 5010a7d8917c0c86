/** What waits to be sent: in its order, once, and for no longer than it has to. */
import { expect, test } from "vitest";
import type { Item, OutRecord } from "../../../client/src/core/item.ts";
import { Outbox } from "../../../client/src/core/outbox.ts";
import { timeLetters, timeOf as carried } from "../../../client/src/core/ulid.ts";
import { newId } from "../../../client/src/id.ts";
import type { AmendFrame, SendFrame } from "../../../client/src/wire.ts";
import type { FakeDevice } from "./device.ts";
import { calm, CID, connected, entry, frames, head, paged, told } from "./said.ts";
import type { FakeServer } from "./server.ts";

const send = (id: string, more: Partial<SendFrame> = {}): SendFrame => ({
  t: "send",
  id,
  to: "c",
  kind: "text",
  body: { text: id },
  ...more,
});

test("each conversation's messages go in their order; one that has to wait holds up its own only", () => {
  const outbox = new Outbox();
  for (const id of ["1", "2", "3"]) outbox.add("x", send(id), 0, 0);
  for (const id of ["4", "5"]) outbox.add("y", send(id), 0, 0);
  const ids = (now: number, room = 10): string[] => outbox.next(now, room, 100, 0).map(({ record }) => record.frame.id);
  // In turn, so that what one has in plenty keeps no other waiting.
  expect(ids(0, 2)).toEqual(["1", "4"]);
  const first = outbox.byId("1");
  if (first === undefined) throw new Error("lost");
  expect(outbox.refused(first, { code: "overloaded", message: "" }, 100, 0, 0)).toBe(true);
  expect(ids(0)).toEqual(["5"]);
  expect(outbox.nextTick(true)).toBe(100);
  // Not lost when it is asked for only after that.
  expect(ids(99)).toEqual([]);
  expect(outbox.nextTick(true)).toBe(100);
  expect(ids(100)).toEqual(["1", "2", "3"]);
  expect(outbox.grounded()).toHaveLength(5);
  expect(ids(200)).toEqual(["4", "1", "5", "2", "3"]);
  expect(outbox.waiting).toBe(5);
});

test("an id that has become too old is changed if nobody can have seen it, or nobody remembers it", () => {
  const hour = 3_600_000;
  const [dead, old, young] = [newId(0), newId(2 * hour), newId(23 * hour)];
  expect([carried(young), carried("m1"), carried("u".repeat(26))]).toEqual([23 * hour, Number.NaN, Number.NaN]);
  const stored = (order: number, frame: SendFrame, tried = false): OutRecord => {
    return { key: `${order}`, cid: "x", order, created: 0, frame, tried };
  };
  const [seen, lasting] = [newId(0), newId(0)];
  const outbox = new Outbox([
    stored(1, send(seen), true),
    stored(2, send(dead)),
    // It may have been written by who died before the store was told so, and then the server knows it.
    stored(3, send(old)),
    stored(4, send(lasting, { qos: 2 })),
    stored(5, send(young)),
  ]);
  const own = newId(2 * hour);
  const added = outbox.add("x", send(own), 0, 0);
  // By the server's clock, which is 25 hours ahead.
  const ids = (): string[] => outbox.next(0, 10, 100, 25 * hour).map(({ record }) => record.frame.id);
  const renamed = (id: string): string => timeLetters(20 * hour) + id.slice(10);
  expect(ids()).toEqual([seen, renamed(dead), old, lasting, young, renamed(own)]);
  expect([outbox.byId(renamed(own)), outbox.byId(own)]).toEqual([added, undefined]);
  // Of quality 2 the server would know it.
  outbox.grounded();
  ids();
  const renew = (id: string): boolean => outbox.renew(outbox.byId(id) as Item, 25 * hour, () => "other");
  expect([renew(old), renew(lasting)]).toEqual([false, true]);
  expect(ids()).toEqual([renamed(lasting)]);
});

test("a time to live ends only what is not under way", () => {
  const outbox = new Outbox();
  outbox.add("x", send("short", { ttl: 2 }), 0, 0);
  outbox.add("x", send("long"), 0, 0);
  expect(outbox.expired(1999)).toEqual([]);
  expect(outbox.nextTick(true)).toBe(2000);
  expect(outbox.expired(2000).map(({ record }) => record.key)).toEqual(["short"]);
  outbox.next(0, 10, 100, 0);
  expect(outbox.expired(2000)).toEqual([]);
});

test("what a store gave back and its time to live has ended keeps its id: it may have been written all the same", () => {
  const record = { key: "short", cid: "x", order: 1, created: 0, frame: send("short", { ttl: 2 }), tried: false };
  const outbox = new Outbox([record]);
  const [item] = outbox.expired(2000) as [Item];
  outbox.fail(item, { code: "deadline_exceeded", message: "" });
  outbox.again(item, "other", 3000, 3000);
  expect([item.record.frame.id, item.record.failure, outbox.expired(4999)]).toEqual(["short", undefined, []]);
  expect(outbox.next(3000, 10, 100, 0)).toEqual([item]);
});

test("what the server leaves without an answer is tried again as it is; on a slow line each has its time", () => {
  const outbox = new Outbox();
  const [one, two] = ["1", "2"].map((id) => outbox.add("x", send(id), 0, 0)) as [Item, Item];
  expect(outbox.next(0, 10, 100, 0)).toEqual([one, two]);
  expect([outbox.nextTick(true), outbox.overdue(29_999)]).toEqual([30_000, []]);
  // The first is answered: now the second one is.
  outbox.place(one, { seq: 1, ts: 1 });
  outbox.next(20_000, 10, 100, 0);
  expect([outbox.nextTick(true), outbox.overdue(49_999), outbox.overdue(50_000)]).toEqual([50_000, [], [two]]);
  expect(outbox.refused(two, { code: "deadline_exceeded", message: "" }, undefined, 50_000, 0)).toBe(true);
  expect(outbox.next(60_000, 10, 100, 0)).toEqual([two]);
  expect([two.record.frame.id, outbox.nextTick(true)]).toEqual(["2", 90_000]);
});

/** A device that is connected. */
function living(): {
  readonly server: FakeServer;
  readonly device: FakeDevice;
  /** So much time goes by, in which all that is said arrives. */
  readonly pass: (ms: number) => void;
} {
  const server = calm();
  server.now = 0;
  const device = connected(undefined, CID, server);
  const arrive = (): void => {
    device.tick(server.now);
    device.open(server.now);
    for (let n = 0; n < 3; n += 1) {
      device.sendUp(1_000);
      device.down(1_000, server.now);
    }
  };
  const pass = (ms: number): void => {
    for (const end = server.now + ms; server.now < end; server.now += 500) arrive();
    arrive();
  };
  return { server, device, pass };
}

function write(device: FakeDevice, text: string, more: Partial<SendFrame> = {}): string {
  const id = device.newId();
  const frame = { ...send(id, more), to: CID, body: { text } };
  device.act((core, now) => core.send(CID, frame, now), device.now);
  return id;
}

function amend(device: FakeDevice, op: AmendFrame["op"], body: unknown): string {
  const id = device.newId();
  device.act((core, now) => core.amend(CID, { t: "amend", id, cid: CID, target: 1, op, body }, now), device.now);
  return id;
}

function again(device: FakeDevice, key: string): void {
  device.act((core, now) => core.again(key, now), device.now);
}

const log = (server: FakeServer): unknown[] => server.view(CID).map(({ body }) => (body as { text: string }).text);
const shown = (device: FakeDevice): unknown[] => device.messages(CID).map(({ text, state }) => `${text} ${state}`);

/** The first entry of the log, by whom; what it is answered with is written by the test. */
function begin(device: FakeDevice, from: string): void {
  told(device, [{ t: "heads", version: 1, heads: [head({ head: 1 })] }]);
  paged(device, [entry(1, { from, body: { text: "x" } })], 1);
  device.up = [];
}

test("what no frame can hold fails, also out of a store, and holds up nothing behind it", () => {
  const { server, device, pass } = living();
  device.cut(device.now);
  const huge = "x".repeat(70_000);
  const id = write(device, huge);
  write(device, "behind it");
  device.flush();
  device.crash(device.now, 0);
  pass(5_000);
  expect(log(server)).toEqual(["behind it"]);
  expect(device.messages(CID)).toMatchObject([
    { text: "behind it" },
    { state: "failed", error: { code: "too_large" } },
  ]);
  expect(device.core.link.online).toBe(true);
  again(device, id);
  pass(0);
  expect(device.core.state.outbox.get(id)?.record.failure?.code).toBe("too_large");
  device.act((core, now) => expect(core.discard(id, now)).toBe(true), device.now);
  expect([shown(device), device.outbox()]).toEqual([["behind it sent"], []]);
});

test("a reaction that no frame can hold is withdrawn, and what waited for it goes at once", () => {
  const { device } = living();
  begin(device, "b");
  const one = amend(device, "react", { emoji: "x".repeat(70_000) });
  const two = amend(device, "react", { emoji: "+" });
  expect(frames(device, "amend")).toMatchObject([{ id: two }]);
  expect(device.told).toContainEqual(
    expect.objectContaining({ type: "outcome", key: one, error: expect.objectContaining({ code: "too_large" }) }),
  );
  expect(device.messages(CID)).toMatchObject([{ reactions: { "+": ["a"] } }]);
});

test("[DUP1] what may have arrived is tried again under its id, by hand, too: it is there once", () => {
  const { server, device, pass } = living();
  const cut = write(device, "cut", { ttl: 1 });
  device.sendUp(100);
  device.cut(device.now);
  device.tick(device.now + 1_000);
  expect(shown(device)).toEqual(["cut failed"]);
  again(device, cut);
  pass(5_000);
  expect([log(server), shown(device)]).toEqual([["cut"], ["cut sent"]]);
  // Without a cut: the server says that it does not know.
  const slow = write(device, "slow", { ttl: 1 });
  device.sendUp(100);
  device.link?.down.splice(0);
  told(device, [{ t: "error", code: "deadline_exceeded", message: "", ref: slow, request_id: "r" }]);
  device.tick(device.now + 1_000);
  expect(shown(device)).toEqual(["cut sent", "slow failed"]);
  again(device, slow);
  pass(5_000);
  expect([log(server), shown(device)]).toEqual([
    ["cut", "slow"],
    ["cut sent", "slow sent"],
  ]);
});

test("what was refused is tried again under a new id, and so is what its id was known for as something else", () => {
  const { server, device, pass } = living();
  for (const code of ["blocked", "id_conflict"]) {
    const id = write(device, code);
    device.up = [];
    // Of the second it is not known whether it arrived before.
    if (code === "id_conflict")
      told(device, [{ t: "error", code: "overloaded", message: "", ref: id, request_id: "r" }]);
    device.tick(device.now + 1_000);
    device.up = [];
    told(device, [{ t: "error", code, message: "", ref: id, request_id: "r" }]);
    expect(device.core.state.outbox.get(id)?.record.failure?.code).toBe(code);
    again(device, id);
    expect(frames(device, "send")).toHaveLength(1);
    expect(frames(device, "send")).not.toMatchObject([{ id }]);
    pass(500);
  }
  expect(log(server)).toEqual(["blocked", "id_conflict"]);
});

test("[DUP1] what was written just before a crash, which the store does not know, is there once, most of a day later, too", () => {
  const { server, device, pass } = living();
  device.flush();
  device.cut(device.now);
  write(device, "once");
  device.flush();
  pass(5_000);
  expect(log(server)).toEqual(["once"]);
  server.now += 21 * 3_600_000;
  device.crash(server.now, 1_000);
  write(device, "then");
  pass(5_000);
  expect([log(server), shown(device)]).toEqual([
    ["once", "then"],
    ["once sent", "then sent"],
  ]);
});

test("a message that the server never answers is sent once more, or fails with its time to live", () => {
  const { server, device } = living();
  const lost = write(device, "lost");
  write(device, "mortal", { ttl: 5 });
  device.up = [];
  const written: string[] = [];
  for (const end = server.now + 40_000; server.now < end; server.now += 500) {
    device.tick(server.now);
    if (frames(device, "ping").length > 0) told(device, [{ t: "pong", ts: server.now }]);
    written.push(...frames(device, "send").map(({ id }) => id));
    device.up = [];
  }
  expect(written).toEqual([lost]);
  expect(shown(device)).toEqual(["lost sending", "mortal failed"]);
});

test("of one's own edits under way the last is shown", () => {
  const { device } = living();
  begin(device, "a");
  device.cut(device.now);
  for (const text of ["one", "two"]) amend(device, "edit", { text });
  expect(device.messages(CID)).toMatchObject([{ text: "two" }]);
});

test("an amendment waits for an earlier one of the same message: the later wins, whatever is refused meanwhile", () => {
  for (const [from, steps, end] of [
    [
      "b",
      [
        ["react", { emoji: "+" }],
        ["unreact", { emoji: "+" }],
      ],
      { text: "x", reactions: {} },
    ],
    [
      "a",
      [
        ["edit", { text: "one" }],
        ["edit", { text: "two" }],
      ],
      { text: "two" },
    ],
  ] as const) {
    const { device } = living();
    begin(device, from);
    const [one = "", two = ""] = steps.map(([op, body]) => amend(device, op, body));
    expect(frames(device, "amend")).toMatchObject([{ id: one }]);
    device.up = [];
    const busy = { code: "overloaded", message: "", retry_after: 1_000, request_id: "r" };
    told(device, [{ t: "error", ref: one, ...busy }]);
    expect(frames(device, "amend")).toEqual([]);
    device.tick(device.now + 1_000);
    expect(frames(device, "amend")).toMatchObject([{ id: one }]);
    told(device, [{ t: "sent", id: one, cid: CID, seq: 2, ts: 5 }]);
    expect(frames(device, "amend")).toMatchObject([{ id: one }, { id: two }]);
    told(device, [{ t: "sent", id: two, cid: CID, seq: 3, ts: 6 }]);
    expect(device.messages(CID)).toMatchObject([end]);
  }
});

test("quality 2 is released on a connection that lasts, as soon as the store knows that it is sent", () => {
  const { device, pass } = living();
  // More than fly at a time, and more than one frame holds.
  const ids = Array.from({ length: 200 }, (_, n) => write(device, `${n}`, { qos: 2 }));
  while (device.core.state.outbox.waiting > 0) pass(0);
  device.tick(device.now + 5_000);
  expect(frames(device, "release")).toEqual([]);
  device.flush();
  device.tick(device.now + 5_000);
  expect(frames(device, "release").map((frame) => frame.ids)).toEqual([ids.slice(0, 128), ids.slice(128)]);
  told(device, [{ t: "released", ids }]);
  expect([device.core.state.outbox.of(CID), device.outbox()]).toEqual([[], []]);
});

test("what is released before the log has got there stays to be seen until it has", () => {
  const { device } = living();
  begin(device, "b");
  const id = write(device, "mine", { qos: 2 });
  // 2 is missing yet.
  told(device, [{ t: "sent", id, cid: CID, seq: 3, ts: 5 }]);
  told(device, [{ t: "released", ids: [id] }]);
  expect(shown(device)).toEqual(["x undefined", "mine sent"]);
  const own = entry(3, { id, from: "a", body: { text: "mine" } });
  paged(device, [entry(2, { body: { text: "y" } }), own], 3);
  expect(shown(device)).toEqual(["x undefined", "y undefined", "mine sent"]);
  expect([device.core.state.outbox.of(CID), device.outbox()]).toEqual([[], []]);
});
