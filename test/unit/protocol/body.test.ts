import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byteLength, encodeAmendment, encodeBody } from "../../../src/protocol/body.ts";
import { BODY_BYTES, TEXT_CHARACTERS } from "../../../src/protocol/frames.ts";
import { anyText, json } from "../../support/arbitraries.ts";

/** `ok`, or the code of the refusal. */
function outcome(encoded: ReturnType<typeof encodeBody>): string {
  return typeof encoded === "string" ? "ok" : encoded.code;
}

describe("any body", () => {
  test("is encoded to JSON that says the same, or refused; never an exception", () => {
    const kind = fc.constantFrom("text", "image", "file", "audio", "video", "custom" as const);
    fc.assert(
      fc.property(kind, json, (name, body) => {
        const encoded = encodeBody(name, body);
        if (typeof encoded === "string") expect(JSON.parse(encoded)).toEqual(body);
        else expect(["invalid_argument", "too_large"]).toContain(encoded.code);
      }),
    );
  });

  test("any text survives: NUL, line breaks, halves of pairs", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        fc.pre(text.length > 0);
        const encoded = encodeBody("text", { text });
        expect(typeof encoded).toBe("string");
        expect(JSON.parse(encoded as string)).toEqual({ text });
        // What goes over sockets and into SQLite has to be Unicode without NUL.
        expect((encoded as string).isWellFormed() && !(encoded as string).includes("\0")).toBe(true);
      }),
    );
  });

  test("byteLength never says less than the limit when there is more, and is exact beyond", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 0, max: 40 }), (text, limit) => {
        const bytes = Buffer.byteLength(text);
        expect(byteLength(text, limit) > limit).toBe(bytes > limit);
        if (bytes > limit) expect(byteLength(text, limit)).toBe(bytes);
      }),
    );
  });
});

describe("text", () => {
  test.each<[string, unknown, string]>([
    ["one character", { text: "x" }, "ok"],
    ["with more fields", { text: "x", format: "markdown" }, "ok"],
    ["8,192 characters", { text: "x".repeat(TEXT_CHARACTERS) }, "ok"],
    ["8,193 characters", { text: "x".repeat(TEXT_CHARACTERS + 1) }, "too_large"],
    ["4,000 emoji, 8,000 UTF-16 units", { text: "👍".repeat(4000) }, "ok"],
    ["4,090 emoji: 16,360 bytes and the quotes", { text: "👍".repeat(4090) }, "ok"],
    ["4,095 emoji, which are over 16 KiB", { text: "👍".repeat(4095) }, "too_large"],
    ["8,192 characters that JSON escapes", { text: "\n".repeat(TEXT_CHARACTERS) }, "too_large"],
    ["empty", { text: "" }, "invalid_argument"],
    ["missing", {}, "invalid_argument"],
    ["a number", { text: 5 }, "invalid_argument"],
    ["no object", "hello", "invalid_argument"],
    ["null", null, "invalid_argument"],
    ["an array", ["hello"], "invalid_argument"],
    ["nothing", undefined, "invalid_argument"],
  ])("%s", (_, body, expected) => expect(outcome(encodeBody("text", body))).toBe(expected));

  test("characters are code points", () => {
    // Neither bound on bytes is met by 8,193 units of which two are one character.
    expect(outcome(encodeBody("text", { text: `👍${"x".repeat(TEXT_CHARACTERS - 1)}` }))).toBe("ok");
    expect(outcome(encodeBody("text", { text: `👍${"x".repeat(TEXT_CHARACTERS)}` }))).toBe("too_large");
  });
});

describe("other kinds", () => {
  test.each(["image", "file", "audio", "video"] as const)("%s names an attachment", (kind) => {
    expect(outcome(encodeBody(kind, { attachment: "a/1", name: "x.png", size: 0, width: 5 }))).toBe("ok");
    expect(outcome(encodeBody(kind, { text: "x" }))).toBe("invalid_argument");
    expect(outcome(encodeBody(kind, { attachment: "" }))).toBe("invalid_argument");
    expect(outcome(encodeBody(kind, { attachment: "a/1", size: -1 }))).toBe("invalid_argument");
    expect(outcome(encodeBody(kind, { attachment: "a/1", name: "x".repeat(256) }))).toBe("invalid_argument");
  });

  test.each([null, 0, false, "", [], {}])("custom takes %j", (body) => {
    expect(encodeBody("custom", body)).toBe(JSON.stringify(body));
  });

  test("16 KiB of JSON are the limit, in bytes", () => {
    expect(outcome(encodeBody("custom", "x".repeat(BODY_BYTES - 2)))).toBe("ok");
    expect(outcome(encodeBody("custom", "x".repeat(BODY_BYTES - 1)))).toBe("too_large");
    expect(outcome(encodeBody("custom", "é".repeat((BODY_BYTES - 2) / 2)))).toBe("ok");
    expect(outcome(encodeBody("custom", "é".repeat(BODY_BYTES / 2)))).toBe("too_large");
  });
});

describe("amendments", () => {
  test.each([
    ["recall", undefined, "ok"],
    ["recall", { why: "x" }, "ok"],
    ["edit", { text: "x" }, "ok"],
    ["edit", undefined, "invalid_argument"],
    ["edit", "x".repeat(BODY_BYTES), "too_large"],
    ["react", { emoji: "👍" }, "ok"],
    ["react", { emoji: "" }, "invalid_argument"],
    ["react", { emoji: "x".repeat(65) }, "invalid_argument"],
    ["react", {}, "invalid_argument"],
    ["react", undefined, "invalid_argument"],
    ["unreact", { emoji: "👍" }, "ok"],
    ["unreact", { emoji: "👍", more: "x".repeat(BODY_BYTES) }, "too_large"],
  ] as const)("%s with %j: %s", (op, body, expected) => {
    expect(outcome(encodeAmendment(op, body))).toBe(expected);
  });

  test("a recall has no body, whatever came with it", () => {
    expect(encodeAmendment("recall", { secret: 1 })).toBe("");
  });
});
