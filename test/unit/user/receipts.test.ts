import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Receipts } from "../../../src/durable-objects/user/receipts.ts";
import type { Cid } from "../../../src/protocol/ids.ts";
import { history } from "../../support/arbitraries.ts";

const CHAT = "d.alice.bob" as Cid;

type Step =
  | { do: "mark"; by: number; read: boolean }
  | { do: "write"; by: number }
  | { do: "call"; ends: "told" | "failed" | "half" }
  | { do: "wait"; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("mark" as const), by: fc.constantFrom(0, 0, 0, 1, 5), read: fc.boolean() }),
  fc.record({ do: fc.constant("write" as const), by: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    do: fc.constant("call" as const),
    ends: fc.constantFrom("told" as const, "told" as const, "failed" as const, "half" as const),
  }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 5000 }) }),
);

describe("[RCP1] what the writer is told", () => {
  test("never falls, and in the end is what the reader has", () => {
    fc.assert(
      fc.property(history(step, 60), (steps) => {
        const receipts = new Receipts();
        let [now, delivered, read] = [0, 0, 0];
        const writer = { delivered: 0, read: 0 };
        const tell = (ends: "told" | "failed" | "half"): boolean => {
          now = Math.max(now, receipts.nextDue() ?? 0);
          if (!receipts.start(now).includes(CHAT)) return false;
          expect(receipts.start(now)).toEqual([]);
          if (ends !== "failed") {
            expect([delivered >= writer.delivered, read >= writer.read]).toEqual([true, true]);
            Object.assign(writer, { delivered, read });
          }
          if (ends === "told") receipts.told(CHAT, delivered, read);
          else receipts.failed(CHAT, now, 0.5);
          return true;
        };
        for (const one of steps) {
          if (one.do === "wait") now += one.ms;
          else if (one.do === "call") tell(one.ends);
          else if (one.do === "mark") {
            delivered += one.by;
            if (one.read) read = delivered;
            receipts.owe(CHAT, delivered, read, now + 100);
          } else {
            // An own message: the writer concludes from it that everything before was read.
            delivered += one.by;
            read = delivered;
            Object.assign(writer, { delivered, read });
            receipts.implied(CHAT, delivered);
          }
        }
        // The same marks once more, after any number of failures: they are told, or need no telling.
        if (delivered > 0) receipts.owe(CHAT, delivered, read, now);
        for (let i = 0; i < 5; i += 1) {
          now += 60_000;
          tell("told");
        }
        expect(writer).toEqual({ delivered, read });
        expect(receipts.nextDue()).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});

describe("a debt", () => {
  test("several changes within the wait are one call", () => {
    const receipts = new Receipts();
    receipts.owe(CHAT, 1, 0, 100);
    receipts.owe(CHAT, 2, 0, 150);
    receipts.owe(CHAT, 3, 3, 180);
    expect([receipts.nextDue(), receipts.start(99), receipts.start(100), receipts.start(200)]).toEqual([
      100,
      [],
      [CHAT],
      [],
    ]);
  });

  test("what the writer knows is not told", () => {
    const receipts = new Receipts();
    receipts.owe(CHAT, 2, 2, 0);
    receipts.start(0);
    receipts.told(CHAT, 2, 2);
    receipts.owe(CHAT, 2, 1, 0);
    expect(receipts.nextDue()).toBeUndefined();
    receipts.implied(CHAT, 5);
    receipts.owe(CHAT, 5, 5, 0);
    expect(receipts.nextDue()).toBeUndefined();
    receipts.owe(CHAT, 6, 5, 7);
    expect(receipts.nextDue()).toBe(7);
  });

  test("a change during a call is told beside it, by a call of its own; the same marks are not", () => {
    const receipts = new Receipts();
    receipts.owe(CHAT, 1, 0, 0);
    receipts.start(0);
    receipts.owe(CHAT, 1, 0, 5);
    expect(receipts.nextDue()).toBeUndefined();
    receipts.owe(CHAT, 2, 0, 10);
    expect([receipts.nextDue(), receipts.start(50)]).toEqual([10, [CHAT]]);
    // The newer call is answered first; that the older one fails is then of no account.
    receipts.told(CHAT, 2, 0);
    receipts.failed(CHAT, 50, 0);
    expect(receipts.nextDue()).toBeUndefined();
  });

  test("may ride on an answer that the writer waits for, and then needs no call", () => {
    const receipts = new Receipts();
    const marks = { delivered: 2, read: 1 };
    receipts.owe(CHAT, 2, 1, 100);
    expect([receipts.ride(CHAT, marks, 50), receipts.nextDue()]).toEqual([marks, undefined]);
    // The answer may have been lost: who asks again gets them again, until the writer has them on its disk.
    expect(receipts.ride(CHAT, marks, 60)).toEqual(marks);
    // Another device with the same marks is no news; a device that comes back with them is a reason to make sure.
    receipts.owe(CHAT, 2, 1, 200);
    expect(receipts.nextDue()).toBeUndefined();
    receipts.owe(CHAT, 2, 1, 60_000);
    expect(receipts.start(60_000)).toEqual([CHAT]);
    receipts.told(CHAT, 2, 1);
    receipts.owe(CHAT, 2, 1, 90_000);
    expect([receipts.ride(CHAT, marks, 90_000), receipts.nextDue()]).toEqual([undefined, undefined]);
  });

  test("is told again after failures, later each time, and given up after ten", () => {
    const receipts = new Receipts();
    receipts.owe(CHAT, 1, 0, 0);
    const waits: number[] = [];
    let now = 0;
    while (receipts.nextDue() !== undefined) {
      now = receipts.nextDue() ?? 0;
      expect(receipts.start(now)).toEqual([CHAT]);
      receipts.failed(CHAT, now, 0);
      waits.push((receipts.nextDue() ?? now) - now);
    }
    expect(waits.length).toBe(11);
    expect(waits.at(-1)).toBe(0);
    expect(waits.slice(0, -1)).toEqual(waits.slice(0, -1).toSorted((a, b) => a - b));
    // The next mark tries again, even if it is none.
    receipts.owe(CHAT, 1, 0, now);
    expect(receipts.start(now)).toEqual([CHAT]);
  });

  test("of many chats the oldest that are settled are forgotten, none that is owed", () => {
    const receipts = new Receipts();
    receipts.owe("d.owed.zoe" as Cid, 1, 0, 5);
    for (let n = 0; n < 2000; n += 1) receipts.implied(`d.u${n}.zoe` as Cid, 1);
    expect(receipts.start(5)).toEqual(["d.owed.zoe"]);
    receipts.told("d.u0.zoe" as Cid, 1, 1);
    receipts.failed("d.u0.zoe" as Cid, 0, 0);
    expect(receipts.nextDue()).toBeUndefined();
  });
});
