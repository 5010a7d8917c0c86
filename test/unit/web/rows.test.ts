/** From messages to rows. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Message } from "../../../client/src/message.ts";
import { rowsOf, type Row } from "../../../web/src/view/rows.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const day = (ts: number): string => String(Math.floor(ts / DAY_MS));

function message(seq: number, from: string, ts: number, more: Partial<Message> = {}): Message {
  return {
    key: `${from}/${seq}`,
    id: `id-${seq}`,
    cid: "d.a.b",
    seq,
    from,
    mine: from === "me",
    ts,
    kind: "text",
    body: { text: "x" },
    text: "x",
    priority: 1,
    replyTo: undefined,
    mentions: [],
    edited: undefined,
    recalled: false,
    reactions: {},
    ephemeral: false,
    state: from === "me" ? "sent" : undefined,
    error: undefined,
    ...more,
  };
}

/** Rows in short: `day`, `new`, `note`, and messages as `(` when they begin a run, `)` when they end it. */
function short(rows: readonly Row[]): string[] {
  return rows.map((row) => {
    if (row.kind !== "message") return row.kind;
    return `${row.first ? "(" : ""}${row.message.seq}${row.last ? ")" : ""}`;
  });
}

describe("rows", () => {
  test("messages of one author within five minutes stand together", () => {
    const messages = [
      message(1, "me", 0),
      message(2, "me", 5 * MINUTE_MS),
      message(3, "me", 10 * MINUTE_MS + 1),
      message(4, "bob", 10 * MINUTE_MS + 2),
      message(5, "bob", 10 * MINUTE_MS + 3),
    ];
    expect(short(rowsOf(messages, day, undefined))).toEqual(["day", "(1", "2)", "(3)", "(4", "5)"]);
  });

  test("a new day, what happened to the group, and the line above new messages end a run", () => {
    const messages = [
      message(1, "bob", DAY_MS - 2),
      message(2, "bob", DAY_MS),
      message(3, "bob", DAY_MS + 1, { kind: "system" }),
      message(4, "bob", DAY_MS + 2),
      message(5, "bob", DAY_MS + 3),
    ];
    expect(short(rowsOf(messages, day, 4))).toEqual(["day", "(1)", "day", "(2)", "note", "(4)", "unread", "(5)"]);
  });

  test("the line stands above the first new message of others only, once, and nowhere when there is none", () => {
    const messages = [message(1, "bob", 0), message(2, "me", 1), message(3, "bob", 2), message(4, "bob", 3)];
    expect(short(rowsOf(messages, day, 1))).toEqual(["day", "(1)", "(2)", "unread", "(3", "4)"]);
    expect(short(rowsOf(messages, day, 4))).not.toContain("unread");
  });

  test("every message is one row, in its order, under a key of its own", () => {
    const some = fc.array(
      fc.record({ from: fc.constantFrom("me", "bob", "eve"), wait: fc.integer({ min: 0, max: DAY_MS }) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(some, fc.option(fc.nat(60), { nil: undefined }), (all, unreadAfter) => {
        let ts = 0;
        const messages = all.map(({ from, wait }, index) => message(index + 1, from, (ts += wait)));
        const rows = rowsOf(messages, day, unreadAfter);
        expect(rows.flatMap((row) => ("message" in row ? row.message.seq : []))).toEqual(
          messages.map(({ seq }) => seq),
        );
        expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
        // Runs open and close in turn.
        let open = false;
        for (const row of rows) {
          if (row.kind !== "message") expect(open).toBe(false);
          else {
            expect(row.first).toBe(!open);
            open = !row.last;
          }
        }
        expect(open).toBe(false);
      }),
    );
  });
});
