/** How far a user has read, and how far the others are: said until it has arrived, and never going back. */
import { expect, test } from "vitest";
import type { WireHead } from "../../../client/src/wire.ts";
import { FakeDevice } from "./device.ts";
import { again, CID, connected, entry, frames, head, holding, paged, told } from "./said.ts";
import { FakeServer } from "./server.ts";

const DIRECT = "d.a.b";

test("[UNR1] what is read while a ping is under way, and lost with its connection, is said on the next one", () => {
  const server = new FakeServer({ calm: true, once: () => false });
  server.chat(DIRECT, ["a", "b"]);
  const device = new FakeDevice("a", "a1", server, () => 0, { catchUp: 1_000, keep: 100 });
  const turn = (now: number): void => {
    device.tick(now);
    device.open(now);
    device.sendUp(100);
    device.down(100, now);
  };
  device.start(0);
  turn(0);
  const other = server.connect();
  server.receive(other, { t: "hello", v: 1, token: "b", device: { id: "b1" }, since: 0 });
  server.receive(other, { t: "send", id: device.newId(), to: DIRECT, kind: "text", body: { text: "hi" } });
  turn(0);
  expect(server.unread(DIRECT, "a")).toBe(1);
  device.act((core, at) => core.hurry(at), 100);
  expect(frames(device, "ping")).toHaveLength(1);
  device.sendUp(100);
  device.act((core, at) => core.read(DIRECT, undefined, at), 110);
  device.down(100, 120);
  device.cut(130);
  for (let now = 1_000; now < 5_000; now += 500) turn(now);
  expect([device.core.state.room(DIRECT).unread, server.unread(DIRECT, "a")]).toEqual([0, 0]);
});

test("what was read before a ping is known once that is answered, and not by the answer to another", () => {
  const device = holding(3);
  const said = (): number[] => frames(device, "read").map(({ seq }) => seq);
  const room = device.core.state.room(CID);
  device.act((core, at) => core.read(CID, 2, at), 0);
  device.act((core, at) => core.hurry(at), 0);
  const [ping] = frames(device, "ping");
  told(device, [{ t: "pong", n: (ping?.n ?? 0) - 1, ts: 0 }]);
  expect(room.record().read).toBe(0);
  told(device, [{ t: "pong", n: ping?.n, ts: 0 }]);
  expect([room.record().read, said()]).toEqual([2, [2]]);
});

test("a new connection repeats the newest ack and read of each of the newest conversations, once", () => {
  const device = holding(3);
  told(device, [{ t: "receipt", cid: CID, user: "a", delivered: 3, read: 2 }]);
  again(device, 20_000);
  expect(frames(device, "read")).toEqual([{ t: "read", cid: CID, seq: 2 }]);
  expect(frames(device, "ack")).toEqual([{ t: "ack", cid: CID, seq: 3 }]);
  device.act((core, at) => core.read(CID, undefined, at), 20_000);
  device.tick(30_000);
  expect(frames(device, "read").map(({ seq }) => seq)).toEqual([2, 3]);
  // Who is no member any more has nothing to say.
  told(device, [{ t: "heads", version: 3, heads: [head({ left: true })] }], 30_000);
  again(device, 50_000);
  expect([frames(device, "read"), frames(device, "ack")]).toEqual([[], []]);
});

test("marks are repeated for the newest conversations only, whichever were among them once", () => {
  const device = holding(1);
  const heads = (from: number, ts: number): WireHead[] =>
    Array.from({ length: 100 }, (_, n) => {
      const cid = `g.${String(from + n).padStart(26, "0")}`;
      return head({ cid, head: 1, read: 1, last: { ...entry(1, { ts: ts + n }), cid } });
    });
  const repeated = (): string[] => frames(device, "read").map(({ cid }) => cid);
  told(device, [{ t: "heads", version: 2, heads: heads(100, 1_000) }]);
  again(device, 20_000);
  expect(repeated()).toHaveLength(100);
  told(device, [{ t: "heads", version: 3, heads: heads(200, 2_000) }], 20_000);
  again(device, 40_000);
  expect(new Set(repeated())).toEqual(new Set(heads(200, 0).map(({ cid }) => cid)));
});

test("[RCP1] ticks of a group never go back when more people join", () => {
  const device = connected();
  told(device, [{ t: "heads", version: 1, heads: [head({ head: 1 })] }]);
  paged(device, [entry(1, { from: "a" })], 1);
  const everyone = (others: number): void =>
    device.act((core, at) => core.everyone(CID, { delivered: 0, read: 0 }, others, at), 0);
  everyone(2);
  const receipts = ["b", "c"].map((user) => ({ t: "receipt", cid: CID, user, delivered: 1, read: 1 }) as const);
  told(device, receipts);
  const states = (): unknown[] => device.messages(CID).map(({ state }) => state);
  expect(states()).toEqual(["read"]);
  everyone(4);
  told(device, [{ t: "message", ...entry(2, { from: "a" }), version: 2 }]);
  expect(states()).toEqual(["read", "sent"]);
  // Nor does it after a start.
  device.crash(0, 0);
  expect(states()).toEqual(["read", "sent"]);
});
