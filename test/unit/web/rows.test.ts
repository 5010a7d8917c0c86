/** From messages to rows. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Message } from "../../../client/src/message.ts";
import { bySeq, rowsOf, type Made, type Row } from "../../../web/src/view/rows.ts";

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
    expect(short(rowsOf(messages, day, undefined).rows)).toEqual(["day", "(1", "2)", "(3)", "(4", "5)"]);
  });

  test("a new day, what happened to the group, and the line above new messages end a run", () => {
    const messages = [
      message(1, "bob", DAY_MS - 2),
      message(2, "bob", DAY_MS),
      message(3, "bob", DAY_MS + 1, { kind: "system" }),
      message(4, "bob", DAY_MS + 2),
      message(5, "bob", DAY_MS + 3),
    ];
    expect(short(rowsOf(messages, day, 4).rows)).toEqual(["day", "(1)", "day", "(2)", "note", "(4)", "unread", "(5)"]);
  });

  test("the line stands above the first new message of others only, once, and nowhere when there is none", () => {
    const messages = [message(1, "bob", 0), message(2, "me", 1), message(3, "bob", 2), message(4, "bob", 3)];
    expect(short(rowsOf(messages, day, 1).rows)).toEqual(["day", "(1)", "(2)", "unread", "(3", "4)"]);
    expect(short(rowsOf(messages, day, 4).rows)).not.toContain("unread");
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
        const { rows } = rowsOf(messages, day, unreadAfter);
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

  test("made of what was made before are the same as made anew, whatever has changed", () => {
    const change = fc.oneof(
      fc.record({ what: fc.constant("append"), from: fc.constantFrom("me", "bob"), wait: fc.nat(10 * MINUTE_MS) }),
      fc.record({ what: fc.constant("prepend"), from: fc.constantFrom("me", "bob"), wait: fc.nat(DAY_MS) }),
      fc.record({ what: fc.constantFrom("touch", "drop"), at: fc.nat(40) }),
      fc.record({ what: fc.constant("system"), at: fc.nat(40) }),
    );
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 40 }),
        fc.option(fc.integer({ min: -20, max: 20 }), { nil: undefined }),
        (changes, unreadAfter) => {
          let messages: Message[] = [];
          let made: Made | undefined;
          let [low, high, early, late] = [0, 0, 0, 0];
          for (const one of changes) {
            if (one.what === "append" && "from" in one)
              messages = messages.concat(message((high += 1), one.from, (late += one.wait)));
            else if (one.what === "prepend" && "from" in one)
              messages = [message((low -= 1), one.from, (early -= one.wait))].concat(messages);
            else if ("at" in one && messages[one.at] !== undefined) {
              const { [one.at]: old } = messages;
              messages = messages.filter((_, index) => index !== one.at || one.what !== "drop");
              if (old !== undefined && one.what !== "drop")
                messages = messages.with(one.at, { ...old, ...(one.what === "system" && { kind: "system" }) });
            }
            made = rowsOf(messages, day, unreadAfter, made);
            expect(made).toEqual(rowsOf(messages, day, unreadAfter));
          }
        },
      ),
    );
  });

  test("stay the same objects when a message is added, but for the one whose run goes on", () => {
    const messages = Array.from({ length: 100 }, (_, index) => message(index + 1, "bob", index));
    let days = 0;
    const counted = (ts: number): string => {
      days += 1;
      return day(ts);
    };
    const before = rowsOf(messages, counted, undefined);
    days = 0;
    const after = rowsOf([...messages, message(101, "bob", 200)], counted, undefined, before);
    expect(after.rows).toHaveLength(102);
    expect(after.rows.filter((row) => !before.rows.includes(row))).toMatchObject([{ last: false }, { last: true }]);
    expect(days).toBeLessThan(5);
    // A tick on the last message is its row alone.
    const read = rowsOf(messages.with(99, { ...message(100, "bob", 99), state: "read" }), day, undefined, before);
    expect(read.rows.filter((row) => !before.rows.includes(row))).toHaveLength(1);
  });

  test("find a message by its place among those that have one", () => {
    const some = [3, 5, 9].map((seq) => message(seq, "bob", seq));
    const waiting = { ...message(0, "me", 99), seq: undefined };
    const messages = [...some, waiting];
    expect([2, 3, 4, 5, 9, 10, undefined].map((seq) => bySeq(messages, seq)?.seq)).toEqual([
      undefined,
      3,
      undefined,
      5,
      9,
      undefined,
      undefined,
    ]);
    expect(bySeq([], 1)).toBeUndefined();
  });
});
