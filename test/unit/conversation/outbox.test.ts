import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Outbox } from "../../../src/durable-objects/conversation/outbox.ts";
import { ALICE, BOB } from "./fixture.ts";
import { history } from "../../support/arbitraries.ts";

const members = [ALICE, BOB].map((uid) => ({ uid, taken: 0 }));

type Step =
  | { do: "grow"; by: number }
  /** A push to bob: what his object makes of it, and how far its disk gets. */
  | { do: "push"; cover: number; disk: "none" | "some" | "all" }
  | { do: "lost" | "half" }
  | { do: "crash" | "alarm" | "restart" }
  /** Bob's object calls, and says what was on its disk: now, or a while ago. */
  | { do: "call"; part: number }
  | { do: "wait"; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("grow" as const), by: fc.integer({ min: 1, max: 50 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      cover: fc.integer({ min: 1, max: 60 }),
      disk: fc.constantFrom("none" as const, "some" as const, "all" as const),
    }),
  },
  // The push, or its answer, is lost.
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("lost" as const, "half" as const) }) },
  fc.record({ do: fc.constantFrom("crash" as const, "alarm" as const, "restart" as const) }),
  fc.record({ do: fc.constant("call" as const), part: fc.constantFrom(0, 0.5, 1) }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 6000 }) }),
);

/** Bob's object: what it has without a gap, and what of it is on disk. */
class Receiver {
  have = 0;
  disk = 0;
  /** The most that it ever said of its disk. */
  said = 0;

  /** Entries above `from`, up to `to`. */
  offer(from: number, to: number, disk: "none" | "some" | "all"): { have: number; taken: number } {
    if (from <= this.have) this.have = Math.max(this.have, to);
    if (disk === "all") this.disk = this.have;
    if (disk === "some") this.disk = Math.max(this.disk, Math.floor((this.disk + this.have) / 2));
    this.said = Math.max(this.said, this.disk);
    return { have: this.have, taken: this.disk };
  }
}

/** The highest seq that the outbox believes to be on bob's disk. */
function takenOf(outbox: Outbox, head: number): number {
  let seq = head;
  while (seq > 0 && !outbox.taken(seq, ALICE)) seq -= 1;
  return seq;
}

describe("[DUR3] what a member's object has not taken", () => {
  test("is offered until it has; taken never falls, and never says more than the member's disk did", () => {
    fc.assert(
      fc.property(history(step, 60), (steps) => {
        const bob = new Receiver();
        let outbox = new Outbox(members);
        let [head, now, stored, known, answered] = [0, 0, 0, 0, 0];
        const push = (cover: number, answer: (from: number, to: number) => void): boolean => {
          const from = outbox.start(BOB, head, now);
          if (from === undefined) return false;
          expect(from).toBeLessThan(head);
          // Whoever said that something is missing is offered it.
          expect(from).toBeLessThanOrEqual(Math.max(answered, bob.said));
          expect(outbox.start(BOB, head, now)).toBeUndefined();
          const to = Math.min(head, from + cover);
          outbox.covers(BOB, to);
          answer(from, to);
          return true;
        };
        for (const one of steps) {
          if (one.do === "grow") head += one.by;
          else if (one.do === "wait") now += one.ms;
          else if (one.do === "crash") bob.have = bob.disk;
          else if (one.do === "alarm") outbox.offerAgain();
          else if (one.do === "call") {
            const taken = Math.floor(bob.disk * one.part);
            outbox.took(BOB, taken);
            bob.said = Math.max(bob.said, taken);
          } else if (one.do === "push") {
            push(one.cover, (from, to) => {
              const reply = bob.offer(from, to, one.disk);
              answered = reply.have;
              outbox.pushed(BOB, reply, now, 0.5);
            });
          } else if (one.do === "lost") push(50, () => outbox.failed(BOB, now, 0.5));
          else if (one.do === "half") {
            push(50, (from, to) => {
              bob.offer(from, to, "all");
              outbox.failed(BOB, now, 0.5);
            });
          } else {
            const cursors = outbox.lagging();
            outbox.stored(cursors);
            stored = cursors.find(({ uid }) => uid === BOB)?.seq ?? stored;
            outbox = new Outbox(members.map((member) => ({ ...member, taken: member.uid === BOB ? stored : 0 })));
            known = stored;
          }
          const after = takenOf(outbox, head);
          expect(after).toBeGreaterThanOrEqual(known);
          expect(after).toBeLessThanOrEqual(Math.max(bob.said, stored));
          known = after;
        }
        // Everything works again: it ends.
        for (let i = 0; i < 200 && !outbox.taken(head, ALICE); i += 1) {
          now += 10_000;
          answered = head;
          if (!push(50, (from, to) => outbox.pushed(BOB, bob.offer(from, to, "all"), now, 0.5))) outbox.offerAgain();
        }
        expect(bob.disk).toBe(head);
        expect(outbox.taken(head, ALICE)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a lane", () => {
  test("a receiver that lacks something earlier is offered it from there, at once", () => {
    const outbox = new Outbox(members);
    outbox.handed(BOB, 10);
    expect(outbox.start(BOB, 12, 0)).toBe(10);
    outbox.pushed(BOB, { have: 3, taken: 3 }, 0, 0);
    expect(outbox.start(BOB, 12, 0)).toBe(3);
  });

  test("a receiver that takes nothing is asked less and less often, and then by the alarm alone", () => {
    const outbox = new Outbox(members);
    const waits: number[] = [];
    let now = 0;
    for (let i = 0; i < 10; i += 1) {
      expect(outbox.start(BOB, 5, now)).toBe(0);
      outbox.pushed(BOB, { have: 0, taken: 0 }, now, 0);
      const due = outbox.nextDue(5) ?? 0;
      expect(outbox.start(BOB, 5, due - 1)).toBeUndefined();
      waits.push(due - now);
      now = due;
    }
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect([waits[0], waits.at(-1)]).toEqual([50, 2500]);
    expect(outbox.start(BOB, 5, now)).toBe(0);
    outbox.pushed(BOB, { have: 0, taken: 0 }, now, 0);
    expect(outbox.nextDue(5)).toBeUndefined();
    outbox.offerAgain();
    expect(outbox.start(BOB, 5, now)).toBe(0);
  });

  test("so is one that cannot be reached; an answer ends the wait", () => {
    const outbox = new Outbox(members);
    let now = 0;
    for (const wait of [25, 50, 100, 200]) {
      expect(outbox.start(BOB, 5, now)).toBe(0);
      outbox.failed(BOB, now, 0);
      expect(outbox.nextDue(5)).toBe(now + wait);
      now += wait;
    }
    outbox.start(BOB, 5, now);
    outbox.pushed(BOB, { have: 5, taken: 0 }, now, 0);
    expect(outbox.nextDue(6)).toBeUndefined();
    expect(outbox.start(BOB, 6, now)).toBe(5);
  });

  test("what reached a member by the reply to its own call is not pushed", () => {
    const outbox = new Outbox(members);
    outbox.handed(BOB, 7);
    expect(outbox.start(BOB, 7, 0)).toBeUndefined();
    expect(outbox.start(ALICE, 7, 0)).toBe(0);
    expect(outbox.taken(7, ALICE)).toBe(false);
  });

  test("a receiver that says it has taken more than it has is believed only as far as it was offered", () => {
    const outbox = new Outbox(members);
    outbox.start(BOB, 5, 0);
    outbox.covers(BOB, 3);
    outbox.pushed(BOB, { have: 3, taken: 99 }, 0, 0);
    expect([outbox.taken(3, ALICE), outbox.taken(4, ALICE)]).toEqual([true, false]);
  });

  test("the alarm leaves a push in flight alone, and offers the rest again", () => {
    const outbox = new Outbox(members);
    outbox.start(BOB, 5, 0);
    outbox.start(ALICE, 5, 0);
    outbox.pushed(ALICE, { have: 5, taken: 2 }, 0, 0);
    outbox.offerAgain();
    expect([outbox.start(BOB, 5, 0), outbox.start(ALICE, 5, 0)]).toEqual([undefined, 2]);
  });

  test("cursors become worth a row now and then, and not again until they have moved on", () => {
    const outbox = new Outbox(members);
    outbox.took(BOB, 31);
    expect(outbox.lagging()).toEqual([]);
    outbox.took(BOB, 32);
    expect(outbox.lagging()).toEqual([{ uid: BOB, seq: 32 }]);
    outbox.stored(outbox.lagging());
    outbox.took(BOB, 20);
    expect(outbox.lagging()).toEqual([]);
    outbox.took(BOB, 64);
    expect(outbox.lagging()).toEqual([{ uid: BOB, seq: 64 }]);
  });

  test("somebody who is no member is nobody", () => {
    const outbox = new Outbox([]);
    expect(outbox.start(BOB, 5, 0)).toBeUndefined();
    outbox.handed(BOB, 5);
    outbox.took(BOB, 5);
    outbox.covers(BOB, 5);
    outbox.pushed(BOB, { have: 5, taken: 5 }, 0, 0);
    outbox.failed(BOB, 0, 0);
    outbox.stored([{ uid: BOB, seq: 5 }]);
    expect([outbox.nextDue(5), outbox.lagging(), outbox.taken(5)]).toEqual([undefined, [], true]);
  });
});
