import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { Ack, ClientFrame, Hello, Ping, ServerFrame } from "../../../src/protocol/frames.ts";
import { FINGERPRINTS, PROTOCOL_VERSION } from "../../../src/protocol/version.ts";

/** JSON with the keys of every object in order, so that moving a field in the source changes nothing. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value as Record<string, unknown>).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const texts = fields.map(([key, field]) => {
    const inOrder = key === "required" && Array.isArray(field) ? field.toSorted() : field;
    return `${JSON.stringify(key)}:${canonical(inOrder)}`;
  });
  return `{${texts.join(",")}}`;
}

/** What a client writes is a schema's input, what the server writes its output. */
function fingerprint(schema: z.ZodType, io: "input" | "output"): string {
  return createHash("sha256")
    .update(canonical(z.toJSONSchema(schema, { io })))
    .digest("hex")
    .slice(0, 32);
}

describe("the wire is locked", () => {
  test.each([
    ["client", ClientFrame, "input"],
    ["server", ServerFrame, "output"],
  ] as const)("%s frames are those of the recorded fingerprint", (direction, schema, io) => {
    const actual = fingerprint(schema, io);
    expect(
      actual,
      `A ${direction} frame in src/protocol/frames.ts changed. Every client is written against these frames. If this is meant: ` +
        `mend PROTOCOL.md, raise PROTOCOL_VERSION if a client of before would break, and record "${actual}" as ` +
        `FINGERPRINTS.${direction} in src/protocol/version.ts`,
    ).toBe(FINGERPRINTS[direction]);
  });

  test("hello speaks of this version and of no other", () => {
    const hello = { t: "hello", token: "x", device: { id: "phone" } };
    expect(Hello.safeParse({ ...hello, v: PROTOCOL_VERSION }).success).toBe(true);
    expect(Hello.safeParse({ ...hello, v: PROTOCOL_VERSION + 1 }).success).toBe(false);
  });
});

describe("the fingerprint", () => {
  const before = fingerprint(z.discriminatedUnion("t", [Ack, Ping]), "input");

  test.each<[string, z.ZodType]>([
    ["a new optional field", z.discriminatedUnion("t", [Ack.extend({ why: z.string().optional() }), Ping])],
    ["a field less", z.discriminatedUnion("t", [Ack.omit({ cid: true }), Ping])],
    ["a narrower range", z.discriminatedUnion("t", [Ack.extend({ seq: z.number().int().min(2) }), Ping])],
    ["a frame less", z.discriminatedUnion("t", [Ack])],
  ])("changes by %s", (_, schema) => {
    expect(fingerprint(schema, "input")).not.toBe(before);
  });

  test("does not change by the order of fields", () => {
    const { t, cid, seq } = Ack.shape;
    expect(fingerprint(z.discriminatedUnion("t", [z.object({ seq, cid, t }), Ping]), "input")).toBe(before);
  });
});
