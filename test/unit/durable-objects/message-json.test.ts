import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { messageFields, messageFrame, type Amended } from "../../../src/durable-objects/message-json.ts";
import type { Entry } from "../../../src/durable-objects/rpc.ts";
import { ServerFrame } from "../../../src/protocol/frames.ts";
import { anyText, cid, json, messageId, seq, uid } from "../../support/arbitraries.ts";

const entry: fc.Arbitrary<Entry> = fc.record(
  {
    seq,
    id: messageId,
    from: uid,
    ts: fc.nat(),
    kind: fc.constantFrom("text", "image", "custom", "amend", "system" as const),
    body: fc.oneof(
      fc.constant(""),
      json.map((value) => JSON.stringify(value)),
    ),
    priority: fc.integer({ min: 0, max: 3 }),
    count: fc.nat(),
    reply_to: seq,
    mentions: fc.array(uid, { maxLength: 3 }),
    target: seq,
    op: fc.constantFrom("edit", "recall", "react", "unreact" as const),
  },
  { requiredKeys: ["seq", "id", "from", "ts", "kind", "body", "priority", "count"], noNullPrototype: true },
);

const TEXT: Entry = {
  seq: 5,
  id: "message-5",
  from: "alice" as Entry["from"],
  ts: 1000,
  kind: "text",
  body: '{"text":"hi"}',
  priority: 1,
  count: 4,
};

function fields(one: Entry, amended?: Amended): Record<string, unknown> {
  return JSON.parse(`{${messageFields("d.alice.bob" as never, one, amended)}}`) as Record<string, unknown>;
}

describe("message frames", () => {
  test("are JSON of the wire's schema that says what the entry says", () => {
    fc.assert(
      fc.property(cid, entry, fc.nat(), (conversation, one, version) => {
        const { count: _count, body, ...rest } = one;
        const frame = JSON.parse(messageFrame(conversation, one, version)) as unknown;
        expect(ServerFrame.safeParse(frame).error?.issues).toBeUndefined();
        expect(frame).toEqual({
          t: "message",
          cid: conversation,
          version,
          ...rest,
          ...(body !== "" && { body: JSON.parse(body) as unknown }),
          ...(body === "" && one.kind !== "amend" && { recalled: true }),
        });
      }),
    );
  });

  test("reactions of any text are JSON", () => {
    fc.assert(
      fc.property(anyText, uid, (emoji, user) => {
        const shown = fields(TEXT, { reactions: Object.fromEntries([[emoji, [user]]]) });
        expect(Object.entries(shown["reactions"] as object)).toEqual([[emoji, [user]]]);
      }),
      { examples: [["__proto__", "alice"]] },
    );
  });
});

describe("amendments", () => {
  test("an edit shows the newest body and where it came from", () => {
    expect(fields(TEXT, { body: '{"text":"ho"}', edited: { seq: 7, ts: 2000 }, edits: [6, 7] })).toEqual({
      cid: "d.alice.bob",
      seq: 5,
      id: "message-5",
      from: "alice",
      ts: 1000,
      kind: "text",
      body: { text: "ho" },
      priority: 1,
      edited: { seq: 7, ts: 2000 },
    });
  });

  test("a recalled message has no body, whatever the state still says", () => {
    const shown = fields(
      { ...TEXT, body: "" },
      { recalled: true, body: '{"text":"secret"}', edited: { seq: 6, ts: 1 } },
    );
    expect(shown["recalled"]).toBe(true);
    expect(JSON.stringify(shown)).not.toContain("secret");
    expect(shown).not.toHaveProperty("edited");
  });

  test("an amendment without a body is none that was recalled", () => {
    expect(fields({ ...TEXT, kind: "amend", body: "", target: 1, op: "recall" })).not.toHaveProperty("recalled");
  });
});
