import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Heads } from "../../../src/durable-objects/user/heads.ts";
import { UserStore } from "../../../src/durable-objects/user/user-store.ts";
import type { Entry } from "../../../src/durable-objects/rpc.ts";
import { HeadView } from "../../../src/protocol/frames.ts";
import type { Cid, Uid } from "../../../src/protocol/ids.ts";
import { history, makeEntries } from "../../support/arbitraries.ts";
import { openSqlite, type Sqlite } from "../../support/sqlite.ts";

const ALICE = "alice" as Uid;
const BOB = "bob" as Uid;
const CHATS = ["d.alice.bob", "d.alice.carol", "d.alice.dave"] as Cid[];
const CHAT = CHATS[0] as Cid;
const START = 1_800_000_000_000;

function open(db: Sqlite = openSqlite()): { db: Sqlite; heads: Heads } {
  return { db, heads: new Heads(new UserStore(db.sql, db.transact), ALICE) };
}

/** One more entry of bob, or of alice. */
function next(heads: Heads, cid: Cid, change: Partial<Entry> = {}): Entry {
  const head = heads.get(cid);
  const [entry] = makeEntries([{ from: BOB }], (head?.head ?? 0) + 1, head?.count ?? 0);
  return { ...(entry as Entry), ...change };
}

type Step =
  | { do: "change"; chat: number }
  | { do: "flush" | "restart" | "clean restart" | "fail" }
  | { do: "wait"; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("change" as const), chat: fc.nat({ max: 2 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("flush" as const, "restart" as const, "clean restart" as const, "fail" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 50 }) }) },
);

describe("any history of changes, writes and restarts", () => {
  test("[DUR3] versions rise and never repeat; what counts as taken is on disk; `since` tells every change", () => {
    fc.assert(
      fc.property(history(step, 60), (steps) => {
        let { db, heads } = open();
        const given: number[] = [];
        const disk = new Map<Cid, { head: number; version: number }>();
        const memory = new Map<Cid, { head: number; version: number }>();
        let now = START;
        for (const one of steps) {
          if (one.do === "wait") now += one.ms;
          else if (one.do === "change") {
            const cid = CHATS[one.chat] as Cid;
            const version = heads.nextVersion(now);
            expect(version).toBeGreaterThan(given.at(-1) ?? 0);
            given.push(version);
            const row = heads.raise(cid, [next(heads, cid)], version);
            memory.set(cid, { head: row.head, version });
          } else if (one.do === "fail") {
            db.breakTable("head");
            const dirty = heads.dirty;
            if (dirty) expect(() => heads.flush()).toThrow("disk");
            expect(heads.dirty).toBe(dirty);
            db.mendTable("head");
          } else {
            if (one.do !== "restart") {
              const changed = [...memory].filter(([cid, { version }]) => disk.get(cid)?.version !== version);
              const rows = db.rowsWritten();
              heads.flush();
              expect(db.rowsWritten() - rows).toBe(changed.length);
              for (const [cid, state] of memory) disk.set(cid, state);
            }
            if (one.do !== "flush") {
              // A restart takes its time: the clock has gone on.
              now += 1;
              ({ db, heads } = open(db));
              memory.clear();
              for (const [cid, state] of disk) memory.set(cid, state);
            }
          }
          for (const cid of CHATS) {
            expect(heads.taken(cid)).toBe(disk.get(cid)?.head ?? 0);
            expect(heads.get(cid)?.head ?? 0).toBe(memory.get(cid)?.head ?? 0);
          }
          const states = [...memory].toSorted(([, a], [, b]) => a.version - b.version);
          for (const since of [0, states[0]?.[1].version ?? 0, states.at(-1)?.[1].version ?? 0]) {
            const expected = states.filter(([, { version }]) => version > since).map(([cid]) => cid);
            expect(heads.since(since).map(({ cid }) => cid)).toEqual(expected);
          }
        }
        db.close();
      }),
      { numRuns: 100 },
    );
  });

  test("[UNR1] a position is that of the log, or not known here", () => {
    const arrival = fc.record({
      count: fc.integer({ min: 1, max: 90 }),
      hole: fc.constantFrom(0, 0, 0, 3),
      kind: fc.constantFrom("text" as const, "text" as const, "amend" as const),
      restart: fc.constantFrom(false, false, false, true),
    });
    fc.assert(
      fc.property(history(arrival, 8), (arrivals) => {
        let { db, heads } = open();
        const log: Entry[] = [];
        for (const { count, hole, kind, restart } of arrivals) {
          if (restart) {
            heads.flush();
            ({ db, heads } = open(db));
          }
          const fresh = makeEntries(
            Array.from({ length: count + hole }, (_, i) => ({
              from: BOB,
              kind: i % 3 === 0 ? kind : ("text" as const),
            })),
            log.length + 1,
            log.at(-1)?.count ?? 0,
          );
          log.push(...fresh);
          heads.raise(CHAT, fresh.slice(hole), heads.nextVersion(START));
          let known = 0;
          for (const { seq, count: position } of log) {
            const found = heads.position(CHAT, seq);
            if (found !== undefined) {
              expect(found).toBe(position);
              known += 1;
            }
          }
          expect(known).toBeGreaterThanOrEqual(Math.min(count, 128));
          expect(heads.position(CHAT, log.length + 1)).toBeUndefined();
        }
        db.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe("versions", () => {
  test("follow the clock, and go on by themselves when it stands or falls back", () => {
    const { heads } = open();
    const versions = [START, START, START - 5000, START + 1].map((now) => heads.nextVersion(now));
    expect(versions).toEqual([START * 1000, START * 1000 + 1, START * 1000 + 2, (START + 1) * 1000]);
  });

  test("one that a device knows is given to nobody else, unless it is an invention", () => {
    const { heads } = open();
    heads.sawVersion(START * 1000 + 7, START);
    expect(heads.nextVersion(START)).toBe(START * 1000 + 8);
    heads.sawVersion(Number.MAX_SAFE_INTEGER, START);
    expect(heads.nextVersion(START)).toBe(START * 1000 + 9);
    expect([heads.plausible(START * 1000 + 9, 0), heads.plausible((START + 2000) * 1000, START)]).toEqual([
      true,
      false,
    ]);
  });
});

describe("writing", () => {
  test("many changes of a chat are one row, and with QoS 2 ids one commit", () => {
    const { db, heads } = open();
    for (let i = 0; i < 50; i += 1) heads.raise(CHAT, [next(heads, CHAT)], heads.nextVersion(START));
    heads.change(CHATS[1] as Cid, { muted: true }, heads.nextVersion(START));
    const rows = db.rowsWritten();
    heads.flush([{ id: "message-1", cid: CHAT }]);
    expect(db.rowsWritten() - rows).toBe(3);
    heads.flush();
    expect(db.rowsWritten() - rows).toBe(3);
    db.breakTable("qos2");
    heads.change(CHAT, { pinned: true }, heads.nextVersion(START));
    expect(() => heads.flush([{ id: "message-2", cid: CHAT }])).toThrow("disk");
    expect(open(db).heads.get(CHAT)?.pinned).toBe(false);
  });

  test("every field comes back", () => {
    const { db, heads } = open();
    heads.raise(CHAT, [next(heads, CHAT)], 5);
    const change = { read: 1, readCount: 1, delivered: 1, peerDelivered: 1, peerRead: 1, muted: true, pinned: true };
    const row = heads.change(CHAT, { ...change, name: "Bob" }, 6);
    heads.flush();
    expect(open(db).heads.get(CHAT)).toEqual(row);
  });

  test("more chats than memory holds are all there", () => {
    const { heads } = open();
    const ids = Array.from({ length: 1500 }, (_, n) => `d.alice.u${n}` as Cid);
    for (const cid of ids) heads.raise(cid, [next(heads, cid)], heads.nextVersion(START));
    heads.flush();
    expect(ids.map((cid) => heads.get(cid)?.head).every((head) => head === 1)).toBe(true);
    expect(heads.since(0).length).toBe(1500);
  });
});

describe("a head as the wire shows it", () => {
  test("is of the schema; the peer has no name until it is known", () => {
    const { heads } = open();
    heads.raise(CHAT, [next(heads, CHAT)], 5);
    const view = heads.view(heads.change(CHAT, { peerDelivered: 9, peerRead: 9 }, 6));
    expect(HeadView.safeParse(view).error?.issues).toBeUndefined();
    // [RCP1] A peer's watermark that runs ahead of this head is shown no further than the head.
    expect(view.peer).toEqual({ uid: BOB, name: "", delivered: 1, read: 1 });
    expect(view.unread).toBe(1);
  });

  test("a chat without messages has no last one", () => {
    const { heads } = open();
    expect(heads.view(heads.change(CHAT, { muted: true }, 5))).toMatchObject({ head: 0, unread: 0, muted: true });
    expect(heads.view(heads.change(CHAT, {}, 6)).last).toBeUndefined();
  });

  test("the last message shows its newest state; amendments of others do not show", () => {
    const { heads } = open();
    const last = (...entries: Entry[]) => {
      const row = heads.raise(CHAT, entries, heads.nextVersion(START));
      return heads.view(row).last;
    };
    last(next(heads, CHAT));
    expect(last(next(heads, CHAT))).toMatchObject({ seq: 2, body: { text: "text 2" } });
    const edit = { kind: "amend" as const, op: "edit" as const, body: '{"text":"edited"}' };
    expect(last(next(heads, CHAT, { ...edit, target: 1 }))).toMatchObject({ seq: 2, body: { text: "text 2" } });
    expect(last(next(heads, CHAT, { ...edit, target: 2 }))).toMatchObject({
      body: { text: "edited" },
      edited: { seq: 4 },
    });
    const react = { kind: "amend" as const, op: "react" as const, body: '{"emoji":"x"}', target: 2 };
    expect(last(next(heads, CHAT, react))).toMatchObject({ seq: 2, body: { text: "edited" } });
    // An edit whose text was erased by a later recall tells nothing.
    expect(last(next(heads, CHAT, { ...edit, body: "", target: 2 }))).toMatchObject({ body: { text: "edited" } });
    const recalled = last(next(heads, CHAT, { kind: "amend", op: "recall", body: "", target: 2 }));
    expect(recalled).toMatchObject({ seq: 2, recalled: true });
    expect(recalled).not.toHaveProperty("body");
  });

  test("a long text is shown by its beginning, cut between characters, and says so", () => {
    const { heads } = open();
    const text = fc
      .tuple(fc.constantFrom("", "x"), fc.constantFrom("x", "é", "👍", "\n", '"'), fc.nat({ max: 700 }))
      .map(([first, character, times]) => first + character.repeat(times))
      .filter((whole) => whole !== "");
    fc.assert(
      fc.property(text, (whole) => {
        const row = heads.raise(CHAT, [next(heads, CHAT, { body: JSON.stringify({ text: whole }) })], 5);
        const { last } = heads.view(row);
        const { text: shown } = (last?.body ?? {}) as { text: string };
        expect(whole.startsWith(shown) && shown.isWellFormed()).toBe(true);
        expect(shown.length).toBeGreaterThanOrEqual(Math.min(whole.length, 511));
        expect(shown.length).toBeLessThanOrEqual(512);
        if (shown !== whole) expect(last?.truncated).toBe(true);
      }),
    );
  });

  test("of what is no text and long, nothing of the body", () => {
    const { heads } = open();
    const long = next(heads, CHAT, { kind: "custom", body: JSON.stringify("x".repeat(1000)) });
    expect(heads.view(heads.raise(CHAT, [long], 5)).last).toMatchObject({ kind: "custom", body: {}, truncated: true });
    const row = heads.raise(CHAT, [next(heads, CHAT)], 6);
    expect(heads.view(row).last).not.toHaveProperty("truncated");
  });
});
