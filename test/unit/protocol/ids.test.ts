import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  Cid,
  DeviceId,
  directCid,
  directPair,
  kindOf,
  makeUlid,
  MessageId,
  peerOf,
  timeOf,
  Uid,
} from "../../../src/protocol/ids.ts";
import { cid, directId, messageId, uid } from "../../support/arbitraries.ts";

/** Any time that a ULID can carry. */
const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const random = fc.uint8Array({ minLength: 16, maxLength: 16 });

/** A UUIDv7 of a time; the rest from hexadecimal digits. */
const uuid7 = fc
  .tuple(time, fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 18, maxLength: 18 }))
  .map(([ms, rest]) => {
    const hex = ms.toString(16).padStart(12, "0");
    return {
      ms,
      text: `${hex.slice(0, 8)}-${hex.slice(8)}-7${rest.slice(0, 3)}-8${rest.slice(3, 6)}-${rest.slice(6)}`,
    };
  });

describe("alphabets", () => {
  test("valid ids pass", () => {
    fc.assert(
      fc.property(uid, messageId, cid, (user, message, conversation) => {
        expect([Uid.safeParse(user).success, MessageId.safeParse(message).success]).toEqual([true, true]);
        expect(Cid.safeParse(conversation).success).toBe(true);
      }),
    );
  });

  test("one forbidden character anywhere spoils an id", () => {
    const forbidden = fc
      .oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0xffff }))
      .map((code) => String.fromCharCode(code))
      .filter((character) => !/^[A-Za-z0-9_-]$/.test(character));
    fc.assert(
      fc.property(messageId, fc.nat(), forbidden, (id, n, character) => {
        const at = n % id.length;
        const spoilt = id.slice(0, at) + character + id.slice(at + 1);
        for (const schema of [Uid, MessageId, DeviceId]) expect(schema.safeParse(spoilt).success).toBe(false);
        expect(Cid.safeParse(`s.${spoilt}`).success).toBe(false);
      }),
    );
  });
});

describe("direct chats", () => {
  test("the id is the same from either side, valid, and names both", () => {
    fc.assert(
      fc.property(uid, uid, (a, b) => {
        fc.pre(a !== b);
        const id = directCid(a, b);
        expect(directCid(b, a)).toBe(id);
        expect(Cid.safeParse(id).success).toBe(true);
        expect(kindOf(id)).toBe("direct");
        expect([peerOf(id, a), peerOf(id, b)]).toEqual([b, a]);
        expect(new Set(directPair(id))).toEqual(new Set([a, b]));
      }),
    );
  });

  test("the two stand in ascending order of their bytes; the other order is no id", () => {
    fc.assert(
      fc.property(directId, (id) => {
        const [a, b] = directPair(id);
        expect(Buffer.compare(Buffer.from(a), Buffer.from(b))).toBe(-1);
        expect(Cid.safeParse(`d.${b}.${a}`).success).toBe(false);
      }),
    );
  });

  test("[SEC1] somebody else has no peer in it", () => {
    fc.assert(
      fc.property(directId, uid, (id, other) => {
        fc.pre(!directPair(id).includes(other));
        expect(peerOf(id, other)).toBeUndefined();
      }),
    );
  });

  test("kinds", () => {
    expect(["d.a.b", `g.${"0".repeat(26)}`, "s.a"].map((id) => kindOf(id as Cid))).toEqual([
      "direct",
      "group",
      "system",
    ]);
  });
});

describe("times in ids", () => {
  test("a ULID carries its time, in either case", () => {
    fc.assert(
      fc.property(time, random, (ms, bytes) => {
        const ulid = makeUlid(ms, bytes);
        expect(ulid).toMatch(/^[0-7][0-9a-hjkmnp-tv-z]{25}$/);
        expect([timeOf(ulid), timeOf(ulid.toUpperCase())]).toEqual([ms, ms]);
      }),
    );
  });

  test("ULIDs sort by time", () => {
    fc.assert(
      fc.property(time, time, random, random, (a, b, first, second) => {
        fc.pre(a !== b);
        expect(makeUlid(a, first) < makeUlid(b, second)).toBe(a < b);
      }),
    );
  });

  test("a ULID's random part differs with its bytes", () => {
    const bytes = (value: number): Uint8Array => new Uint8Array(16).fill(value);
    expect(makeUlid(1, bytes(1))).not.toBe(makeUlid(1, bytes(2)));
    expect(makeUlid(1_469_918_176_385, new Uint8Array(16))).toBe(`01aryz6s41${"0".repeat(16)}`);
  });

  test("a UUIDv7 carries its time, in either case", () => {
    fc.assert(
      fc.property(uuid7, ({ ms, text }) => {
        expect([timeOf(text), timeOf(text.toUpperCase())]).toEqual([ms, ms]);
      }),
    );
  });

  test.each([
    ["a UUIDv4", "2f1a7c1e-9d1c-4b0e-8f4a-0c9b5f6a7d3e"],
    ["a UUIDv7 of another variant", "018f2a7c-9d1c-7b0e-cf4a-0c9b5f6a7d3e"],
    ["a UUID without hyphens", "018f2a7c9d1c7b0e8f4a0c9b5f6a7d3e"],
    ["a ULID beyond the last time", `8${"0".repeat(25)}`],
    ["26 characters with a U", `01arynx831${"u".repeat(16)}`],
    ["a word", "message-1"],
    ["25 characters", "0".repeat(25)],
  ])("%s carries none", (_, id) => expect(timeOf(id)).toBeUndefined());

  test("any text has a time or none, never an exception", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ minLength: 26, maxLength: 26 }), fc.string({ minLength: 36, maxLength: 36 })),
        (text) => {
          const ms = timeOf(text);
          if (ms !== undefined) expect(ms >= 0 && ms < 2 ** 48).toBe(true);
        },
      ),
    );
  });
});
