/** The smaller parts of the client's core. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { fold } from "../../../client/src/core/fold.ts";
import { Log } from "../../../client/src/core/log.ts";
import { Pace, utf8Length } from "../../../client/src/core/pace.ts";
import { Pulls } from "../../../client/src/core/pulls.ts";
import { Room } from "../../../client/src/core/room.ts";
import { Typing } from "../../../client/src/core/typing.ts";
import { Watching } from "../../../client/src/core/watching.ts";
import { checkBody, frameOf, reactionOf } from "../../../client/src/draft.ts";
import { newId } from "../../../client/src/id.ts";
import type { ClientFrame, Entry } from "../../../client/src/wire.ts";
import { MessageId, timeOf } from "../../../src/protocol/ids.ts";
import { FakeDevice } from "./device.ts";
import { FakeServer } from "./server.ts";

const LIMITS = { frame: 1000, batch: 5, body: 16_384, rate: 10, burst: 20, window: 512 };

function entry(seq: number, more: Partial<Entry> = {}): Entry {
  return {
    cid: "d.a.b",
    seq,
    id: `m${seq}`,
    from: "a",
    ts: seq,
    kind: "text",
    body: { text: `${seq}` },
    priority: 1,
    ...more,
  };
}

test("[DUP3] [ORD2] entries in any order, repeated, with pages between: each is applied once, ascending", () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant("page" as const)), { maxLength: 80 });
  fc.assert(
    fc.property(steps, (all) => {
      const log = new Log(0);
      const told: number[] = [];
      for (const step of [...all, "page" as const]) {
        const taken =
          step === "page"
            ? log.extend(
                Array.from({ length: 20 }, (_, n) => entry(n + 1)).filter(({ seq }) => seq > log.applied),
                20,
              )
            : log.apply(entry(step));
        told.push(...taken.applied.map(({ seq }) => seq));
      }
      expect(told).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
      expect(log.held.map(({ entry: { seq } }) => seq)).toEqual(told);
    }),
  );
});

test("amendments that come while older messages are under way are not lost", () => {
  const log = new Log(10);
  log.paging = 1;
  log.apply(entry(11, { kind: "amend", target: 5, op: "react", from: "b", body: { emoji: "+" } }));
  log.apply(entry(12, { kind: "amend", target: 5, op: "edit", body: { text: "new" } }));
  // The page is of before them; of after them it has them in it.
  log.prepend([entry(5)], 10, true);
  expect(log.at(5)?.entry).toMatchObject({ body: { text: "new" }, reactions: { "+": ["b"] } });
  expect(log.low).toBe(5);
  log.prepend([entry(4, { edited: { seq: 9, ts: 9 } })], 12, false);
  expect(log.low).toBe(1);
  log.trim(1);
  expect([log.low, log.held.length]).toEqual([5, 1]);
});

test("what has come before a hole is applied as soon as it is filled; a page brings no amendment twice", () => {
  const log = new Log(0);
  expect(log.apply(entry(3)).applied).toEqual([]);
  expect(log.apply(entry(2)).applied).toEqual([]);
  expect(log.apply(entry(1)).applied.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  // As it was at 7: the first reaction has been taken back since.
  const react = entry(5, { kind: "amend", target: 4, op: "react", from: "b", body: { emoji: "+" } });
  const { applied, changed } = log.extend(
    [entry(4), react, entry(6, { ...react, seq: 6, op: "unreact" }), entry(7)],
    7,
  );
  expect([applied.length, changed]).toEqual([4, []]);
  expect(log.at(4)?.entry.reactions).toBeUndefined();
});

test("a recall erases, and nothing that follows brings anything back", () => {
  const message = entry(1, { reactions: { "+": ["a"] }, edited: { seq: 3, ts: 3 } });
  const gone = fold(message, { op: "recall", from: "a", ts: 4, seq: 4, body: undefined });
  expect(gone).toEqual({ ...entry(1), body: undefined, recalled: true });
  expect(fold(gone, { op: "edit", from: "a", ts: 5, seq: 5, body: { text: "back" } })).toBe(gone);
  // Older than what is there, unknown, or without what it needs: nothing.
  expect(fold(message, { op: "edit", from: "a", ts: 2, seq: 2, body: { text: "old" } })).toBe(message);
  expect(fold(message, { op: "react", from: "a", ts: 5, seq: 5, body: { emoji: "+" } })).toBe(message);
  expect(fold(message, { op: "react", from: "a", ts: 5, seq: 5, body: {} })).toBe(message);
  expect(fold(message, { op: "unreact", from: "a", ts: 5, seq: 5, body: { emoji: "+" } }).reactions).toBeUndefined();
});

test("[RCP1] a message in a group has come as far as with the last of those who count", () => {
  const room = new Room("g.00000000000000000000000001", "me");
  room.mark("a", { delivered: 5, read: 3 });
  expect([1, 4].map((seq) => room.tick(seq))).toEqual(["sent", "sent"]);
  room.others = 2;
  room.mark("b", { delivered: 4, read: 4 });
  expect([1, 3, 4, 5, 6].map((seq) => room.tick(seq))).toEqual(["read", "read", "delivered", "sent", "sent"]);
  // Nothing ever falls.
  room.mark("b", { delivered: 1, read: 1 });
  room.everyone({ delivered: 6, read: 0 });
  room.everyone({ delivered: 2, read: 0 });
  expect([3, 4, 6].map((seq) => room.tick(seq))).toEqual(["read", "delivered", "delivered"]);
});

test("what nobody has asked for is held as far as it is kept", () => {
  const device = new FakeDevice("b", "b1", new FakeServer({ calm: true, once: () => false }), () => 0, {
    catchUp: 1_000,
    keep: 10,
  });
  device.start(0);
  device.open(0);
  device.sendUp(1);
  device.down(10, 0);
  const frames = Array.from({ length: 50 }, (_, n) => ({ t: "message" as const, ...entry(n + 1), version: n + 1 }));
  device.link?.down.push(...frames.slice(0, 25));
  for (let n = 0; n < 25; n += 1) device.down(1, 0);
  expect(device.messages("d.a.b").length).toBeLessThan(21);
  expect(device.messages("d.a.b").length).toBeGreaterThan(9);
  device.act((core) => core.use("d.a.b"), 0);
  const before = device.messages("d.a.b").length;
  device.link?.down.push(...frames.slice(25));
  for (let n = 0; n < 25; n += 1) device.down(1, 0);
  expect(device.messages("d.a.b")).toHaveLength(before + 25);
  device.crash(0, 0);
  device.start(0);
  device.core.load("d.a.b", []);
  expect(device.core.state.room("d.a.b").low).toBeGreaterThan(35);
});

test("frames are packed within what a message may hold, in their order", () => {
  const frames = fc.array(
    fc.record({ t: fc.constant("typing" as const), cid: fc.string({ unit: "grapheme", maxLength: 90 }) }),
  );
  fc.assert(
    fc.property(frames, (all) => {
      const pace = new Pace();
      pace.begin(LIMITS, 0);
      const { texts, left } = pace.pack(all.map((frame) => ({ ...frame, on: true })));
      expect(left).toEqual([]);
      const back = texts.flatMap((text) => {
        const parsed = JSON.parse(text) as ClientFrame | ClientFrame[];
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMITS.frame);
        if (Array.isArray(parsed)) expect(parsed.length).toBeLessThanOrEqual(LIMITS.batch);
        return parsed;
      });
      expect(back).toEqual(all.map((frame) => ({ ...frame, on: true })));
    }),
  );
  expect(utf8Length("aä€😀")).toBe(10);
});

test("a frame that is over the limit by itself is left out, one that just fits goes alone", () => {
  const pace = new Pace();
  pace.begin(LIMITS, 0);
  const typing = (length: number) => ({ t: "typing" as const, cid: "x".repeat(length), on: true });
  const empty = JSON.stringify(typing(0)).length;
  const [least, most, over] = [typing(1), typing(LIMITS.frame - empty), typing(LIMITS.frame - empty + 1)];
  expect(pace.pack([least, most, over, least])).toEqual({
    texts: [least, most, least].map((frame) => JSON.stringify(frame)),
    left: [over],
  });
});

test("the smallest burst that a server may allow is one frame at a time", () => {
  const pace = new Pace();
  pace.begin({ ...LIMITS, rate: 1, burst: 1 }, 0);
  expect(pace.room(0)).toBe(1);
  pace.spend(1);
  expect(pace.room(0)).toBe(0);
  expect(pace.room(pace.nextTick(0))).toBe(1);
});

test("it writes less than it may, and waits for what it has used up", () => {
  const pace = new Pace();
  pace.begin(LIMITS, 0);
  // What may be written at once and what may be on its way fit the burst together.
  expect([pace.room(0), pace.flying]).toEqual([10, 8]);
  pace.spend(10);
  expect(pace.room(0)).toBe(0);
  const next = pace.nextTick(0);
  expect(pace.room(next - 1)).toBe(0);
  expect(pace.room(next)).toBe(1);
  // A long answer costs, too.
  pace.answered(8192 * 10);
  expect(pace.room(next + 1000)).toBe(0);
  expect(pace.room(1e6)).toBe(10);
});

test("a few pages are asked at a time, those that somebody looks at first, and again when nothing comes", () => {
  const pulls = new Pulls();
  for (const cid of ["a", "b", "c", "d", "e", "a"]) pulls.want({ kind: "fill", cid });
  pulls.want({ kind: "older", cid: "z", limit: 10, ticket: 1 }, true);
  const asked = pulls.next(0, 10);
  expect(asked.map(({ cid }) => cid)).toEqual(["z", "a", "b", "c"]);
  const reqs = asked.map((want) => pulls.asked(want, 0, 0));
  expect(pulls.next(0, 10)).toEqual([]);
  expect(pulls.answered(reqs[1] ?? "")?.want.cid).toBe("a");
  expect(pulls.answered(reqs[1] ?? "")).toBeUndefined();
  expect(pulls.next(0, 10).map(({ cid }) => cid)).toEqual(["d"]);
  pulls.want({ kind: "fill", cid: "b" });
  expect(pulls.nextTick(0)).toBe(20_000);
  pulls.check(20_000);
  expect(pulls.next(20_000, 10).map(({ cid }) => cid)).toEqual(["d", "e"]);
  expect(pulls.nextTick(20_000)).toBe(21_000);
  const again = pulls.next(21_000, 10).map((want) => pulls.asked(want, 0, 21_000));
  expect(pulls.next(21_000, 10)).toEqual([]);
  pulls.grounded();
  expect(pulls.next(21_000, 10)).toHaveLength(4);
  expect(again.map((req) => pulls.answered(req))).toEqual(Array.from({ length: 4 }, () => undefined));
});

test("typing is said again every three seconds, and lapses after six", () => {
  const told: string[] = [];
  const typing = new Typing((cid, user, on) => told.push(`${cid} ${user} ${on}`));
  expect([0, 100, 2999, 3000].map((now) => typing.write("x", true, now))).toEqual([true, false, false, true]);
  expect([typing.write("x", false, 0), typing.write("x", false, 0)]).toEqual([true, false]);
  typing.told("x", "bob", true, 0);
  typing.told("x", "bob", true, 3000);
  typing.told("x", "eve", true, 3000);
  typing.tick(8999);
  expect([typing.in("x"), typing.nextTick()]).toEqual([["bob", "eve"], 9000]);
  typing.wrote("x", "eve");
  typing.tick(9000);
  typing.told("y", "bob", true, 9000);
  typing.grounded();
  expect(told).toEqual(["x bob true", "x eve true", "x eve false", "x bob false", "y bob true", "y bob false"]);
});

test("whom several watch is watched once, and all are watched again on a new connection", () => {
  const told: string[] = [];
  const watching = new Watching(({ user, online }) => told.push(`${user} ${online}`));
  watching.watch(["a", "b"], true);
  watching.watch(["b"], true);
  expect(watching.take(10)).toEqual([{ t: "watch", users: ["a", "b"] }]);
  watching.told("b", true, undefined);
  watching.told("b", true, undefined);
  watching.told("stranger", true, undefined);
  watching.watch(["a", "b"], false);
  expect(watching.take(10)).toEqual([{ t: "unwatch", users: ["a"] }]);
  watching.grounded();
  expect(watching.take(0)).toEqual([]);
  expect(watching.take(10)).toEqual([{ t: "watch", users: ["b"] }]);
  expect(told).toEqual(["b true", "b undefined"]);
  watching.watch(
    Array.from({ length: 450 }, (_, n) => `u${n}`),
    true,
  );
  expect(watching.take(10).map((frame) => "users" in frame && frame.users.length)).toEqual([200, 200, 50]);
});

test("whom one watches again before the server knows of the pause is known as ever", () => {
  const told: (boolean | undefined)[] = [];
  const watching = new Watching(({ online }) => told.push(online));
  watching.watch(["u"], true);
  expect(watching.take(9)).toEqual([{ t: "watch", users: ["u"] }]);
  watching.told("u", true, undefined);
  watching.watch(["u"], false);
  expect(watching.of("u")).toBeUndefined();
  watching.told("u", false, 5);
  watching.watch(["u"], true);
  expect([watching.take(9), watching.of("u")?.online, told]).toEqual([[], false, [true]]);
  // Once it is written the server says it anew.
  watching.watch(["u"], false);
  expect(watching.take(9)).toEqual([{ t: "unwatch", users: ["u"] }]);
  watching.watch(["u"], true);
  expect(watching.of("u")).toBeUndefined();
});

test("ids are taken by the server, carry their time, and are not made twice", () => {
  const ids = Array.from({ length: 1000 }, () => newId(1_700_000_000_123));
  expect(new Set(ids).size).toBe(1000);
  expect(MessageId.safeParse(ids[0]).success).toBe(true);
  expect(timeOf(ids[0] ?? "")).toBe(1_700_000_000_123);
});

test("what is sent is what JSON makes of it, and stays what it was when it was written", () => {
  const price = { cents: 5, format: () => "0.05", toJSON: () => ({ cents: 5 }) };
  const body = { price, tags: ["a"] };
  const mentions = ["bob"];
  const frame = frameOf("c", { kind: "custom", body, mentions }, "message-1");
  body.tags.push("b");
  mentions.push("eve");
  expect(structuredClone(frame)).toMatchObject({ body: { price: { cents: 5 }, tags: ["a"] }, mentions: ["bob"] });
});

test("a draft becomes the frame it says, or is refused as the server would", () => {
  expect(frameOf("c", "hi", "message-1")).toEqual({
    t: "send",
    id: "message-1",
    to: "c",
    kind: "text",
    body: { text: "hi" },
  });
  const whole = { text: "hi", replyTo: 3, mentions: ["bob"], qos: 2, priority: 3, ttl: 60 } as const;
  expect(frameOf("c", whole, "message-1")).toMatchObject({
    reply_to: 3,
    mentions: ["bob"],
    qos: 2,
    priority: 3,
    ttl: 60,
  });
  expect(frameOf("c", { text: "hi", mentions: [] }, "message-1")).not.toHaveProperty("mentions");
  expect(frameOf("c", { kind: "custom", body: null }, "message-1")).toMatchObject({ kind: "custom", body: null });
  expect(() => checkBody("custom", undefined)).toThrow("no body");
  expect(() => checkBody("text", { text: 7 })).toThrow("no string");
  expect(() => checkBody("text", null)).toThrow("no string");
  expect(() => checkBody("text", { text: "" })).toThrow("empty");
  const circle: unknown[] = [];
  circle.push(circle);
  expect(() => checkBody("custom", circle)).toThrow("JSON");
  expect(() => checkBody("custom", { count: 1n })).toThrow("cannot be JSON");
  expect(() => frameOf("c", undefined as unknown as string, "message-1")).toThrow("nothing to send");
  expect(frameOf("c", { text: "hi", id: "my-own-id" }, "message-1").id).toBe("my-own-id");
  for (const id of ["short", "x".repeat(65), "with blanks", 12_345_678 as unknown as string])
    expect(() => frameOf("c", { text: "hi", id }, "message-1")).toThrow("{8,64}");
  const most = {
    text: "hi",
    mentions: Array.from({ length: 100 }, (_, n) => `u${n}`),
    ttl: 604_800,
    priority: 0,
    qos: 0,
  } as const;
  expect(frameOf("c", most, "message-1")).toMatchObject({ mentions: most.mentions, ttl: 604_800, priority: 0, qos: 0 });
  for (const wrong of [
    { mentions: [...most.mentions, "one"] },
    { mentions: ["x".repeat(65)] },
    { ttl: 0 },
    { ttl: 0.5 },
    { ttl: 604_801 },
    { priority: 4 as 3 },
    { qos: -1 as 0 },
    { replyTo: 0 },
    { replyTo: Number.NaN },
  ])
    expect(() => frameOf("c", { text: "hi", ...wrong }, "message-1"), JSON.stringify(wrong)).toThrow(
      / are at most | is a whole /,
    );
  expect(reactionOf("x".repeat(64))).toEqual({ emoji: "x".repeat(64) });
  for (const wrong of ["", "x".repeat(65), 7 as unknown as string])
    expect(() => reactionOf(wrong)).toThrow("1 to 64 characters");
  // Counted as code points: each of these is two units.
  expect(() => checkBody("custom", { text: "😀".repeat(4000) })).not.toThrow();
  expect(() => checkBody("text", { text: "ab".repeat(4096) })).not.toThrow();
  expect(() => checkBody("text", { text: "ab".repeat(4097) })).toThrow("8192");
  expect(() => checkBody("text", { text: "€".repeat(5500) })).toThrow("16384");
});
