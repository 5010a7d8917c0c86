import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judge } from "../../../src/durable-objects/user/inbox.ts";
import { FRAME_BYTES } from "../../../src/protocol/frames.ts";
import type { Uid } from "../../../src/protocol/ids.ts";
import { ALICE, BOB, Chat, CONFIG, draft } from "./fixture.ts";

const OFFER = CONFIG.writes.offer_ms;

/** A chat with `count` messages of alice. */
function filled(count: number): Chat {
  const chat = new Chat();
  for (let n = 1; n <= count; n += 1) chat.append(ALICE, draft(`message-${n}`));
  return chat;
}

/** Pushes to a member until there is nothing to push; returns the seqs of each push. */
function pushAll(chat: Chat, uid: Uid, have: number): { seqs: number[]; skip: boolean }[] {
  const pushes: { seqs: number[]; skip: boolean }[] = [];
  for (;;) {
    const call = chat.core.nextPush(uid, chat.now);
    if (call === undefined) return pushes;
    pushes.push({ seqs: call.entries.map(({ seq }) => seq), skip: call.skip });
    const judged = judge(have, call.entries, call.skip);
    if (judged.is === "accepted") have = call.entries.at(-1)?.seq ?? have;
    chat.core.pushed(uid, { have, taken: have }, chat.now, 0);
  }
}

describe("the reply to a call", () => {
  test("[ORD2] has what the caller lacks, own and others' entries, contiguous up to the head", () => {
    const chat = filled(5);
    chat.append(BOB, draft("message-6"));
    const { reply } = chat.core.append(ALICE, 2, 0, [draft("message-7")], chat.now);
    expect(reply.entries.map(({ seq, from }) => `${seq} ${from}`)).toEqual([
      "3 alice",
      "4 alice",
      "5 alice",
      "6 bob",
      "7 alice",
    ]);
    expect(reply.head).toBe(7);
    expect(Object.keys(reply.entries[0] ?? {})).not.toContain("device");
  });

  test("has nothing for a caller who has everything, and for a retry", () => {
    const chat = filled(5);
    expect(chat.core.append(ALICE, 5, 0, [draft("message-3")], chat.now).reply.entries).toEqual([]);
  });

  test("to a caller far behind has the newest entries, with a hole that shows", () => {
    const chat = filled(600);
    const { entries } = chat.core.append(BOB, 0, 0, [], chat.now).reply;
    expect(entries.at(-1)?.seq).toBe(600);
    expect(entries.length).toBeLessThan(600);
    expect(judge(0, entries, true)).toMatchObject({ is: "accepted", hole: true });
  });

  test("[UNR1] to a caller far behind says which own entry it cannot see there", () => {
    const chat = filled(300);
    chat.append(BOB, ...Array.from({ length: 200 }, (_, n) => draft(`bobs-${n}-x`)));
    const mine = chat.core.append(ALICE, 0, 0, [], chat.now).reply;
    expect([mine.entries[0]?.seq, mine.own]).toEqual([373, { seq: 300, count: 300 }]);
    chat.restart();
    expect(chat.core.append(ALICE, 0, 0, [], chat.now).reply.own).toEqual(mine.own);
    expect(chat.core.append(BOB, 0, 0, [], chat.now).reply.own).toEqual({ seq: 372, count: 372 });
    expect(chat.core.append(BOB, 499, 0, [], chat.now).reply.own).toBeUndefined();
    // What is not the caller's own does not count.
    const other = filled(400);
    expect(other.core.append(BOB, 0, 0, [], other.now).reply.own).toBeUndefined();
  });

  test("is the same from memory and from the disk", () => {
    const chat = filled(40);
    const fromMemory = chat.core.append(BOB, 3, 0, [], chat.now).reply.entries;
    chat.restart();
    expect(chat.core.append(BOB, 3, 0, [], chat.now).reply.entries).toEqual(fromMemory);
  });

  test("[SEC1] to a stranger says nothing but that", () => {
    const chat = filled(3);
    expect(chat.core.append("eve" as Uid, 0, 0, [draft("message-1"), draft("message-2")], chat.now)).toEqual({
      reply: {
        results: [1, 2].map((n) => ({ id: `message-${n}`, refusal: { code: "not_member", message: "not a member" } })),
        entries: [],
        head: 0,
        settled: false,
      },
      hold: false,
      arm: false,
    });
    expect(chat.core.page("eve" as Uid, { limit: 10 })).toMatchObject({
      ok: false,
      error: { code: "not_member" },
    });
    expect(chat.core.count("eve" as Uid, 1)).toMatchObject({ ok: false, error: { code: "not_member" } });
  });
});

describe("[DUR3] before `sent` may leave", () => {
  test("a lone message waits for the other member's disk; no alarm, one row", () => {
    const chat = new Chat();
    const rows = chat.db.rowsWritten();
    const { reply, hold, arm } = chat.core.append(ALICE, 0, 0, [draft("message-1")], chat.now);
    expect([reply.settled, hold, arm]).toEqual([true, true, false]);
    expect(chat.db.rowsWritten() - rows).toBe(1);
    expect(chat.core.settled(1, ALICE)).toBe(false);
    expect(chat.core.nextPush(BOB, chat.now)).toMatchObject({ settle: true, skip: false });
    chat.core.pushed(BOB, { have: 1, taken: 0 }, chat.now, 0);
    expect(chat.core.settled(1, ALICE)).toBe(false);
    chat.core.alarm();
    chat.core.nextPush(BOB, chat.now);
    chat.core.pushed(BOB, { have: 1, taken: 1 }, chat.now, 0);
    expect(chat.core.settled(1, ALICE)).toBe(true);
  });

  test("one that nobody took in time has an alarm behind it instead", () => {
    const chat = filled(1);
    chat.core.arm();
    expect(chat.core.settled(1, ALICE)).toBe(true);
    expect(chat.core.armed).toBe(true);
  });

  test("in a busy conversation one alarm stands for all, and replies leave at once", () => {
    const chat = filled(1);
    const outcomes: unknown[] = [];
    for (let n = 2; n <= 4; n += 1) {
      chat.now += 10;
      const { reply, hold, arm } = chat.core.append(ALICE, n - 1, 0, [draft(`message-${n}`)], chat.now);
      outcomes.push([reply.settled, hold, arm]);
    }
    expect(outcomes).toEqual([
      [false, false, true],
      [false, false, false],
      [false, false, false],
    ]);
    chat.core.alarm();
    chat.now += OFFER;
    expect(chat.core.append(ALICE, 4, 0, [draft("message-5")], chat.now)).toMatchObject({ hold: true, arm: false });
  });

  test("a retry of a message that was not taken waits as the first did", () => {
    const chat = filled(1);
    chat.restart();
    expect(chat.core.append(ALICE, 1, 0, [draft("message-1")], chat.now)).toMatchObject({ hold: true, arm: false });
    expect(pushAll(chat, BOB, 0)).toEqual([{ seqs: [1], skip: false }]);
    expect(chat.core.append(ALICE, 1, 0, [draft("message-1")], chat.now)).toMatchObject({ hold: false });
  });

  test("nothing waits for what was refused", () => {
    const chat = new Chat();
    chat.core.block(BOB, true);
    expect(chat.core.append(ALICE, 0, 0, [draft("message-1")], chat.now)).toMatchObject({ hold: false, arm: false });
  });

  test("a batch that the disk refuses arms nothing", () => {
    const chat = filled(1);
    chat.db.breakTable("log");
    expect(() => chat.append(ALICE, draft("message-2"))).toThrow("disk");
    expect(chat.core.armed).toBe(false);
  });

  test("idle means that everybody has everything, the sender too", () => {
    const chat = filled(2);
    pushAll(chat, BOB, 0);
    expect(chat.core.idle).toBe(false);
    chat.core.append(ALICE, 2, 2, [], chat.now);
    expect(chat.core.idle).toBe(true);
  });
});

describe("pushes", () => {
  test("follow each other, one in flight, in batches", () => {
    const chat = filled(200);
    const pushes = pushAll(chat, BOB, 0);
    expect(pushes.flatMap(({ seqs }) => seqs)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    expect(pushes.every(({ seqs, skip }) => seqs.length <= 128 && !skip)).toBe(true);
  });

  test("to somebody far behind leave a hole and say so", () => {
    const chat = filled(1000);
    const [first, ...rest] = pushAll(chat, BOB, 0);
    expect(first).toEqual({ seqs: Array.from({ length: 128 }, (_, i) => 873 + i), skip: true });
    expect(rest).toEqual([]);
  });

  test("are offered again by the alarm, and by a wake, as far as they were not taken", () => {
    const chat = filled(3);
    chat.core.nextPush(BOB, chat.now);
    chat.core.pushed(BOB, { have: 3, taken: 1 }, chat.now, 0);
    expect(chat.core.nextPush(BOB, chat.now)).toBeUndefined();
    chat.core.alarm();
    expect(chat.core.nextPush(BOB, chat.now)?.entries.map(({ seq }) => seq)).toEqual([2, 3]);
    chat.restart(true);
    expect(chat.core.nextPush(BOB, chat.now)?.entries.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  test("that failed are made again later", () => {
    const chat = filled(1);
    chat.core.nextPush(BOB, chat.now);
    chat.core.pushFailed(BOB, chat.now, 0);
    const due = chat.core.nextDue() ?? 0;
    expect(due).toBeGreaterThan(chat.now);
    expect(chat.core.nextPush(BOB, due - 1)).toBeUndefined();
    expect(chat.core.nextPush(BOB, due)?.entries.map(({ seq }) => seq)).toEqual([1]);
  });

  test("cursors are written along, one row for many messages", () => {
    const chat = filled(40);
    pushAll(chat, BOB, 0);
    const rows = chat.db.rowsWritten();
    chat.append(ALICE, draft("message-41"));
    expect(chat.db.rowsWritten() - rows).toBe(2);
    chat.restart(true);
    expect(chat.core.nextPush(BOB, chat.now)?.entries.map(({ seq }) => seq)).toEqual([41]);
  });
});

describe("pages", () => {
  const chat = filled(90);

  test("any page is what the log has there, and `more` says whether there is more in its direction", () => {
    const bound = fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined });
    fc.assert(
      fc.property(bound, bound, fc.integer({ min: 1, max: 200 }), (after, before, limit) => {
        const page = chat.pageOf({ after, before, limit }, BOB);
        const all = Array.from({ length: 90 }, (_, i) => i + 1).filter(
          (seq) => seq > (after ?? 0) && seq < (before ?? Number.POSITIVE_INFINITY),
        );
        const expected = after === undefined ? all.slice(-limit) : all.slice(0, limit);
        const seqs = page.messages.map((text) => (JSON.parse(text) as { seq: number }).seq);
        expect(seqs).toEqual(expected);
        expect(page.more).toBe(expected.length < all.length);
        expect(page.head).toBe(90);
      }),
    );
  });

  test.each(["x", "é", "👍"])(
    "of long messages of %s fit a frame, and going on from them misses nothing",
    (character) => {
      const long = new Chat();
      const text = character.repeat(Math.floor(15_000 / Buffer.byteLength(character)));
      for (let n = 1; n <= 12; n += 1) long.append(ALICE, draft(`message-${n}`, { body: JSON.stringify({ text }) }));
      const forward: number[] = [];
      const backward: number[] = [];
      for (const [seqs, ascending] of [
        [forward, true],
        [backward, false],
      ] as const) {
        for (let more = true; more;) {
          const edge = seqs.at(-1);
          const query = ascending ? { after: edge ?? 0, limit: 200 } : { before: edge, limit: 200 };
          const page = long.pageOf(query, BOB);
          const { messages } = page;
          more = page.more;
          expect(Buffer.byteLength(messages.join(","))).toBeLessThanOrEqual(FRAME_BYTES - 1000);
          expect(messages.length).toBeGreaterThan(0);
          const got = messages.map((one) => (JSON.parse(one) as { seq: number }).seq);
          seqs.push(...(ascending ? got : got.toReversed()));
        }
      }
      expect(forward).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
      expect(backward).toEqual(forward.toReversed());
    },
  );
});

describe("counting", () => {
  test("[UNR1] gives the position of every entry, and refuses beyond the head", () => {
    const chat = filled(2);
    chat.append(ALICE, draft("system-1", { kind: "system", body: "{}" }), draft("message-3"));
    const counts = [1, 2, 3, 4, 5].map((seq) => chat.core.count(BOB, seq));
    expect(counts.map((one) => (one.ok ? one.value : one.error.code))).toEqual([1, 2, 2, 3, "invalid_argument"]);
  });
});

describe("membership", () => {
  test("creating a chat twice changes nothing", () => {
    const chat = filled(1);
    chat.core.block(BOB, true);
    chat.core.create([ALICE, BOB], "main");
    expect(chat.append(ALICE, draft("message-2"))).toEqual(["blocked"]);
    expect(chat.core.members).toEqual([ALICE, BOB]);
    chat.restart();
    expect(chat.append(ALICE, draft("message-2"))).toEqual(["blocked"]);
    expect(chat.append(BOB, draft("message-2"))).toEqual(["2"]);
  });
});
