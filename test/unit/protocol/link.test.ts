import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeDown,
  decodeRelayed,
  encodeControl,
  encodeDown,
  keyOf,
  releaseKey,
  requestKey,
  spanOf,
  spansOf,
  SYNCED,
  type UpFrame,
} from "../../../src/protocol/link.ts";
import { anyText, cid, clientFrames, messageId, requestId, seq, uid } from "../../support/arbitraries.ts";

/** A frame's text as the object makes it: JSON, so without line breaks outside of escapes. */
const payloadFrame = anyText.map((text) => JSON.stringify({ t: "message", text }));
const key = fc.oneof(
  messageId,
  anyText.filter((text) => text.length > 0).map(requestKey),
  fc.maxSafeInteger().map(requestKey),
  fc.array(messageId, { minLength: 1, maxLength: 3 }).map(releaseKey),
  fc.constant(SYNCED),
);

describe("down", () => {
  test("what is encoded is decoded, whatever stands in requests and frames", () => {
    const note = fc.record({
      version: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      done: fc.array(key, { maxLength: 4 }),
      about: fc.oneof(fc.constant(""), uid),
      seen: fc.oneof(
        fc.constant(""),
        fc.tuple(cid, seq).map((parts) => parts.join(" ")),
      ),
      span: fc.oneof(
        fc.constant(""),
        fc.tuple(cid, seq, seq).map((parts) => parts.join(" ")),
      ),
    });
    fc.assert(
      fc.property(note, fc.array(payloadFrame, { minLength: 1, maxLength: 4 }), (expected, frames) => {
        const decoded = decodeDown(encodeDown(expected, frames));
        expect("note" in decoded && decoded.note).toEqual(expected);
        const payload = JSON.parse("payload" in decoded ? decoded.payload : "null") as unknown;
        const objects = frames.map((frame) => JSON.parse(frame) as unknown);
        expect(payload).toEqual(frames.length === 1 ? objects[0] : objects);
      }),
      { numRuns: 300 },
    );
  });

  test("spans are read as they were written, one or several", () => {
    const span = fc.record({ cid, first: fc.nat(), last: seq });
    fc.assert(
      fc.property(fc.array(span, { maxLength: 5 }), (spans) => {
        const text = spans.map((one) => spanOf(one.cid, one.first, one.last)).join(",");
        expect(spansOf(text)).toEqual(spans);
        const down = decodeRelayed(encodeDown({ version: 0, done: [], about: "", seen: "", span: text }, ["{}"]));
        expect("note" in down && down.note.span).toBe(text);
      }),
    );
  });

  test("a word to the edge is not a payload", () => {
    expect(decodeDown(encodeControl({ do: "attached", version: 5 }))).toEqual({
      control: { do: "attached", version: 5 },
    });
    expect(decodeDown(encodeControl({ do: "close", code: "replaced" }))).toEqual({
      control: { do: "close", code: "replaced" },
    });
  });

  test.each(["", "hello", ";;;", "1;2;3\n", "1\n;;;", '{"t":"pong"}'])(
    "%j is no message of ours: a bug, so it throws",
    (text) => {
      expect(() => decodeDown(text)).toThrow("malformed");
    },
  );
});

describe("keys", () => {
  test("different requests have different keys", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, requestId), fc.oneof(anyText, requestId), (a, b) => {
        expect(requestKey(a) === requestKey(b)).toBe(a === b);
      }),
      {
        numRuns: 500,
        examples: [
          ["a,b", "a%44b"],
          ["%", "%37"],
          ["1", 1],
          ["\n", "%10"],
        ],
      },
    );
  });

  test("a request, a release, a message and the first heads never have the same key", () => {
    fc.assert(
      fc.property(anyText, fc.array(messageId, { minLength: 1, maxLength: 3 }), messageId, (req, ids, id) => {
        const keys = [requestKey(req), releaseKey(ids), id, SYNCED];
        expect(new Set(keys).size).toBe(4);
      }),
      {
        examples: [
          ["", ["message-1"], "message-1"],
          ["r=message-1", ["message-1"], "message-1"],
        ],
      },
    );
  });

  test("releases of different ids have different keys", () => {
    const ids = fc.array(messageId, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        expect(releaseKey(a) === releaseKey(b)).toBe(a.join(" ") === b.join(" "));
      }),
      {
        examples: [
          [
            ["message-12", "message-3"],
            ["message-1", "2message-3"],
          ],
        ],
      },
    );
  });

  test("frames that are answered have a key, the others none", () => {
    const answered = new Set<unknown>(["send", "amend", "release", "sync", "pull"]);
    const { hello: _hello, ping: _ping, ...up } = clientFrames;
    fc.assert(
      fc.property(fc.oneof(...Object.values(up)), (frame) => {
        const expected = answered.has(frame["t"]) && frame["qos"] !== 0;
        expect(keyOf(frame as unknown as UpFrame) !== undefined).toBe(expected);
      }),
    );
  });
});
