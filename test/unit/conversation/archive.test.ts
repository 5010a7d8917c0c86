/** The way of a log to the store, with a store that answers, fails, answers late and is told everything twice. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { content } from "../../../src/durable-objects/conversation/verify.ts";
import { CHUNK } from "../../../src/durable-objects/conversation/archive-store.ts";
import { PUT_CHARACTERS, PUT_ROWS } from "../../../src/store/messages.ts";
import { history } from "../../support/arbitraries.ts";
import { Archived, CONFIG, WAIT, WINDOW } from "./archived.ts";
import { ALICE, amendment, BOB, Chat, draft } from "./fixture.ts";

type Step =
  | { readonly do: "say"; readonly count: number; readonly at: number }
  | { readonly do: "amend"; readonly op: "edit" | "recall" | "react"; readonly at: number }
  | { readonly do: "write"; readonly outcome: Parameters<Archived["write"]>[0] }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "trim" | "arrive" | "restart" | "settle" }
  | { readonly do: "page"; readonly at: number; readonly limit: number; readonly ascending: boolean };

const place = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("say" as const), count: fc.integer({ min: 1, max: 300 }), at: place }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("amend" as const),
      op: fc.constantFrom("edit" as const, "recall" as const, "react" as const),
      at: place,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      outcome: fc.constantFrom("done", "done", "slow", "slow", "refused", "lost answer", "late" as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(WAIT, 61_000, WINDOW) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("trim" as const, "arrive" as const, "restart" as const, "settle" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("page" as const),
      at: place,
      limit: fc.integer({ min: 1, max: 200 }),
      ascending: fc.boolean(),
    }),
  },
);

function run(archived: Archived, one: Step): void {
  const { head } = archived.whole.core;
  if (one.do === "say") archived.say(one.count, one.at > 0.8 && head > 0 ? Math.ceil(one.at * head) : undefined);
  else if (one.do === "amend") {
    const target = Math.max(1, Math.ceil(one.at * one.at * head));
    archived.amend(one.op, target);
    const query = { after: target - 1, limit: 3 };
    expect(archived.page(query)).toEqual(archived.whole.pageOf(query));
  } else if (one.do === "write") archived.write(one.outcome);
  else if (one.do === "pass") archived.pass(one.ms);
  else if (one.do === "restart") archived.restart();
  else if (one.do === "page") {
    const at = Math.ceil(one.at * (head + 1));
    const query = one.ascending ? { after: at, limit: one.limit } : { before: at, limit: one.limit };
    expect(archived.page(query)).toEqual(archived.whole.pageOf(query));
  } else if (one.do === "trim") archived.trim();
  else if (one.do === "arrive") archived.arrive();
  else if (one.do === "settle") archived.settle();
}

/** An amendment of what has left the log waits while more leaves it. */
const FOUND: Step[] = [
  { do: "say", count: 24, at: 0 },
  { do: "settle" },
  { do: "say", count: 254, at: 0 },
  { do: "amend", op: "edit", at: 0 },
  { do: "amend", op: "edit", at: 0 },
  { do: "trim" },
];

describe("any history of writing, amending, archiving and restarting", () => {
  test("[DUR2] every page is as if nothing had ever left the log, and in the end the store has everything", () => {
    let trimmed = 0;
    fc.assert(
      fc.property(history(step, 60), fc.boolean(), (steps, old) => {
        const archived = new Archived();
        for (let n = 0; n < (old ? 10 : 2); n += 1) archived.say(100);
        if (old) archived.settle();
        for (const one of steps) run(archived, one);
        archived.arrive();
        archived.settle();
        archived.arrive();
        const { head, log } = archived.whole.core;
        trimmed += archived.chat.core.log.first - 1;
        expect(archived.store.read(1, head).map(content)).toEqual(log.stored(1, head).map(content));
        for (let after = 0; after < head; after += 200) {
          expect(archived.page({ after, limit: 200 })).toEqual(archived.whole.pageOf({ after, limit: 200 }));
        }
        // UNR1: positions of what has left the log.
        for (let seq = 1; seq <= head; seq += 37)
          expect(archived.chat.core.count(BOB, seq)).toEqual(archived.whole.core.count(BOB, seq));
      }),
      { numRuns: 60, examples: [[FOUND, true]] },
    );
    // Not an idle run.
    expect(trimmed).toBeGreaterThan(10 * CHUNK);
  });
});

describe("what goes to the store", () => {
  test("waits for company, goes at once when it is much, and is limited by number and size", () => {
    const archived = new Archived();
    archived.say(1);
    expect(archived.write("done")).toBeUndefined();
    archived.pass(WAIT);
    expect(archived.write("done")?.entries.length).toBe(1);
    for (let n = 0; n < 12; n += 1) archived.say(100);
    expect(archived.write("done")?.entries.length).toBe(PUT_ROWS);
    const long = JSON.stringify({ text: "x".repeat(8_000) });
    for (let n = 0; n < 100; n += 1) archived.append(ALICE, [draft(`long-one-${n}`, { body: long })]);
    archived.pass(WAIT);
    const sizes: number[] = [];
    for (let batch = archived.write("done"); batch !== undefined; batch = archived.write("done")) {
      sizes.push(batch.entries.reduce((sum, { body }) => sum + body.length, 0));
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(PUT_CHARACTERS);
    expect(archived.chat.core.archive.health.behind).toBe(0);
  });

  test("what was amended goes along, within the same limits", () => {
    const archived = new Archived();
    const long = JSON.stringify({ text: "x".repeat(8_000) });
    for (let n = 0; n < 200; n += 1) archived.append(ALICE, [draft(`long-one-${n}`, { body: long })]);
    archived.settle();
    for (let seq = 1; seq <= 200; seq += 1) archived.amend("react", seq);
    for (let n = 0; n < 10; n += 1) archived.say(100);
    archived.pass(WAIT);
    let told = 0;
    for (let batch = archived.write("done"); batch !== undefined; batch = archived.write("done")) {
      expect(batch.entries.length).toBeLessThanOrEqual(PUT_ROWS);
      expect(batch.entries.reduce((sum, { body }) => sum + body.length, 0)).toBeLessThanOrEqual(PUT_CHARACTERS);
      told += batch.entries.length;
    }
    expect(told).toBe(200 + 1200);
    const { head, log } = archived.whole.core;
    expect(archived.store.read(1, head).map(content)).toEqual(log.stored(1, head).map(content));
  });

  test("10,000 messages are ten writes", () => {
    const archived = new Archived();
    for (let n = 0; n < 100; n += 1) archived.say(100);
    archived.pass(WAIT);
    let writes = 0;
    while (archived.write("done") !== undefined) writes += 1;
    expect(writes).toBe(10);
  });

  test("after failures it waits longer and longer, up to a limit, and goes on by itself", () => {
    const archived = new Archived();
    archived.say(1);
    archived.pass(WAIT);
    const waits: number[] = [];
    for (let n = 0; n < 10; n += 1) {
      archived.pass((archived.chat.core.archive.due() ?? 0) - archived.chat.now);
      expect(archived.write("refused")).toBeDefined();
      waits.push((archived.chat.core.archive.due() ?? 0) - archived.chat.now);
    }
    expect(waits.slice(0, 3)).toEqual([750, 1500, 3000]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(CONFIG.history.longest_retry_ms);
    expect(archived.chat.core.archive.health).toMatchObject({ behind: 1, failures: 10 });
    archived.settle();
    expect(archived.chat.core.archive.health).toMatchObject({ behind: 0, failures: 0 });
  });
});

describe("a store that refuses", () => {
  test("[DUR2] a write of some size, or is too slow for it, is given less and less, and takes all in the end", () => {
    const archived = new Archived();
    for (let n = 0; n < 20; n += 1) archived.say(100);
    archived.pass(WAIT);
    let writes = 0;
    for (; archived.chat.core.archive.health.behind > 0 && writes < 200; writes += 1) {
      archived.pass(CONFIG.history.longest_retry_ms * 2);
      const { archive } = archived.chat.core;
      const batch = archive.next(archived.chat.now);
      if (batch === undefined) break;
      if (batch.entries.length > 100) archive.failed(archived.chat.now, 0.5);
      else archive.done(batch);
    }
    expect(archived.chat.core.archive.health).toMatchObject({ behind: 0 });
    expect(writes).toBeLessThan(100);
  });

  test("is left alone for long also by an object that forgets between two attempts that there were some", () => {
    const archived = new Archived();
    archived.say(1);
    archived.pass(WAIT + 10 * CONFIG.history.longest_retry_ms);
    archived.restart();
    expect(archived.write("refused")).toBeDefined();
    const wait = (archived.chat.core.archive.due() ?? 0) - archived.chat.now;
    expect(wait).toBeGreaterThan(CONFIG.history.longest_retry_ms / 2);
  });

  test("an amendment that the disk refused leaves nothing that is due for ever", () => {
    const archived = new Archived();
    archived.say(1);
    archived.pass(WAIT);
    archived.write("done");
    const { archive, head } = archived.chat.core;
    archive.stale([1], [], head + 1);
    expect(archive.next(archived.chat.now)).toBeUndefined();
    expect(archive.due()).toBeUndefined();
  });
});

test("[SEC1] who read the store before it heard of a recall is told of it afterwards", () => {
  const archived = new Archived();
  for (let n = 0; n < 10; n += 1) archived.say(100);
  archived.settle();
  const [found] = archived.store.read(5, 5);
  archived.amend("recall", 5);
  archived.settle();
  expect(archived.store.read(5, 5)[0]?.amended).toEqual({ recalled: true });
  expect(found?.amended).toBeUndefined();
  expect(archived.chat.core.confirm(ALICE, [5])).toMatchObject({
    value: { amended: [{ seq: 5, amended: { recalled: true } }] },
  });
});

describe("what leaves the log", () => {
  test("[DUR2] is nothing that the store has otherwise: it is told again, and if that does not help the log keeps it", () => {
    const archived = new Archived();
    for (let n = 0; n < 10; n += 1) archived.say(100);
    archived.pass(WAIT + WINDOW);
    while (archived.write("done") !== undefined);
    // The store lost a row, and has another from a future that was undone.
    archived.store.rows.delete(7);
    const range = archived.chat.core.leaving(archived.chat.now);
    expect(range).toEqual({ first: 1, last: CHUNK });
    if (range === undefined) return;
    expect(archived.chat.core.archive.drop(range, archived.store.read(1, CHUNK))).toBe(false);
    expect(
      archived
        .write("done")
        ?.entries.map(({ seq }) => seq)
        .includes(7),
    ).toBe(true);
    const [seventh] = archived.store.read(7, 7);
    if (seventh === undefined) throw new Error("it was not told again");
    archived.store.rows.set(7, { rev: 1_000_000, entry: { ...seventh, body: '{"text":"other"}' } });
    expect(archived.chat.core.archive.health.differs).toBe(false);
    expect(archived.chat.core.archive.drop(range, archived.store.read(1, CHUNK))).toBe(false);
    expect(archived.chat.core.archive.health.differs).toBe(true);
    expect(archived.chat.core.leaving(archived.chat.now)).toBeUndefined();
    expect(archived.chat.core.log.first).toBe(1);
  });

  test("[DUR3] is nothing that somebody who is pushed to may lack", () => {
    const chat = new Chat(CONFIG);
    const drafts = Array.from({ length: 1000 }, (_, i) => draft(`message-${i}`));
    chat.core.append(ALICE, 0, 0, drafts, chat.now);
    chat.now += WAIT + WINDOW;
    const batch = chat.core.archive.next(chat.now);
    if (batch !== undefined) chat.core.archive.done(batch);
    chat.core.append(ALICE, 1000, 1000, [], chat.now);
    expect(chat.core.leaving(chat.now)).toBeUndefined();
    chat.core.append(BOB, 1000, CHUNK, [], chat.now);
    expect(chat.core.leaving(chat.now)).toEqual({ first: 1, last: CHUNK });
  });

  test("[DUP1] is nothing whose id is still known", () => {
    const archived = new Archived();
    for (let n = 0; n < 10; n += 1) archived.say(100);
    archived.pass(WAIT);
    while (archived.write("done") !== undefined);
    expect(archived.chat.core.leaving(archived.chat.now)).toBeUndefined();
    archived.pass(WINDOW);
    expect(archived.chat.core.leaving(archived.chat.now)).toBeDefined();
  });

  test("what is about it is refused as unavailable until it was looked up", () => {
    const archived = new Archived();
    for (let n = 0; n < 10; n += 1) archived.say(100);
    archived.settle();
    expect(archived.chat.core.log.first).toBe(CHUNK + 1);
    expect(archived.chat.append(ALICE, amendment("a-reaction", "react", 3, { emoji: "👍" }))).toEqual(["unavailable"]);
    expect(archived.chat.append(ALICE, draft("an-answer", { reply_to: 3 }))).toEqual(["unavailable"]);
    archived.chat.core.log.recall(archived.store.read(3, 3));
    expect(archived.chat.append(ALICE, amendment("a-reaction", "react", 3, { emoji: "👍" }))).toEqual(["1001"]);
    expect(archived.chat.append(ALICE, draft("an-answer", { reply_to: 3 }))).toEqual(["1002"]);
  });
});
