import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MarkTable } from "../../../src/durable-objects/conversation/marks.ts";

type Step =
  | { do: "join"; since: number }
  | { do: "leave"; who: number }
  | { do: "raise"; who: number; delivered: number; read: number }
  | { do: "wake" };

const who = fc.nat({ max: 40 });
const seq = fc.nat({ max: 50 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("join" as const), since: seq }) },
  fc.record({ do: fc.constant("leave" as const), who }),
  { weight: 6, arbitrary: fc.record({ do: fc.constant("raise" as const), who, delivered: seq, read: seq }) },
  fc.record({ do: fc.constant("wake" as const) }),
);

/** Slots on both sides of the border of a chunk. */
const slotOf = (n: number): number => 500 + n;

describe("[RCP1] watermarks of many members", () => {
  test("never fall, read ≤ delivered, and are counted like one by one, also after a wake", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), seq, (steps, asked) => {
        const disk = new Map<number, Uint8Array>();
        let table = new MarkTable([]);
        const members: ({ since: number; delivered: number; read: number } | undefined)[] = [];
        for (const one of steps) {
          if (one.do === "join") {
            table.change([{ slot: slotOf(members.length), since: one.since }], []);
            members.push({ since: one.since, delivered: one.since, read: one.since });
          } else if (one.do === "leave") {
            if (one.who < members.length) table.change([], [slotOf(one.who)]);
            if (one.who < members.length) members[one.who] = undefined;
          } else if (one.do === "raise") {
            const { who: n, delivered, read } = one;
            const member = members[n];
            const risen = table.raise(slotOf(n), { delivered, read });
            if (member === undefined) expect(risen).toBe(false);
            else {
              const before = { ...member };
              member.read = Math.max(member.read, read);
              member.delivered = Math.max(member.delivered, delivered, member.read);
              expect(risen).toBe(before.read !== member.read || before.delivered !== member.delivered);
            }
          } else {
            table.flush((chunk, data) => disk.set(chunk, data.slice()));
            expect(table.dirty).toBe(false);
            table = new MarkTable([...disk].map(([chunk, data]) => ({ chunk, data })));
          }
        }
        const there = members.flatMap((member) => (member !== undefined && member.since < asked ? [member] : []));
        expect(table.count(asked)).toEqual({
          members: there.length,
          delivered: there.filter(({ delivered }) => delivered >= asked).length,
          read: there.filter(({ read }) => read >= asked).length,
        });
        for (const [n, member] of members.entries()) {
          if (member !== undefined)
            expect(table.get(slotOf(n))).toEqual({ delivered: member.delivered, read: member.read });
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a thousand readers are two rows", () => {
    const table = new MarkTable([]);
    const joins = Array.from({ length: 1000 }, (_, slot) => ({ slot, since: 0 }));
    table.change(joins, []);
    table.flush(() => {});
    for (let slot = 0; slot < 1000; slot += 1) table.raise(slot, { delivered: 5, read: 4 });
    let rows = 0;
    table.flush(() => (rows += 1));
    expect(rows).toBe(2);
  });

  test("a change that the disk refused is undone, and what was not written before is written later", () => {
    const table = new MarkTable([]);
    table.change([{ slot: 3, since: 0 }], []);
    table.flush(() => {});
    table.raise(3, { delivered: 5, read: 4 });
    const undo = table.change([{ slot: 600, since: 7 }], [3]);
    table.flush(() => {});
    undo();
    expect(table.get(3)).toEqual({ delivered: 5, read: 4 });
    expect(table.count(9)).toMatchObject({ members: 1 });
    expect(table.raise(600, { delivered: 8, read: 8 })).toBe(false);
    const written: number[] = [];
    table.flush((chunk) => written.push(chunk));
    expect(written).toEqual([0]);
  });
});
