import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, type Decoded } from "../../../src/protocol/codec.ts";
import { BATCH_FRAMES, FRAME_BYTES } from "../../../src/protocol/frames.ts";
import { anyText, clientFrame, clientFrames } from "../../support/arbitraries.ts";

function decodeOne(frame: unknown): Decoded {
  const [decoded, ...more] = decode(typeof frame === "string" ? frame : JSON.stringify(frame));
  expect(more).toEqual([]);
  return decoded as Decoded;
}

/** `code ref` of a refused message, `ok` of one that is none. */
function outcome(frame: unknown): string {
  const decoded = decodeOne(frame);
  return decoded.ok ? "ok" : `${decoded.refusal.code} ${String(decoded.ref)}`;
}

const send = { t: "send", id: "message-1", to: "@bob", body: { text: "hi" } };
const ack = { t: "ack", cid: "d.alice.bob", seq: 1 };
const pull = { t: "pull", req: "r1", cid: "d.alice.bob" };

describe("any input", () => {
  test("any text gives frames or refusals, never an exception", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.json(), fc.string()), (text) => {
        for (const decoded of decode(text)) {
          if (decoded.ok) continue;
          expect(["invalid_frame", "invalid_argument", "too_large"]).toContain(decoded.refusal.code);
          expect(decoded.refusal.message).not.toBe("");
        }
      }),
      { numRuns: 500 },
    );
  });

  test("any frame with one field of any JSON gives a frame or a refusal that says to what it refers", () => {
    const broken = fc.tuple(clientFrame, fc.nat(), fc.jsonValue()).map(([frame, n, value]) => {
      const keys = Object.keys(frame).filter((key) => key !== "t");
      const key = keys[n % Math.max(1, keys.length)] ?? "more";
      return { before: frame, key, frame: { ...frame, [key]: value } };
    });
    fc.assert(
      fc.property(broken, ({ before, key, frame }) => {
        const decoded = decodeOne(frame);
        const ref = ["id", "req", "cid"].find((name) => name in before);
        if (!decoded.ok && ref !== undefined && ref !== key) expect(decoded.ref).toBe(before[ref]);
      }),
      { numRuns: 500 },
    );
  });

  test.each([65, 1000, 30_000])("a body %i levels deep is refused, not run into", (levels) => {
    const text = `{"t":"send","id":"message-1","to":"@bob","kind":"custom","body":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    expect(outcome(text)).toBe("invalid_argument message-1");
    expect(outcome(text.replaceAll("[", '{"a":').replaceAll("]", "}").replace('{"a":}', "{}"))).toBe(
      levels < 10_000 ? "invalid_argument message-1" : "too_large undefined",
    );
  });

  test("a body of ordinary depth passes", () => {
    const body = JSON.parse(`${"[".repeat(50)}${"]".repeat(50)}`) as unknown;
    expect(outcome({ ...send, kind: "custom", body })).toBe("ok");
  });
});

describe("valid frames", () => {
  test.each(Object.entries(clientFrames))("%s comes out as it went in", (_, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (frame) => {
        expect(decodeOne(frame)).toEqual({ ok: true, frame: JSON.parse(JSON.stringify(frame)) as unknown });
      }),
    );
  });

  test("a batch is its frames, in order", () => {
    fc.assert(
      fc.property(fc.array(clientFrame, { minLength: 1, maxLength: 8 }), (frames) => {
        expect(decode(JSON.stringify(frames))).toEqual(frames.flatMap((frame) => decode(JSON.stringify(frame))));
      }),
    );
  });

  test("defaults are filled in, unknown fields ignored", () => {
    expect(decodeOne({ ...send, colour: "red" })).toEqual({
      ok: true,
      frame: { ...send, kind: "text", qos: 1, priority: 1 },
    });
    expect(decodeOne(pull)).toEqual({ ok: true, frame: { ...pull, limit: 50 } });
  });
});

describe("a message as a whole", () => {
  test.each(["", "{", "nonsense", '{"t":"ping"', "\0", '{"t":"ping"}{"t":"ping"}', "NaN", "{'t':'ping'}"])(
    "%j is not JSON",
    (text) => expect(outcome(text)).toBe("invalid_frame undefined"),
  );

  test.each(["null", "1", '"ping"', "true", "[[]]", "[null]", "[1]"])("%s is no frame", (text) => {
    expect(outcome(text)).toBe("invalid_frame undefined");
  });

  test("the limit counts bytes of UTF-8, not characters", () => {
    const padded = (text: string): string => `{"t":"ping","x":"${text}"}`;
    const room = FRAME_BYTES - padded("").length;
    for (const character of ["x", "é", "€", "👍"]) {
      const most = Math.floor(room / Buffer.byteLength(character));
      expect(outcome(padded(character.repeat(most)))).toBe("ok");
      expect(outcome(padded(character.repeat(most + 1)))).toBe("too_large undefined");
    }
  });

  test.each([
    [0, "refused"],
    [1, "taken"],
    [BATCH_FRAMES, "taken"],
    [BATCH_FRAMES + 1, "refused"],
  ])("a batch of %i frames is %s", (size, expected) => {
    const decoded = decode(JSON.stringify(Array.from({ length: size }, () => ({ t: "ping" }))));
    if (expected === "taken") expect(decoded.map(({ ok }) => ok)).toEqual(Array.from({ length: size }, () => true));
    else expect(decoded).toMatchObject([{ ok: false, refusal: { code: "invalid_frame" } }]);
  });

  test("one bad frame of a batch spoils no other", () => {
    const decoded = decode(JSON.stringify([{ t: "ping" }, { ...send, priority: 9 }, null, ack]));
    expect(decoded.map((one) => (one.ok ? one.frame.t : one.ref))).toEqual(["ping", "message-1", undefined, "ack"]);
  });
});

describe("wrong shape is invalid_frame", () => {
  test.each<[string, unknown, string]>([
    ["an unknown type", { ...send, t: "shout" }, "message-1"],
    ["no type", { req: 7 }, "7"],
    ["a type that is no string", { t: 5, cid: "d.a.b" }, "d.a.b"],
    ["a type of the server", { t: "welcome" }, "undefined"],
    ["a missing field", { t: "ack", cid: "d.a.b" }, "d.a.b"],
    ["a string for a number", { ...ack, seq: "1" }, "d.alice.bob"],
    ["a fraction for a seq", { ...ack, seq: 1.5 }, "d.alice.bob"],
    ["null for a number", { ...ack, seq: null }, "d.alice.bob"],
    ["an object for an id", { ...send, id: {} }, "undefined"],
    ["a number for an address", { ...send, to: 5 }, "message-1"],
    ["an array for a req", { ...pull, req: [] }, "d.alice.bob"],
    ["a string for users", { t: "watch", users: "bob" }, "undefined"],
    ["a send without body", { t: "send", id: "message-1", to: "@bob" }, "message-1"],
    ["a ping of infinity", '{"t":"ping","n":1e999}', "undefined"],
  ])("%s", (_, frame, ref) => expect(outcome(frame)).toBe(`invalid_frame ${ref}`));
});

describe("a value out of its range is invalid_argument", () => {
  test.each<[string, unknown, string]>([
    ["an id of seven characters", { ...send, id: "message" }, "message"],
    ["an id of 65 characters", { ...send, id: "m".repeat(65) }, "m".repeat(65)],
    ["an id with a forbidden character", { ...send, id: "message.1" }, "message.1"],
    ["an id that ends with a line break", { ...send, id: "message-1\n" }, "message-1\n"],
    ["an address with a forbidden character", { ...send, to: "@bob.by" }, "message-1"],
    ["an address with a space", { ...send, to: "@bob by" }, "message-1"],
    ["an address with a NUL", { ...send, to: "@bob\0" }, "message-1"],
    ["an empty address", { ...send, to: "@" }, "message-1"],
    ["an address of 65 characters", { ...send, to: `@${"b".repeat(65)}` }, "message-1"],
    ["an address that is neither", { ...send, to: "bob" }, "message-1"],
    ["a conversation with oneself", { ...ack, cid: "d.bob.bob" }, "d.bob.bob"],
    ["a conversation in the wrong order", { ...ack, cid: "d.bob.alice" }, "d.bob.alice"],
    ["a conversation of no kind", { ...ack, cid: "x.bob" }, "x.bob"],
    ["an uppercase group", { ...ack, cid: `g.${"A".repeat(26)}` }, `g.${"A".repeat(26)}`],
    ["seq 0", { ...ack, seq: 0 }, "d.alice.bob"],
    ["a negative seq", { ...ack, seq: -1 }, "d.alice.bob"],
    ["a seq beyond exact integers", { ...ack, seq: 2 ** 53 }, "d.alice.bob"],
    ["a negative limit", { ...pull, limit: -1 }, "r1"],
    ["a limit of 0", { ...pull, limit: 0 }, "r1"],
    ["a limit of 201", { ...pull, limit: 201 }, "r1"],
    ["a negative after", { ...pull, after: -1 }, "r1"],
    ["an empty req", { ...pull, req: "" }, "d.alice.bob"],
    ["a req of 65 characters", { ...pull, req: "r".repeat(65) }, "r".repeat(65)],
    ["a negative version", { t: "sync", req: 3, since: -1 }, "3"],
    ["qos 3", { ...send, qos: 3 }, "message-1"],
    ["priority 4", { ...send, priority: 4 }, "message-1"],
    ["a negative priority", { ...send, priority: -1 }, "message-1"],
    ["ttl 0", { ...send, ttl: 0 }, "message-1"],
    ["an unknown kind", { ...send, kind: "song" }, "message-1"],
    ["a kind of the server", { ...send, kind: "system" }, "message-1"],
    ["101 mentions", { ...send, mentions: Array.from({ length: 101 }, () => "bob") }, "message-1"],
    ["an unknown op", { t: "amend", id: "message-1", cid: "d.a.b", target: 1, op: "burn" }, "message-1"],
    ["nobody to watch", { t: "watch", users: [] }, "undefined"],
    ["201 to watch", { t: "watch", users: Array.from({ length: 201 }, () => "bob") }, "undefined"],
    ["nothing to release", { t: "release", ids: [] }, "undefined"],
    ["129 to release", { t: "release", ids: Array.from({ length: 129 }, () => "message-1") }, "undefined"],
    ["another version", { t: "hello", v: 2, token: "x", device: { id: "phone" } }, "undefined"],
    ["a device with a forbidden character", { t: "hello", v: 1, token: "x", device: { id: "a/b" } }, "undefined"],
  ])("%s", (_, frame, ref) => expect(outcome(frame)).toBe(`invalid_argument ${ref}`));

  test("what a refusal refers to is never longer than an id can be", () => {
    expect(outcome({ t: "ack", cid: "d".repeat(161), seq: 1 })).toBe("invalid_argument undefined");
  });
});
