/** Single turns of the client's core, where the simulation would take long to get to. */
import { expect, test } from "vitest";
import type { ClientFrame, Entry } from "../../../client/src/wire.ts";
import { Core } from "../../../client/src/core/core.ts";
import { FakeDevice } from "./device.ts";
import { CID, connected, frames, head, told } from "./said.ts";
import { FakeServer } from "./server.ts";

test("what a page does not have is not asked for again", () => {
  const device = connected();
  told(device, [{ t: "heads", version: 1, heads: [head({})] }]);
  const [pull] = frames(device, "pull");
  expect(pull).toMatchObject({ cid: CID, after: 0 });
  told(device, [{ t: "page", req: pull?.req ?? "", cid: CID, messages: [], head: 3, more: false }]);
  device.tick(100_000);
  expect(frames(device, "pull")).toHaveLength(1);
  expect(device.core.state.room(CID).log.applied).toBe(3);
});

test("a conversation that one has no part in any more is left alone", () => {
  const device = connected();
  told(device, [{ t: "heads", version: 1, heads: [head({})] }]);
  const [pull] = frames(device, "pull");
  told(device, [{ t: "error", code: "not_member", message: "", ref: pull?.req ?? "", request_id: "r" }]);
  told(device, [{ t: "heads", version: 2, heads: [head({ left: true, head: 9 })] }]);
  device.act((core) => core.read(CID, undefined, 0), 0);
  expect(frames(device, "pull")).toHaveLength(1);
  expect(frames(device, "read")).toEqual([]);
  // Back again, later: what was before is not to be seen.
  told(device, [{ t: "heads", version: 3, heads: [head({ head: 12, first: 12 })] }]);
  expect(frames(device, "pull").at(-1)).toMatchObject({ after: 11 });
});

test("a large group is not followed by itself, but while somebody looks at it", () => {
  const device = connected();
  told(device, [{ t: "heads", version: 1, heads: [head({ mode: "pull" })] }]);
  expect(frames(device, "pull")).toEqual([]);
  device.act((core) => core.look(CID, true, 0), 0);
  expect(frames(device, "pull")).toMatchObject([{ after: 0 }]);
});

test("an older page that is refused says so to whoever asked", () => {
  const device = connected();
  told(device, [{ t: "heads", version: 1, heads: [head({ first: 3 })] }]);
  device.act((core) => core.older(CID, 10, 7, 0), 0);
  const [, older] = frames(device, "pull");
  expect(older).toMatchObject({ before: 3, limit: 10 });
  told(device, [{ t: "error", code: "permission_denied", message: "no", ref: older?.req ?? "", request_id: "r" }]);
  expect(device.told.at(-1)).toMatchObject({ type: "older", ticket: 7, error: { code: "permission_denied" } });
});

test("quality 2 is released as soon as the store has it, however often something else was just being stored", () => {
  const device = connected();
  device.act(
    (core) => core.send(CID, { t: "send", id: "held", to: CID, kind: "text", body: { text: "x" }, qos: 2 }, 0),
    0,
  );
  told(device, [{ t: "sent", id: "held", cid: CID, seq: 1, ts: 1 }]);
  device.tick(1_000);
  expect(frames(device, "release")).toEqual([]);
  // It is looked at again, though not at once: nothing says when a store has finished.
  expect(device.core.nextTick(1_000)).toBeGreaterThan(1_000);
  expect(device.core.nextTick(1_000)).toBeLessThanOrEqual(1_200);
  device.flush();
  told(device, [{ t: "pong", ts: 0 }], 1_010);
  expect(frames(device, "release")).toEqual([{ t: "release", ids: ["held"] }]);
  // Its answer has time to come.
  told(device, [{ t: "pong", ts: 0 }], 3_000);
  expect(frames(device, "release")).toHaveLength(1);
});

test("[UNR1] what cannot be counted here is asked for, until it is known", () => {
  const device = connected();
  told(device, [{ t: "heads", version: 5, heads: [head({ head: 9, unread: 7, first: 10 })] }]);
  // Another device has read a part of what this one does not hold.
  told(device, [{ t: "receipt", cid: CID, user: "a", delivered: 4, read: 4 }]);
  const asked: number[] = [];
  for (let now = 0; now <= 20_000; now += 100) {
    device.tick(now);
    told(device, [{ t: "pong", ts: now }], now);
    asked.push(...frames(device, "sync").map(() => now));
    device.up = device.up.filter(({ t }) => t !== "sync");
  }
  expect(asked).toHaveLength(5);
  told(device, [{ t: "receipt", cid: CID, user: "a", delivered: 5, read: 5 }], 30_000);
  told(device, [{ t: "heads", version: 6, heads: [head({ head: 9, read: 5, unread: 4 })] }], 30_000);
  expect(device.core.state.room(CID).unread).toBe(4);
  told(device, [{ t: "receipt", cid: CID, user: "a", delivered: 6, read: 6 }], 30_000);
  for (let now = 30_000; now <= 30_600; now += 100) device.tick(now);
  expect(frames(device, "sync")).toMatchObject([{ since: 6 }]);
});

test("[UNR1] what could not be counted is, once it is here", () => {
  const device = connected();
  const entry = (seq: number): Entry => ({
    cid: CID,
    seq,
    id: `m${seq}`,
    from: "b",
    ts: seq,
    kind: "text",
    body: { text: "x" },
    priority: 1,
  });
  told(device, [{ t: "heads", version: 1, heads: [head({ unread: 3 })] }]);
  device.act((core) => core.read(CID, 2, 0), 0);
  expect([device.core.state.room(CID).unread, device.core.state.room(CID).doubt]).toEqual([3, true]);
  const [pull] = frames(device, "pull");
  told(device, [{ t: "page", req: pull?.req ?? "", cid: CID, messages: [1, 2, 3].map(entry), head: 3, more: false }]);
  expect([device.core.state.room(CID).unread, device.core.state.room(CID).doubt]).toEqual([1, false]);
});

test("[RES1] a device that has not been told everything begins from the beginning, whatever it was handed", () => {
  const server = new FakeServer({ calm: true, once: () => true });
  server.chat(CID, ["a"]);
  const device = new FakeDevice("a", "a1", server, () => 0, { catchUp: 1_000, keep: 100 });
  const hello = (now: number): unknown => {
    device.open(now);
    const [first] = frames(device, "hello");
    device.sendUp(10);
    return first?.since;
  };
  device.start(0);
  expect(hello(0)).toBe(0);
  // Welcomed, and handed a message, but not told the heads.
  device.down(10, 0);
  const entry = {
    cid: CID,
    seq: 1,
    id: "m1",
    from: "b",
    ts: 1,
    kind: "text",
    body: { text: "x" },
    priority: 1,
  } as const;
  told(device, [{ t: "message", ...entry, version: 5 }]);
  device.cut(0);
  device.tick(1000);
  expect(hello(1000)).toBe(0);
  device.down(10, 1000);
  if (device.link !== undefined) server.flush(device.link);
  device.down(10, 1000);
  expect(device.core.synced).toBe(true);
  device.cut(1000);
  device.tick(2000);
  expect(hello(2000)).toBe(5);
});

test("quality 0 is for now or never, quality 2 is released once it is known", () => {
  const device = connected();
  const send = (id: string, qos: 0 | 2): void =>
    device.act((core) => core.send(CID, { t: "send", id, to: CID, kind: "text", body: { text: id }, qos }, 0), 0);
  send("now", 0);
  expect(frames(device, "send")).toMatchObject([{ id: "now" }]);
  send("held", 2);
  told(device, [{ t: "sent", id: "held", cid: CID, seq: 1, ts: 1 }]);
  expect(device.messages(CID).map(({ text, state }) => [text, state])).toEqual([["held", "sent"]]);
  device.crash(0, 0);
  device.open(0);
  device.sendUp(10);
  device.down(10, 0);
  expect(frames(device, "release")).toEqual([{ t: "release", ids: ["held"] }]);
  expect(device.outbox()).toEqual(["out/held"]);
  told(device, [{ t: "released", ids: ["held"] }]);
  expect(device.outbox()).toEqual([]);
  device.cut(0);
  send("never", 0);
  expect(device.told.at(-2)).toMatchObject({ type: "message", message: { state: "failed", ephemeral: true } });
  expect(device.told.at(-1)).toMatchObject({ type: "outcome", error: { code: "offline" } });
});

test("what its time to live has ended fails, but what is found in the log was sent after all", () => {
  const device = connected();
  device.cut(0);
  const frame = { t: "send", id: "short", to: CID, kind: "text", body: { text: "short" }, ttl: 1 } as const;
  device.act((core) => core.send(CID, frame, 0), 0);
  device.tick(1000);
  expect(device.messages(CID)).toMatchObject([{ state: "failed", error: { code: "deadline_exceeded" } }]);
  device.open(2000);
  device.sendUp(10);
  device.down(10, 2000);
  const entry = {
    cid: CID,
    seq: 1,
    id: "short",
    from: "a",
    ts: 1,
    kind: "text",
    body: { text: "short" },
    priority: 1,
  } as const;
  told(device, [{ t: "message", ...entry, version: 9 }], 2000);
  expect(device.messages(CID)).toMatchObject([{ seq: 1, state: "sent", error: undefined }]);
  expect(device.outbox()).toEqual([]);
});

test("what waits for the connection's allowance goes on, though the clock is looked at some time after each turn", () => {
  const written: string[] = [];
  const me = { user: "a", version: 1, synced: true };
  const options = { device: { id: "d" }, backoff: { least: 100, most: 1_000 }, catchUp: 10, keep: 10 };
  const core = new Core({ me, rooms: [], outbox: [] }, options, {
    open: () => {},
    write: (text) => {
      for (const frame of [JSON.parse(text) as ClientFrame | ClientFrame[]].flat()) {
        if (frame.t === "send") written.push(frame.id);
      }
    },
    shut: () => {},
    save: () => {},
    kept: () => true,
    emit: () => {},
    chance: () => 0,
    id: () => "fresh",
    wall: (at) => at,
  });
  core.start(0);
  core.opened("token", 0);
  const limits = { frame: 65_536, batch: 128, body: 16_384, rate: 50, burst: 20, window: 512 };
  const welcome = { session: "s", user: "a", device: "d", version: 1, ts: 0, heartbeat: 1e6 };
  core.received([{ t: "welcome", ...welcome, limits }], 100, 0);
  const cid = "d.a.b";
  for (let n = 1; n <= 100; n += 1) {
    core.send(cid, { t: "send", id: `message-${n}`, to: cid, kind: "text", body: { text: "x" } }, 0);
  }
  let [now, answered] = [0, 0];
  while (answered < 100 && now < 10_000) {
    for (; answered < written.length; answered += 1) {
      const seq = answered + 1;
      core.received([{ t: "sent", id: written[answered] ?? "", cid, seq, ts: now }], 100, now);
    }
    const looked = now + 30;
    now = Math.max(looked, core.nextTick(looked));
    core.tick(now);
  }
  expect(answered).toBe(100);
});

test("what others have left unsent is shown and sent here, once, and is not there twice", () => {
  const [left, device] = [connected(), connected()];
  left.cut(0);
  left.act((core, at) => core.send(CID, { t: "send", id: "o1", to: CID, kind: "text", body: { text: "left" } }, at), 0);
  const records = [left.core.state.outbox.get("o1")?.record].filter((record) => record !== undefined);
  for (let n = 0; n < 2; n += 1) {
    device.act((core, at) => {
      core.state.adopt(records);
      core.tick(at);
    }, n);
  }
  expect(device.told.filter(({ type }) => type === "message")).toMatchObject([
    { message: { text: "left", mine: true } },
  ]);
  expect(frames(device, "send")).toMatchObject([{ id: "o1" }]);
  device.sendUp(10);
  device.down(10, 5);
  expect(device.messages(CID)).toMatchObject([{ text: "left", state: "sent" }]);
});
