import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Dedup } from "../../../src/durable-objects/conversation/dedup.ts";
import { hashHex } from "../../../src/lib/hash.ts";
import { history } from "../../support/arbitraries.ts";

describe("[DUP1] ids against a map", () => {
  test("every id at or above the floor is found, whatever the table has grown through", () => {
    const run = fc.record({
      senders: fc.integer({ min: 1, max: 5 }),
      count: fc.integer({ min: 1, max: 1200 }),
      /** How far below the newest the floor stands. */
      window: fc.integer({ min: 1, max: 400 }),
    });
    fc.assert(
      fc.property(run, ({ senders, count, window }) => {
        const dedup = new Dedup();
        const model = new Map<string, number>();
        let floor = 1;
        for (let seq = 1; seq <= count; seq += 1) {
          floor = Math.max(1, seq - window);
          const [sender, id] = [`user${seq % senders}`, `message-${seq}`];
          dedup.add(sender, id, seq, floor);
          model.set(`${sender} ${id}`, seq);
        }
        for (const [key, seq] of model) {
          const [sender = "", id = ""] = key.split(" ");
          const found = dedup.candidates(sender, id);
          if (seq >= floor) expect(found).toContain(seq);
          else expect(found.filter((one) => one !== seq)).toEqual([]);
        }
        expect(dedup.candidates("user0", "message-0")).toEqual([]);
        expect(dedup.candidates("nobody", "message-1")).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test("adding in any order and asking between gives what a map gives", () => {
    const key = fc.tuple(fc.constantFrom("alice", "bob"), fc.integer({ min: 0, max: 60 }));
    fc.assert(
      fc.property(history(key, 200), (keys) => {
        const dedup = new Dedup();
        const model = new Map<string, number[]>();
        for (const [i, [sender, n]] of keys.entries()) {
          const known = model.get(`${sender} ${n}`) ?? [];
          expect(dedup.candidates(sender, `message-${n}`).toSorted((a, b) => a - b)).toEqual(known);
          model.set(`${sender} ${n}`, [...known, i + 1]);
          dedup.add(sender, `message-${n}`, i + 1, 1);
        }
        expect(dedup.size).toBe(keys.length);
      }),
    );
  });
});

describe("the table", () => {
  test("what is below the floor leaves when it grows, so its size follows the window and not the log", () => {
    const dedup = new Dedup();
    for (let seq = 1; seq <= 50_000; seq += 1) dedup.add("alice", `message-${seq}`, seq, Math.max(1, seq - 100));
    expect(dedup.size).toBeLessThan(1000);
    for (let seq = 49_901; seq <= 50_000; seq += 1) expect(dedup.candidates("alice", `message-${seq}`)).toEqual([seq]);
  });

  test("different ids whose slots meet stay apart", () => {
    // Ids that begin at the same slot of the smallest table.
    const ids: string[] = [];
    for (let n = 0; ids.length < 20; n += 1) {
      if ((Number.parseInt(hashHex(`alice message-${n}`).slice(8), 16) & 63) === 63) ids.push(`message-${n}`);
    }
    const dedup = new Dedup();
    for (const [i, id] of ids.entries()) dedup.add("alice", id, i + 1, 1);
    expect(ids.map((id) => dedup.candidates("alice", id))).toEqual(ids.map((_, i) => [i + 1]));
  });

  test("the same id of two senders is two ids", () => {
    const dedup = new Dedup();
    dedup.add("alice", "message-1", 1, 1);
    expect(dedup.candidates("bob", "message-1")).toEqual([]);
  });
});
