import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Attachment, Link } from "../../../src/durable-objects/user/links.ts";
import type { Cid, DeviceId } from "../../../src/protocol/ids.ts";
import { history } from "../../support/arbitraries.ts";

const CHATS = ["d.alice.bob", "d.alice.carol"] as Cid[];
const attachment: Attachment = { session: "s1", device: "phone" as DeviceId, started: 1, lagging: false };

type Step = { do: "hand"; chat: number; skip: number } | { do: "ack"; chat: number; seq: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    // Now and then an entry is not handed: the device's own.
    arbitrary: fc.record({ do: fc.constant("hand" as const), chat: fc.nat({ max: 1 }), skip: fc.nat({ max: 2 }) }),
  },
  fc.record({ do: fc.constant("ack" as const), chat: fc.nat({ max: 1 }), seq: fc.nat({ max: 60 }) }),
);

describe("[FLW1] what a device has and did not acknowledge", () => {
  test("is never counted less than it is, and exactly as long as nothing was left out", () => {
    fc.assert(
      fc.property(history(step, 80), fc.integer({ min: 1, max: 20 }), (steps, window) => {
        const link = new Link(attachment);
        const heads = [0, 0];
        const handed: Set<number>[] = [new Set(), new Set()];
        let gaps = false;
        for (const one of steps) {
          const [chat, cid] = [one.chat, CHATS[one.chat] as Cid];
          const waiting = handed[chat] as Set<number>;
          if (one.do === "hand") {
            gaps ||= one.skip > 0;
            heads[chat] = (heads[chat] ?? 0) + 1 + one.skip;
            waiting.add(heads[chat]);
            const full = link.hand(cid, heads[chat], window);
            expect(full).toBe(link.unacknowledged >= window);
          } else {
            link.acknowledge(cid, one.seq, window);
            for (const seq of waiting) if (seq <= one.seq) waiting.delete(seq);
          }
          const truth = handed.reduce((sum, { size }) => sum + size, 0);
          expect(link.unacknowledged).toBeGreaterThanOrEqual(truth);
          if (!gaps) expect(link.unacknowledged).toBe(truth);
        }
        for (const [chat, cid] of CHATS.entries()) link.acknowledge(cid, heads[chat] ?? 0, window);
        expect(link.unacknowledged).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test("there is room again when half of the window is acknowledged", () => {
    const link = new Link(attachment);
    const full = Array.from({ length: 10 }, (_, i) => link.hand(CHATS[0] as Cid, i + 1, 10));
    expect(full).toEqual([...Array.from({ length: 9 }, () => false), true]);
    link.lagging = true;
    expect(link.acknowledge(CHATS[0] as Cid, 4, 10)).toBe(false);
    expect(link.acknowledge(CHATS[0] as Cid, 5, 10)).toBe(true);
  });

  test("a device that does not lag needs no room", () => {
    const link = new Link(attachment);
    link.hand(CHATS[0] as Cid, 1, 10);
    expect(link.acknowledge(CHATS[0] as Cid, 1, 10)).toBe(false);
  });

  test("acknowledging what was never handed changes nothing", () => {
    const link = new Link(attachment);
    link.hand(CHATS[0] as Cid, 1, 10);
    link.acknowledge(CHATS[1] as Cid, 99, 10);
    link.acknowledge(CHATS[0] as Cid, 0, 10);
    expect(link.unacknowledged).toBe(1);
  });
});

describe("a link", () => {
  test.each<Attachment>([attachment, { ...attachment, login: "login1", lagging: true }])(
    "comes back from its attachment: %j",
    (kept) => {
      const link = new Link(Attachment.parse(structuredClone(kept)));
      expect(link.attachment).toEqual(kept);
    },
  );

  test("[ORD2] knows what the client got over an earlier link of the session", () => {
    const link = new Link(attachment, { "d.alice.bob": 5 });
    expect([5, 6].map((seq) => link.had("d.alice.bob" as Cid, seq))).toEqual([true, false]);
    expect(link.had("d.alice.carol" as Cid, 1)).toBe(false);
  });
});
