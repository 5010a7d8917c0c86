/** Whatever a server or a store says, the client takes what it understands, and goes on. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { savedOf } from "../../../client/src/core/saved.ts";
import { framesOf } from "../../../client/src/core/shape.ts";
import { Socket, type WebSocketLike } from "../../../client/src/socket.ts";
import type { ServerFrame } from "../../../client/src/wire.ts";
import { ServerFrame as Schema } from "../../../src/protocol/frames.ts";
import { FakeDevice } from "./device.ts";
import { FakeServer } from "./server.ts";

const CID = "d.a.b";
const message = { cid: CID, id: "m", from: "b", ts: 5, kind: "text", body: { text: "hi" }, priority: 1 } as const;
const entry = { ...message, edited: { seq: 2, ts: 6 }, reactions: { "+": ["a"] }, mentions: ["a"], reply_to: 1 };
const LIMITS = { frame: 65_536, batch: 128, body: 16_384, rate: 50, burst: 200, window: 512 };
const head = {
  cid: CID,
  type: "direct",
  head: 4,
  read: 1,
  unread: 2,
  version: 3,
  muted: false,
  pinned: false,
} as const;

/** One of each kind, with all that may stand in it. */
const SAID: readonly ServerFrame[] = [
  { t: "welcome", session: "s", user: "a", device: "a1", version: 1, ts: 1, heartbeat: 30, limits: LIMITS },
  { t: "heads", version: 4, heads: [{ ...head, mode: "push", name: "B", first: 1, last: { ...entry, seq: 4 } }] },
  {
    t: "heads",
    version: 5,
    heads: [{ ...head, mode: "pull", left: true, peer: { uid: "b", name: "B", delivered: 1, read: 1 } }],
  },
  { t: "synced", version: 5, req: "doubt" },
  { t: "message", ...entry, seq: 1, version: 6 },
  { t: "message", ...message, ephemeral: true },
  { t: "message", ...message, kind: "amend", seq: 2, target: 1, op: "react", body: { emoji: "+" } },
  { t: "message", ...message, kind: "system", seq: 3, body: { event: "renamed", name: "N" } },
  { t: "sent", id: "m", cid: CID, seq: 3, ts: 7, duplicate: true },
  { t: "released", ids: ["m"] },
  { t: "receipt", cid: CID, user: "b", delivered: 2, read: 1 },
  { t: "typing", cid: CID, user: "b", on: true },
  { t: "presence", user: "b", state: "offline", last_seen: 5 },
  { t: "page", req: "p1", cid: CID, messages: [{ ...entry, seq: 2, recalled: true }], head: 4, more: true },
  { t: "pong", n: 1, ts: 5 },
  { t: "error", code: "internal", message: "m", ref: "p1", retry_after: 5, request_id: "r" },
  { t: "goaway", reason: "deploy", retry_after: 5 },
];

test("a server may be configured to count in parts of a second, and of a message", () => {
  const [welcome] = SAID;
  if (welcome?.t !== "welcome") throw new Error("the first frame is another");
  const odd = { ...welcome, heartbeat: 2.5, limits: { ...welcome.limits, rate: 12.5, burst: 20.5 } };
  expect(framesOf(odd)).toEqual([odd]);
  expect(framesOf({ ...odd, heartbeat: 0 })).toEqual([]);
  expect(framesOf({ ...odd, heartbeat: "30" })).toEqual([]);
});

test("every frame of the server is understood", () => {
  for (const frame of SAID) {
    expect(Schema.safeParse(frame).error, JSON.stringify(frame)).toBeUndefined();
    expect(framesOf(frame), JSON.stringify(frame)).toEqual([frame]);
  }
  expect(new Set(SAID.map(({ t }) => t))).toEqual(new Set(Schema.options.map(({ shape }) => shape.t.value)));
});

/** What a socket makes of a WebSocket message. */
function heard(data: string): readonly ServerFrame[] {
  const listeners = new Map<string, (event: { data: unknown }) => void>();
  class Fake implements WebSocketLike {
    readyState = 1;
    send(): void {}
    close(): void {}
    addEventListener(type: string, listener: (event: never) => void): void {
      listeners.set(type, listener as (event: { data: unknown }) => void);
    }
  }
  let found: readonly ServerFrame[] = [];
  const received = (frames: readonly ServerFrame[]): void => {
    found = frames;
  };
  const socket = new Socket("http://server", Fake, { opened() {}, lost() {}, received });
  listeners.get("message")?.({ data });
  socket.shut(1000);
  return found;
}

test("a frame of the wrong shape is left out; those beside it arrive", () => {
  const good = { t: "message", ...message, seq: 1 };
  const bad = [null, 5, "x", [null], {}, { t: null }, { t: "constructor" }, { t: "M" }, { t: "nonsense" }].concat([
    { t: "heads", version: 1, heads: null },
    { ...good, seq: "1" },
    { ...good, seq: 1.5 },
    { ...good, seq: 0 },
    { t: "page", req: "p1", cid: CID, messages: null, head: 1, more: false },
    { t: "released", ids: null },
    { t: "synced", version: "zzz" },
    { t: "goaway" },
  ] as never[]);
  expect(heard(JSON.stringify([...bad, good, ...bad]))).toEqual([good]);
  expect(heard("no JSON")).toEqual([]);
});

test("one odd field, or item of a list, costs itself only", () => {
  const heads = { t: "heads", version: 9 } as const;
  const one = { ...head, mode: "push" } as const;
  expect(framesOf({ ...heads, heads: [one, { ...one, cid: "d.a.c", name: null, last: 5 }] })).toEqual([
    { ...heads, heads: [one, { ...one, cid: "d.a.c" }] },
  ]);
  expect(framesOf({ ...heads, heads: [{ cid: CID }, one, null] })).toEqual([{ ...heads, heads: [one], partial: true }]);
  const page = { t: "page", req: "p1", cid: CID, head: 4, more: false } as const;
  const [first, last] = [
    { ...entry, seq: 1 },
    { ...message, seq: 3 },
  ];
  expect(framesOf({ ...page, messages: [first, message, { ...first, seq: "2" }, last] })).toEqual([
    { ...page, messages: [first, last] },
  ]);
  const error = { t: "error", code: "rate_limited", message: "", ref: "m", request_id: "r" };
  expect(framesOf({ ...error, retry_after: "soon" })).toEqual([error]);
  const plain = { t: "message", ...message, seq: 1 };
  expect(framesOf({ ...plain, mentions: "a", edited: { seq: "2" }, reactions: { "+": "a", "-": ["a", 5] } })).toEqual([
    { ...plain, reactions: { "-": ["a"] } },
  ]);
  // Without its place it would be one that never had any.
  expect(framesOf({ ...plain, seq: "1" })).toEqual([]);
});

test("[RES1] after a head that is not understood, what is known stays behind it until a connection tells all", () => {
  const device = connected();
  const say = (...frames: unknown[]): void =>
    device.act((core, at) => core.received(frames.flatMap(framesOf), 100, at), 0);
  say({ t: "synced", version: 3 });
  say({ t: "heads", version: 4, heads: [{ cid: "d.a.c" }] }, { t: "synced", version: 5 });
  say({ t: "message", ...message, seq: 1, version: 6 });
  expect([device.core.state.me.version, device.core.state.messages(device.core.state.room(CID)).length]).toEqual([
    3, 2,
  ]);
  say(SAID[0], { t: "heads", version: 6, heads: [] });
  expect(device.core.state.me.version).toBe(6);
});

/** A frame with one of its fields, at any depth, replaced or taken away. */
function damaged(frame: unknown): fc.Arbitrary<unknown> {
  const json = JSON.stringify(frame);
  let count = 0;
  JSON.parse(json, () => (count += 1));
  const at = fc.nat(count - 1);
  const other = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(-1, 1.5, 2 ** 53, "__proto__", "constructor", null),
  );
  return fc.tuple(at, other).map(([index, value]) => {
    let n = -1;
    return JSON.parse(json, (_, before: unknown) => {
      n += 1;
      return n === index ? value : before;
    }) as unknown;
  });
}

function connected(): FakeDevice {
  const server = new FakeServer({ calm: true, once: () => false });
  const device = new FakeDevice("a", "a1", server, () => 0, { catchUp: 1_000, keep: 100 });
  device.start(0);
  device.open(0);
  device.sendUp(10);
  device.down(10, 0);
  device.act((core, at) => core.send(CID, { t: "send", id: "m", to: CID, kind: "text", body: { text: "x" } }, at), 0);
  return device;
}

function expectSound(device: FakeDevice): void {
  for (const room of device.core.state.rooms.values()) {
    for (const number of [room.head, room.unread, room.read, room.log.applied, room.log.low])
      expect(Number.isSafeInteger(number) && number >= 0, `${room.cid}: ${number}`).toBe(true);
    for (const { delivered, read } of Object.values(room.marks)) expect(Number.isNaN(delivered + read)).toBe(false);
    expect(device.core.state.messages(room).length).toBeGreaterThanOrEqual(0);
  }
}

test("no JSON ends the client, or makes a number that is none", () => {
  const anything = fc.oneof(fc.jsonValue(), fc.constantFrom(...SAID), ...SAID.map(damaged));
  fc.assert(
    fc.property(fc.array(fc.array(anything, { maxLength: 4 }), { maxLength: 6 }), (batches) => {
      const device = connected();
      for (const [n, batch] of batches.entries()) {
        const frames = heard(JSON.stringify(batch));
        for (const cid of device.core.unloaded(frames)) device.core.load(cid, []);
        device.act((core, at) => core.received(frames, 100, at), n);
        device.act((core, at) => core.tick(at), n);
        expectSound(device);
      }
    }),
    { numRuns: 800 },
  );
});

test("records that cannot be read are left out and named, and what depends on them is asked for again", () => {
  const me = { user: "a", version: 7, synced: true };
  const device = connected();
  device.core.state.settle();
  const room = device.core.state.room(CID).record();
  const item = device.core.state.outbox.get("m")?.record;
  const of = (record: unknown, chat: unknown, out: unknown): ReturnType<typeof savedOf> =>
    savedOf(new Map([["me", record]]), new Map([["chat/x", chat]]), new Map([["out/m", out]]));
  expect(of(me, room, item)).toEqual({ saved: { me, rooms: [room], outbox: [item] }, lost: [] });
  for (const bad of [null, 5, {}, { cid: CID }, { ...room, head: "5" }, { ...room, marks: { b: 1 } }]) {
    const again = { user: "a", version: 0, synced: false };
    expect(of(me, bad, item)).toEqual({ saved: { me: again, rooms: [], outbox: [item] }, lost: ["chat/x"] });
  }
  for (const bad of [null, { ...item, frame: null }, { ...item, order: Number.NaN }])
    expect(of(me, room, bad)).toEqual({ saved: { me, rooms: [room], outbox: [] }, lost: ["out/m"] });
  // Nobody is sent what may be another's.
  for (const bad of [null, 5, { user: 5 }])
    expect(of(bad, room, item)).toEqual({ saved: { me: undefined, rooms: [], outbox: [] }, lost: ["chat/x", "out/m"] });
});

test.each(["constructor", "__proto__", "hasOwnProperty"])("a user whose id is %s is a user like any other", (uid) => {
  const device = connected();
  const cid = ["a", uid].toSorted().join(".").replace(/^/, "d.");
  const own = { ...message, cid, from: "a", seq: 1 };
  const react = { ...message, cid, from: uid, kind: "amend", seq: 2, target: 1, op: "react", body: { emoji: uid } };
  const said = [
    {
      t: "heads",
      version: 1,
      heads: [
        { ...head, cid, head: 0, unread: 0, read: 0, mode: "push", peer: { uid, name: "X", delivered: 0, read: 0 } },
      ],
    },
    { t: "message", ...own },
    { t: "message", ...react },
    { t: "receipt", cid, user: uid, delivered: 1 },
    { t: "typing", cid, user: uid, on: true },
  ];
  device.act((core) => core.watch([uid], true, 0), 0);
  device.act(
    (core, at) =>
      core.received(heard(JSON.stringify([...said, { t: "presence", user: uid, state: "online" }])), 100, at),
    0,
  );
  expectSound(device);
  const room = device.core.state.room(cid);
  expect(room.markOf(uid)).toEqual({ delivered: 1, read: 0 });
  expect(room.peer).toBe(uid);
  const [shown] = device.messages(cid);
  expect(shown?.state).toBe("delivered");
  expect(Object.entries(shown?.reactions ?? {})).toEqual([[uid, [uid]]]);
  expect(device.core.typing.in(cid)).toEqual([uid]);
  expect(device.core.presence.of(uid)?.online).toBe(true);
  // As a store gives it back.
  const stored = JSON.parse(JSON.stringify(room.record())) as unknown;
  const { saved } = savedOf(
    new Map([["me", device.core.state.me]]),
    new Map([["chat/x", structuredClone(stored)]]),
    new Map(),
  );
  expect(Object.entries(saved.rooms[0]?.marks ?? {})).toEqual([[uid, { delivered: 1, read: 0 }]]);
});
