import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contentHash } from "../../../src/durable-objects/conversation/append.ts";
import type { Draft } from "../../../src/durable-objects/rpc.ts";
import { makeUlid, timeOf, type Uid } from "../../../src/protocol/ids.ts";
import { ALICE, amendment, BOB, Chat, DAY, draft, START } from "./fixture.ts";
import { history } from "../../support/arbitraries.ts";

/** Ids of every sort: without a time, ULIDs and UUIDv7s of a given time. */
function idOf(sort: "plain" | "ulid" | "uuid7", n: number, time: number): string {
  if (sort === "plain") return `message-${n}`;
  if (sort === "ulid") return makeUlid(time, new Uint8Array(16).fill(n % 32));
  const hex = time.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(n).padStart(12, "0")}`;
}

type Step =
  | { do: "append"; uid: Uid; drafts: { n: number; text: number; qos: 1 | 2; kind: "text" | "system" }[] }
  | { do: "restart" }
  | { do: "wait"; ms: number };

const member = fc.constantFrom(ALICE, BOB);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      uid: member,
      drafts: fc.array(
        fc.record({
          n: fc.integer({ min: 0, max: 25 }),
          text: fc.constantFrom(0, 0, 0, 1),
          qos: fc.constantFrom(1 as const, 1 as const, 2 as const),
          kind: fc.constantFrom("text" as const, "text" as const, "system" as const),
        }),
        { minLength: 1, maxLength: 6 },
      ),
    }),
  },
  fc.record({ do: fc.constant("restart" as const) }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: DAY })),
    }),
  },
);

describe("any history of batches, retries, restarts and days", () => {
  test("[ORD1] [DUP1] [DUP2] [UNR1] numbers without a gap, each id once, positions counted", () => {
    fc.assert(
      fc.property(history(step, 40), (steps) => {
        const chat = new Chat();
        const known = new Map<string, { seq: number; content: string; at: number; qos: 1 | 2 }>();
        let head = 0;
        for (const one of steps) {
          if (one.do === "restart") chat.restart();
          else if (one.do === "wait") chat.now += one.ms;
          else {
            const drafts = one.drafts.map(({ n, text, qos, kind }) =>
              draft(idOf((["plain", "ulid", "uuid7"] as const)[n % 3] ?? "plain", n, START), {
                kind,
                qos,
                body: JSON.stringify({ text: `text ${text}` }),
              }),
            );
            const words = chat.append(one.uid, ...drafts);
            for (const [i, item] of drafts.entries()) {
              const key = `${one.uid} ${item.id}`;
              const before = known.get(key);
              const time = timeOf(item.id);
              const old = time !== undefined && time < chat.now - DAY;
              let expected: string;
              if (before !== undefined && (before.qos === 2 || !old)) {
                // An id without a time is only promised inside the window; beyond it either is right.
                if (
                  time === undefined &&
                  before.qos === 1 &&
                  chat.now - before.at > DAY &&
                  words[i] === String(head + 1)
                ) {
                  expected = String(head + 1);
                } else expected = before.content === contentHash(item) ? `${before.seq} again` : "id_conflict";
              } else expected = old ? "id_expired" : String(head + 1);
              expect(words[i]).toBe(expected);
              if (expected !== String(head + 1)) continue;
              head += 1;
              known.set(key, { seq: head, content: contentHash(item), at: chat.now, qos: item.qos });
            }
          }
          expect(chat.core.head).toBe(head);
        }
        const log = chat.log();
        expect(log.map(({ seq }) => seq)).toEqual(Array.from({ length: head }, (_, i) => i + 1));
        let count = 0;
        for (const [i, row] of log.entries()) {
          if (row.kind === "text") count += 1;
          expect(row.count).toBe(count);
          expect(row.ts).toBeGreaterThanOrEqual(log[i - 1]?.ts ?? 0);
        }
        chat.db.close();
      }),
      { numRuns: 120 },
    );
  });
});

describe("[DUP1] the same id", () => {
  test("twice in one batch is one entry, also when the second says something else", () => {
    const chat = new Chat();
    expect(
      chat.append(
        ALICE,
        draft("message-1"),
        draft("message-1"),
        draft("message-1", { body: "{}" }),
        draft("message-2"),
      ),
    ).toEqual(["1", "1 again", "id_conflict", "2"]);
  });

  test("of another sender is another message", () => {
    const chat = new Chat();
    expect([...chat.append(ALICE, draft("message-1")), ...chat.append(BOB, draft("message-1"))]).toEqual(["1", "2"]);
  });

  test("is known for the whole window, after a restart too", () => {
    const chat = new Chat();
    chat.append(ALICE, draft("message-1"));
    chat.now += DAY;
    expect(chat.append(ALICE, draft("message-1"))).toEqual(["1 again"]);
    chat.restart();
    expect(chat.append(ALICE, draft("message-1"))).toEqual(["1 again"]);
  });

  test("is answered with the time of the first", () => {
    const chat = new Chat();
    chat.append(ALICE, draft("message-1"));
    chat.now += 1000;
    const { results } = chat.core.append(ALICE, 0, 0, [draft("message-1")], chat.now).reply;
    expect(results).toEqual([{ id: "message-1", seq: 1, ts: START, duplicate: true }]);
  });

  test("of QoS 2 is known until it is released, however long that takes", () => {
    const chat = new Chat();
    const ulid = makeUlid(START, new Uint8Array(16));
    chat.append(ALICE, draft(ulid, { qos: 2 }));
    chat.now += 30 * DAY;
    chat.restart();
    expect(chat.append(ALICE, draft(ulid, { qos: 2 }))).toEqual(["1 again"]);
    expect(chat.append(ALICE, draft(ulid, { qos: 2, body: "{}" }))).toEqual(["id_conflict"]);
    chat.core.release(BOB, [ulid]);
    expect(chat.append(ALICE, draft(ulid, { qos: 2 }))).toEqual(["1 again"]);
    chat.core.release(ALICE, [ulid, "message-9"]);
    expect(chat.append(ALICE, draft(ulid, { qos: 2 }))).toEqual(["id_expired"]);
    expect(chat.core.head).toBe(1);
  });

  test("is recognised although its text was recalled or edited since", () => {
    const chat = new Chat();
    chat.append(ALICE, draft("message-1"), draft("message-2"));
    chat.append(ALICE, amendment("amend-01", "recall", 1), amendment("amend-02", "edit", 2, { text: "other" }));
    chat.restart();
    expect(chat.append(ALICE, draft("message-1"), draft("message-2"))).toEqual(["1 again", "2 again"]);
  });

  test("is recognised although the sender is blocked by now", () => {
    const chat = new Chat();
    chat.append(ALICE, draft("message-1"));
    chat.core.block(BOB, true);
    expect(chat.append(ALICE, draft("message-1"), draft("message-2"))).toEqual(["1 again", "blocked"]);
  });
});

describe("[DUP1] an id with a time", () => {
  test.each(["ulid", "uuid7"] as const)("older than the window, a %s is refused; at its edge it is taken", (sort) => {
    const chat = new Chat();
    expect(chat.append(ALICE, draft(idOf(sort, 1, START - DAY - 1)), draft(idOf(sort, 2, START - DAY)))).toEqual([
      "id_expired",
      "1",
    ]);
  });

  test("of a clock that runs a day ahead is never taken twice", () => {
    const chat = new Chat();
    const ahead = idOf("ulid", 1, START + DAY);
    chat.append(ALICE, draft(ahead));
    for (let hour = 0; hour < 72; hour += 1) {
      chat.now += DAY / 24;
      // A busy conversation, so that what may be forgotten is.
      chat.append(BOB, ...Array.from({ length: 20 }, (_, i) => draft(`hour-${hour}-${i}`)));
      if (hour % 10 === 0) chat.restart();
      expect(chat.append(ALICE, draft(ahead))).toEqual([chat.now > START + 2 * DAY ? "id_expired" : "1 again"]);
    }
  });
});

describe("[DUP2] other content under the same id", () => {
  test.each<[string, Partial<Draft>]>([
    ["another text", { body: '{"text":"other"}' }],
    ["another kind", { kind: "custom" }],
    ["another priority", { priority: 2 }],
    ["a reply", { reply_to: 1 }],
    ["mentions", { mentions: [BOB] }],
  ])("%s is refused, and the log stays", (_, change) => {
    const chat = new Chat();
    chat.append(ALICE, draft("message-1"));
    const before = chat.log();
    expect(chat.append(ALICE, draft("message-1", change))).toEqual(["id_conflict"]);
    chat.restart();
    expect(chat.append(ALICE, draft("message-1", change))).toEqual(["id_conflict"]);
    expect(chat.log()).toEqual(before);
  });

  test("from another device it is the same content", () => {
    const chat = new Chat();
    chat.append(ALICE, draft("message-1"));
    expect(chat.append(ALICE, draft("message-1", { device: "tablet" as Draft["device"] }))).toEqual(["1 again"]);
  });
});

describe("replies", () => {
  test("to what there is, in the same batch too; not to what there is not", () => {
    const chat = new Chat();
    expect(
      chat.append(
        ALICE,
        draft("message-1", { reply_to: 1 }),
        draft("message-2"),
        draft("message-3", { reply_to: 1 }),
        draft("message-4", { reply_to: 9 }),
        draft("message-5", { reply_to: 2 }),
      ),
    ).toEqual(["invalid_argument", "1", "2", "invalid_argument", "3"]);
    expect(chat.page().map(({ reply_to }) => reply_to)).toEqual([undefined, 1, 2]);
  });
});

describe("[ORD1] a disk that refuses", () => {
  test("leaves log, memory and dedup as they were; the next try gets the same number", () => {
    const chat = new Chat();
    chat.append(ALICE, draft("message-1"));
    chat.db.breakTable("qos2");
    expect(() => chat.append(ALICE, draft("message-2"), draft("message-3", { qos: 2 }))).toThrow("disk");
    expect(chat.core.head).toBe(1);
    chat.db.mendTable("qos2");
    expect(chat.append(BOB, draft("message-4"))).toEqual(["2"]);
    expect(chat.append(ALICE, draft("message-2"), draft("message-3", { qos: 2 }))).toEqual(["3", "4"]);
    expect(chat.log().map(({ id }) => id)).toEqual(["message-1", "message-4", "message-2", "message-3"]);
  });
});
