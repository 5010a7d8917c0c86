import fc from "fast-check";
import { FRAME_BYTES } from "../../../src/protocol/frames.ts";
import { describe, expect, test } from "vitest";
import type { Uid } from "../../../src/protocol/ids.ts";
import { ALICE, amendment, BOB, Chat, CONFIG, draft } from "./fixture.ts";
import { history } from "../../support/arbitraries.ts";

function begun(): Chat {
  const chat = new Chat();
  chat.append(ALICE, draft("message-1"), draft("message-2"));
  return chat;
}

describe("who may amend", () => {
  test("only its sender edits or recalls a message; every member reacts", () => {
    const chat = begun();
    expect(
      chat.append(
        BOB,
        amendment("amend-01", "edit", 1, { text: "x" }),
        amendment("amend-02", "recall", 1),
        amendment("amend-03", "react", 1, { emoji: "👍" }),
        amendment("amend-04", "unreact", 1, { emoji: "👍" }),
      ),
    ).toEqual(["permission_denied", "permission_denied", "3", "4"]);
    expect(
      chat.append(
        ALICE,
        amendment("amend-01", "edit", 1, { text: "x" }),
        amendment("amend-02", "react", 1, { emoji: "👍" }),
        amendment("amend-03", "recall", 1),
      ),
    ).toEqual(["5", "6", "7"]);
  });

  test("[SEC1] a stranger is told nothing but that", () => {
    const chat = begun();
    for (const target of [1, 99]) {
      expect(chat.append("eve" as Uid, amendment("amend-01", "react", target, { emoji: "👍" }))).toEqual([
        "not_member",
      ]);
    }
    expect(chat.core.head).toBe(2);
  });

  test("who is blocked amends nothing", () => {
    const chat = begun();
    chat.core.block(BOB, true);
    expect(chat.append(ALICE, amendment("amend-01", "edit", 1, { text: "x" }))).toEqual(["blocked"]);
    chat.core.block(BOB, false);
    expect(chat.append(ALICE, amendment("amend-01", "edit", 1, { text: "x" }))).toEqual(["3"]);
  });
});

describe("what may be amended", () => {
  test.each([
    ["what is not there yet", 99, "not_found"],
    ["itself", 3, "not_found"],
  ])("not %s", (_, target, expected) => {
    expect(begun().append(ALICE, amendment("amend-01", "recall", target))).toEqual([expected]);
  });

  test("no amendment, no system message", () => {
    const chat = begun();
    chat.append(
      ALICE,
      amendment("amend-01", "react", 1, { emoji: "👍" }),
      draft("system-1", { kind: "system", body: "{}" }),
    );
    expect(chat.append(ALICE, amendment("amend-02", "recall", 3), amendment("amend-03", "recall", 4))).toEqual([
      "invalid_argument",
      "invalid_argument",
    ]);
  });

  test("nothing that was recalled", () => {
    const chat = begun();
    chat.append(ALICE, amendment("amend-01", "recall", 1));
    const more = [
      amendment("amend-02", "recall", 1),
      amendment("amend-03", "edit", 1, { text: "x" }),
      amendment("amend-04", "react", 1, { emoji: "👍" }),
    ];
    expect(chat.append(ALICE, ...more)).toEqual(["not_found", "not_found", "not_found"]);
    chat.restart();
    expect(chat.append(ALICE, ...more)).toEqual(["not_found", "not_found", "not_found"]);
  });

  test("a message of the same batch", () => {
    const chat = new Chat();
    expect(chat.append(ALICE, draft("message-1"), amendment("amend-01", "recall", 1))).toEqual(["1", "2"]);
    expect(chat.page()).toMatchObject([
      { seq: 1, recalled: true },
      { seq: 2, op: "recall" },
    ]);
    expect(chat.log().map(({ body }) => body)).toEqual(["", ""]);
  });
});

describe("edit", () => {
  test("takes a body of the target's kind only", () => {
    const chat = new Chat();
    chat.append(ALICE, draft("message-1"), draft("message-2", { kind: "image", body: '{"attachment":"a"}' }));
    expect(
      chat.append(
        ALICE,
        amendment("amend-01", "edit", 1, { attachment: "a" }),
        amendment("amend-02", "edit", 2, { text: "x" }),
        amendment("amend-03", "edit", 1, { text: "x".repeat(8193) }),
        amendment("amend-04", "edit", 2, { attachment: "b" }),
      ),
    ).toEqual(["invalid_argument", "invalid_argument", "too_large", "3"]);
  });

  test("a page shows the newest body, with where it came from; the entries stay", () => {
    const chat = begun();
    chat.append(ALICE, amendment("amend-01", "edit", 1, { text: "second" }));
    chat.now += 10;
    chat.append(ALICE, amendment("amend-02", "edit", 1, { text: "third" }));
    expect(chat.page()[0]).toMatchObject({ seq: 1, body: { text: "third" }, edited: { seq: 4, ts: chat.now } });
    expect(chat.page().map(({ kind }) => kind)).toEqual(["text", "text", "amend", "amend"]);
    expect(chat.log().map(({ body }) => body)).toEqual([
      '{"text":"message-1"}',
      '{"text":"message-2"}',
      '{"text":"second"}',
      '{"text":"third"}',
    ]);
  });
});

describe("recall", () => {
  test("erases the text and that of all edits, from the log and from memory", () => {
    const chat = new Chat();
    chat.append(ALICE, draft("message-1", { body: '{"text":"secret one"}' }));
    chat.append(ALICE, amendment("amend-01", "edit", 1, { text: "secret two" }));
    chat.append(BOB, amendment("amend-02", "react", 1, { emoji: "👍" }));
    chat.append(ALICE, amendment("amend-03", "edit", 1, { text: "secret three" }), draft("message-2"));
    expect(chat.append(ALICE, amendment("amend-04", "recall", 1))).toEqual(["6"]);
    const pushed = chat.core.append(BOB, 0, 0, [], chat.now).reply.entries;
    for (const copy of [chat.page(), chat.log(), pushed]) expect(JSON.stringify(copy)).not.toContain("secret");
    const everything = chat.db.sql.exec("SELECT * FROM amended").toArray();
    expect(everything).toEqual([{ seq: 1, state: '{"recalled":true}' }]);
    expect(chat.page()[0]).toEqual({
      cid: "d.alice.bob",
      seq: 1,
      id: "message-1",
      from: "alice",
      ts: chat.now,
      kind: "text",
      priority: 1,
      recalled: true,
    });
    expect(pushed.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("is possible until its time is over", () => {
    const chat = begun();
    chat.now += CONFIG.messages.recall_ms;
    expect(chat.append(ALICE, amendment("amend-01", "recall", 1))).toEqual(["3"]);
    chat.now += 1;
    expect(chat.append(ALICE, amendment("amend-02", "recall", 2))).toEqual(["permission_denied"]);
  });

  test("has no end where the configuration says 0", () => {
    const chat = new Chat({ ...CONFIG, messages: { ...CONFIG.messages, recall_ms: 0 } });
    chat.append(ALICE, draft("message-1"));
    chat.now += 1000 * CONFIG.messages.recall_ms;
    expect(chat.append(ALICE, amendment("amend-01", "recall", 1))).toEqual(["2"]);
  });
});

describe("reactions", () => {
  const act = fc.record({
    uid: fc.constantFrom(ALICE, BOB),
    op: fc.constantFrom("react", "unreact" as const),
    emoji: fc.constantFrom("👍", "❤️", "__proto__", "constructor"),
  });

  test("are a set of users per emoji, in the order of their coming", () => {
    fc.assert(
      fc.property(history(act, 20), (acts) => {
        const chat = begun();
        const model = new Map<string, Uid[]>();
        for (const [i, { uid, op, emoji }] of acts.entries()) {
          const others = (model.get(emoji) ?? []).filter((other) => other !== uid);
          model.set(emoji, op === "react" ? [...others, uid] : others);
          expect(chat.append(uid, amendment(`amend-${i}-x`, op, 1, { emoji }))).toEqual([String(i + 3)]);
        }
        const shown = Object.entries(chat.page()[0]?.["reactions"] ?? {});
        const expected = [...model].filter(([, users]) => users.length > 0);
        expect(new Map(shown)).toEqual(new Map(expected));
        chat.db.close();
      }),
      { numRuns: 50 },
    );
  });

  test("at most 64 different ones on a message; those that are there still take users", () => {
    const chat = begun();
    const react = (n: number): string[] =>
      chat.append(ALICE, amendment(`amend-${n}-x`, "react", 1, { emoji: `:${n}:` }));
    for (let n = 0; n < 64; n += 1) expect(react(n)).toEqual([String(n + 3)]);
    expect(react(64)).toEqual(["invalid_argument"]);
    expect(chat.append(BOB, amendment("amend-bob", "react", 1, { emoji: ":0:" }))).toEqual(["67"]);
  });

  test("are as many as fit a frame; then they are taken back, but none is added", () => {
    const chat = begun();
    const many = Array.from({ length: 1_100 }, (_, n) => `u_${String(n).padStart(26, "0")}`);
    const state = JSON.stringify({ reactions: { "👍": [...many, "bob"] } });
    chat.db.sql.exec("INSERT INTO amended (seq, state) VALUES (1, ?)", state);
    expect(chat.append(ALICE, amendment("amend-01", "react", 1, { emoji: "👍" }))).toEqual(["too_large"]);
    expect(chat.append(BOB, amendment("amend-02", "unreact", 1, { emoji: "👍" }))).toEqual(["3"]);
    expect(Buffer.byteLength(JSON.stringify(chat.page()))).toBeLessThan(FRAME_BYTES);
  });

  test("survive an edit, not a recall", () => {
    const chat = begun();
    chat.append(BOB, amendment("amend-01", "react", 1, { emoji: "👍" }));
    chat.append(ALICE, amendment("amend-02", "edit", 1, { text: "x" }));
    expect(chat.page()[0]).toMatchObject({ body: { text: "x" }, reactions: { "👍": ["bob"] } });
    chat.append(ALICE, amendment("amend-03", "recall", 1));
    expect(chat.page()[0]).not.toHaveProperty("reactions");
  });
});

test("a message is edited a thousand times at most, and may be recalled then", () => {
  const chat = begun();
  const edits = (from: number, to: number): string[] =>
    chat.append(
      ALICE,
      ...Array.from({ length: to - from }, (_, i) =>
        amendment(`edit-${from + i}-x`, "edit", 1, { text: `${from + i}` }),
      ),
    );
  expect(edits(0, 1_001).slice(-2)).toEqual(["1002", "invalid_argument"]);
  expect(edits(1_001, 1_002)).toEqual(["invalid_argument"]);
  expect(chat.page(ALICE)).toHaveLength(200);
  expect(chat.append(ALICE, amendment("recall-x", "recall", 1))).toEqual(["1003"]);
  expect(chat.log().filter(({ body }) => body !== "")).toHaveLength(1);
});

describe("[UNR1] countable positions", () => {
  test("amendments have the position of what came before", () => {
    const chat = begun();
    chat.append(BOB, amendment("amend-01", "react", 1, { emoji: "👍" }), draft("message-3"));
    expect(chat.log().map(({ count }) => count)).toEqual([1, 2, 2, 3]);
  });
});
