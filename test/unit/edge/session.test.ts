import { describe, expect, test } from "vitest";
import { BATCH_FRAMES, BODY_BYTES, FRAME_BYTES } from "../../../src/protocol/frames.ts";
import { refuse } from "../../../src/protocol/codes.ts";
import { ack, ALICE, Edge, send, sent, START, VERSION, welcomed, wordsOf } from "./fixture.ts";

const bad = { t: "shout" };

describe("hello", () => {
  test("is followed by a check of the token, a link, and a welcome", () => {
    const edge = new Edge();
    edge.hello({ device: { id: "phone", name: "Alice's phone", platform: "test" } });
    expect([edge.tokens, edge.links, edge.session.user]).toEqual([["token-1"], [], undefined]);
    edge.authenticated();
    expect(edge.session.user).toBe(ALICE);
    expect(edge.links).toEqual([
      {
        session: "session-1",
        device: "phone",
        started: START,
        login: "login-1",
        name: "Alice's phone",
        platform: "test",
        seen: {},
        again: false,
      },
    ]);
    expect(edge.words()).toEqual([]);
    edge.attached();
    expect(edge.take()).toEqual([
      {
        t: "welcome",
        session: "session-1",
        user: "alice",
        device: "phone",
        version: VERSION,
        ts: START,
        heartbeat: 30,
        limits: { frame: FRAME_BYTES, batch: BATCH_FRAMES, body: BODY_BYTES, rate: 50, burst: 200, window: 512 },
      },
    ]);
  });

  test("that does not come within its time ends the connection", () => {
    const edge = new Edge({ timeouts: { hello_ms: 5000 } });
    edge.wait(4999);
    expect(edge.closed).toBeUndefined();
    edge.wait(1);
    expect([edge.closed, edge.words()]).toEqual([{ code: 4408, reason: "timeout" }, []]);
  });

  test("is waited for even while other frames come", () => {
    const edge = new Edge();
    for (let i = 0; i < 9; i += 1) {
      edge.wait(1000);
      edge.client({ t: "ping" });
    }
    expect(edge.words()).toEqual(Array.from({ length: 9 }, () => "invalid_frame undefined"));
    edge.wait(1000);
    expect(edge.closed?.code).toBe(4408);
  });

  test("comes first; other frames before it are refused, with what they refer to", () => {
    const edge = new Edge();
    edge.client([send(1), { t: "ping" }, { t: "sync", req: "r1", since: 0 }]);
    expect(edge.words()).toEqual(["invalid_frame message-1", "invalid_frame undefined", "invalid_frame r1"]);
    edge.hello();
    expect(edge.tokens).toEqual(["token-1"]);
  });

  test("comes once", () => {
    const edge = welcomed();
    edge.hello();
    expect([edge.words(), edge.tokens, edge.closed]).toEqual([["invalid_frame undefined"], ["token-1"], undefined]);
  });

  test("may be followed at once by frames, in the same message or the next; they wait for the link", () => {
    const edge = new Edge();
    edge.client([{ t: "hello", v: 1, token: "x", device: { id: "phone" } }, send(1), { t: "ping", n: 7 }]);
    edge.client([send(2), ack(3), { t: "typing", cid: "d.alice.bob", on: true }, { t: "watch", users: ["bob"] }]);
    expect([edge.words(), edge.forwarded()]).toEqual([["pong"], []]);
    edge.authenticated();
    edge.client({ t: "sync", req: "r1", since: 0 });
    expect(edge.forwarded()).toEqual([]);
    edge.attached();
    expect(edge.words()).toEqual(["welcome"]);
    expect(edge.forwarded()).toEqual(
      expect.arrayContaining([
        "send message-1",
        "send message-2",
        "sync r1",
        "typing",
        "watch bob",
        "ack d.alice.bob 3",
      ]),
    );
    edge.wait(1000);
    expect(edge.forwarded()).toEqual([]);
  });

  test.each([
    ["unauthenticated", 4401],
    ["unavailable", 4503],
    ["internal", 4500],
  ] as const)("with a token that gives %s ends with %i, after the error", (code, close) => {
    const edge = new Edge();
    edge.hello();
    edge.session.authenticated({ ok: false, error: refuse(code, "why") }, edge.now);
    expect([edge.words(), edge.closed, edge.links]).toEqual([[`${code} undefined`], { code: close, reason: code }, []]);
  });

  test("whose client left meanwhile opens no link, and a link that comes too late is closed", () => {
    const edge = new Edge();
    edge.hello();
    edge.session.gone();
    edge.authenticated();
    expect(edge.links).toEqual([]);
    const late = new Edge();
    late.hello();
    late.authenticated();
    late.session.gone();
    const before = late.unlinked;
    late.session.linked();
    expect(late.unlinked).toBe(before + 1);
  });
});

describe("frames", () => {
  test("of a message go over the link as one, bodies as JSON text", () => {
    const edge = welcomed();
    edge.client([send(1), { t: "pull", req: 5, cid: "d.alice.bob" }]);
    expect(edge.ups).toEqual([
      [
        { t: "send", id: "message-1", to: "@bob", kind: "text", body: '{"text":"text 1"}', qos: 1, priority: 1 },
        { t: "pull", req: 5, cid: "d.alice.bob", limit: 50 },
      ],
    ]);
  });

  test("a ping is answered here, with its number, at any time after hello", () => {
    const edge = new Edge();
    edge.hello();
    edge.client([{ t: "ping" }, { t: "ping", n: 5 }, { t: "ping", n: -0.5 }]);
    expect(edge.take()).toEqual([
      { t: "pong", ts: START },
      { t: "pong", n: 5, ts: START },
      { t: "pong", n: -0.5, ts: START },
    ]);
    expect([edge.ups, edge.links]).toEqual([[], []]);
  });

  test("a body that is not what its kind says is refused with the id", () => {
    const edge = welcomed();
    edge.client([
      { ...send(1), body: { text: "" } },
      { ...send(2), body: { text: "x".repeat(8193) } },
      { t: "amend", id: "amend-01", cid: "d.alice.bob", target: 1, op: "edit" },
      { t: "amend", id: "amend-02", cid: "d.alice.bob", target: 1, op: "react", body: {} },
      send(3),
    ]);
    expect(edge.words()).toEqual([
      "invalid_argument message-1",
      "too_large message-2",
      "invalid_argument amend-01",
      "invalid_argument amend-02",
    ]);
    expect([edge.forwarded(), edge.closed]).toEqual([["send message-3"], undefined]);
  });

  test("from the object go to the client as they are", () => {
    const edge = welcomed();
    edge.down({}, sent(1));
    edge.down({}, sent(2), { t: "released", ids: ["message-1"] });
    expect(edge.words()).toEqual(["sent", "sent", "released"]);
  });

  test("watermarks go at once, or together with what else goes, and never late", () => {
    const edge = welcomed();
    edge.client(ack(1));
    expect(edge.forwarded()).toEqual(["ack d.alice.bob 1"]);
    edge.client(ack(2));
    edge.client({ t: "read", cid: "d.alice.bob", seq: 2 });
    expect(edge.forwarded()).toEqual([]);
    edge.client(send(1));
    // What the user has read before sending is told before the send.
    expect(edge.forwarded()).toEqual(["ack d.alice.bob 2", "read d.alice.bob 2", "send message-1"]);
    edge.client(ack(3));
    edge.wait(60);
    expect(edge.forwarded()).toEqual(["ack d.alice.bob 3"]);
    edge.client(ack(4));
    edge.client(ack(5));
    edge.session.gone();
    expect(edge.forwarded().at(-1)).toBe("ack d.alice.bob 5");
  });
});

describe("presence", () => {
  const presence = { t: "presence", user: "bob", state: "online" };

  test("is shown of users that this session watches, and of no others", () => {
    const edge = welcomed();
    edge.down({ about: "bob" }, presence);
    edge.client({ t: "watch", users: ["bob", "carol"] });
    edge.down({ about: "bob" }, presence);
    edge.client({ t: "unwatch", users: ["bob"] });
    edge.down({ about: "bob" }, presence);
    edge.down({ about: "carol" }, { ...presence, user: "carol" });
    expect(edge.take()).toMatchObject([{ user: "bob" }, { user: "carol" }]);
  });
});

describe("bad frames", () => {
  test("are answered one by one, and the twentieth within a minute ends the connection", () => {
    const edge = welcomed();
    for (let i = 0; i < 19; i += 1) {
      edge.client(bad);
      edge.wait(3000);
      edge.client({ t: "ping" });
    }
    expect(edge.words().filter((word) => word.startsWith("invalid"))).toHaveLength(19);
    expect(edge.closed).toBeUndefined();
    edge.client(bad);
    expect(edge.closed).toEqual({ code: 4400, reason: "invalid_frame" });
  });

  test("spread over more than a minute do not", () => {
    const edge = welcomed();
    for (let i = 0; i < 60; i += 1) {
      edge.client(bad);
      edge.wait(3200);
    }
    expect(edge.closed).toBeUndefined();
  });

  test("end a batch in its middle; what follows is nobody's", () => {
    const edge = welcomed();
    edge.client([...Array.from({ length: 25 }, () => bad), send(1)]);
    expect(edge.words()).toHaveLength(20);
    expect([edge.closed?.code, edge.forwarded()]).toEqual([4400, []]);
    edge.client(send(2));
    edge.session.receivedBinary(edge.now);
    edge.down({}, sent(1));
    expect([edge.forwarded(), edge.words()]).toEqual([[], []]);
  });

  test("a binary message is one", () => {
    const edge = welcomed();
    edge.session.receivedBinary(edge.now);
    expect([edge.words(), edge.closed]).toEqual([["invalid_frame undefined"], undefined]);
    for (let i = 0; i < 19; i += 1) edge.session.receivedBinary(edge.now);
    expect(edge.closed?.code).toBe(4400);
  });

  test("a message over 64 KiB ends the connection at once", () => {
    const edge = welcomed();
    edge.client(JSON.stringify({ ...send(1), body: { text: "x".repeat(FRAME_BYTES) } }));
    expect([edge.words(), edge.closed]).toEqual([["too_large undefined"], { code: 4413, reason: "too_large" }]);
  });

  test("a batch of 129 is one bad frame, not 129", () => {
    const edge = welcomed();
    edge.client(Array.from({ length: 129 }, () => ({ t: "ping" })));
    expect([edge.words(), edge.closed]).toEqual([["invalid_frame undefined"], undefined]);
    edge.client(Array.from({ length: 128 }, () => ({ t: "ping" })));
    expect(edge.words()).toHaveLength(128);
  });
});

describe("rate", () => {
  const limits = { rate: 10, burst: 20 };
  const pings = (count: number): unknown[] => Array.from({ length: count }, () => ({ t: "ping" }));

  test("beyond the burst frames are refused with the time to come back; acks, reads and pings never", () => {
    const edge = welcomed({ limits });
    // One token went with hello.
    edge.client([...Array.from({ length: 19 }, (_, n) => send(n + 1)), send(20), ack(1), { t: "ping" }]);
    expect(edge.take()).toMatchObject([
      { t: "error", code: "rate_limited", ref: "message-20", retry_after: 100 },
      { t: "pong" },
    ]);
    expect(edge.forwarded()).toHaveLength(20);
    edge.wait(300);
    edge.client(send(20));
    expect([edge.words(), edge.forwarded()]).toEqual([[], ["send message-20"]]);
  });

  test("a flood ends the connection, of whatever frames", () => {
    for (const frames of [Array.from({ length: 60 }, (_, n) => send(n + 1)), pings(60)]) {
      const edge = welcomed({ limits });
      edge.client(frames);
      expect(edge.closed).toEqual({ code: 4429, reason: "rate_limited" });
      expect(edge.words().at(-1)).toBe("rate_limited undefined");
    }
  });

  test("requests without an answer are kept up to a bound, and refused beyond", () => {
    const edge = welcomed({ limits: { buffer: 3 } });
    edge.client([send(1), send(2), send(3), send(4)]);
    expect(edge.words()).toEqual(["overloaded message-4"]);
    edge.down({ done: ["message-2"] }, sent(2));
    edge.client([send(4), send(5)]);
    expect(edge.words()).toEqual(["sent", "overloaded message-5"]);
  });
});

describe("ends", () => {
  test("silence for two heartbeats ends the connection; any frame is a sign of life", () => {
    const edge = welcomed({ timeouts: { heartbeat_ms: 10_000 } });
    edge.wait(19_999);
    edge.client("nonsense");
    edge.wait(19_999);
    expect(edge.closed).toBeUndefined();
    edge.down({}, sent(1));
    edge.wait(1);
    expect([edge.closed, edge.unlinked]).toEqual([{ code: 4408, reason: "timeout" }, 1]);
  });

  test("a newer connection of the device replaces it: no error, no coming back", () => {
    const edge = welcomed();
    edge.control({ do: "close", code: "replaced" });
    expect([edge.words(), edge.closed]).toEqual([[], { code: 4409, reason: "replaced" }]);
  });

  test("a login that ended ends it with 4401", () => {
    const edge = welcomed();
    edge.control({ do: "close", code: "unauthenticated" });
    expect([edge.words(), edge.closed?.code]).toEqual([["unauthenticated undefined"], 4401]);
  });

  test("after many frames, and after its time, it sends the client away to come back", () => {
    const busy = welcomed({ limits: { session_frames: 5 } });
    busy.client([send(1), send(2), send(3), send(4)]);
    expect(busy.take()).toEqual([{ t: "goaway", reason: "session_limit", retry_after: 2500 }]);
    expect([busy.closed, busy.forwarded()]).toEqual([
      { code: 1012, reason: "session_limit" },
      ["send message-1", "send message-2", "send message-3", "send message-4"],
    ]);
  });

  test.each([0, 0.5, 0.99])("each at a time of its own, a little before the bound (%d)", (chance) => {
    const edge = welcomed({ limits: { session_ms: 1_000_000 } }, {}, chance);
    const expected = 1_000_000 * (1 - 0.1 * chance);
    for (let alive = 10_000; alive < expected; alive += 10_000) {
      edge.wait(10_000);
      edge.client({ t: "ping" });
    }
    expect(edge.closed).toBeUndefined();
    edge.wait(10_000);
    expect(edge.closed?.code).toBe(1012);
  });

  test("are final: nothing is told or asked any more", () => {
    const edge = welcomed();
    edge.session.gone();
    edge.session.gone();
    edge.client(send(1));
    edge.broken();
    edge.attached();
    edge.wait(1_000_000);
    expect([edge.words(), edge.ups, edge.links, edge.closed]).toEqual([[], [], [], undefined]);
  });
});

describe("any number of messages", () => {
  test("every frame is forwarded or answered, once", () => {
    const edge = welcomed({ limits: { rate: 1e6, burst: 1e6 } });
    const frames = Array.from({ length: 300 }, (_, n) => (n % 7 === 3 ? { ...send(n), priority: 9 } : send(n)));
    for (let i = 0; i < frames.length; i += 10) {
      edge.client(frames.slice(i, i + 10));
      edge.wait(60_000 / 10);
      edge.client({ t: "ping" });
      if (edge.closed !== undefined) break;
    }
    const refs = edge.take().flatMap((frame) => (frame.t === "error" ? [String(frame.ref)] : []));
    const forwarded = edge.ups.flat().map((frame) => wordsOf(frame).split(" ")[1]);
    expect([...refs, ...forwarded].toSorted()).toEqual(frames.map(({ id }) => id as string).toSorted());
  });
});
