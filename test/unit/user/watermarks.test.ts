import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accepted, Alice, ALICE, BOB, CAROL, CHAT, CONFIG, ofBob, send, type Device } from "./fixture.ts";
import { history } from "../../support/arbitraries.ts";

function talked(count = 3): { alice: Alice; phone: Device } {
  const alice = new Alice();
  const phone = alice.connect();
  alice.push(ofBob(1, count));
  phone.take();
  return { alice, phone };
}

describe("[RCP1] own watermarks", () => {
  test("never fall, and read ≤ delivered ≤ head, whatever the devices say in whatever order", () => {
    const mark = fc.record({
      t: fc.constantFrom("ack" as const, "read" as const),
      seq: fc.integer({ min: 1, max: 25 }),
      tablet: fc.boolean(),
    });
    fc.assert(
      fc.property(history(mark, 40), (marks) => {
        const { alice, phone } = talked(20);
        const tablet = alice.connect("tablet");
        let before = { delivered: 0, read: 0 };
        for (const { t, seq, tablet: second } of marks) {
          alice.up(second ? tablet : phone, { t, cid: CHAT, seq });
          // Beyond the head: the conversation has nothing more.
          const asked = alice.calls.append.splice(0);
          expect(asked.length).toBe(seq > 20 ? 1 : 0);
          for (const { answer } of asked) answer({ results: [], entries: [], head: 20, settled: false }, alice.now);
          const { delivered, read } = alice.user.heads.get(CHAT) ?? before;
          expect(delivered).toBe(seq > 20 ? before.delivered : Math.max(before.delivered, seq));
          expect(read).toBe(seq > 20 || t === "ack" ? before.read : Math.max(before.read, seq));
          before = { delivered, read };
        }
        alice.db.close();
      }),
      { numRuns: 100 },
    );
  });

  test("of several changes the writer is told once, a little later", () => {
    const { alice, phone } = talked();
    alice.up(phone, { t: "ack", cid: CHAT, seq: 1 }, { t: "ack", cid: CHAT, seq: 3 }, { t: "read", cid: CHAT, seq: 2 });
    alice.wait(CONFIG.writes.receipt_ms - 1);
    expect(alice.calls.receipt).toEqual([]);
    alice.wait(1);
    const { to, cid, delivered, read, answer } = alice.call("receipt");
    expect([to, cid, delivered, read]).toEqual([BOB, CHAT, 3, 2]);
    answer(true, alice.now);
    alice.up(phone, { t: "ack", cid: CHAT, seq: 2 });
    alice.wait(60_000);
    expect(alice.calls.receipt).toEqual([]);
  });

  test("that the writer could not be told are told again", () => {
    const { alice, phone } = talked();
    alice.up(phone, { t: "read", cid: CHAT, seq: 3 });
    alice.wait(1000);
    alice.call("receipt").answer(undefined, alice.now);
    alice.wait(5000);
    expect(alice.call("receipt")).toMatchObject({ delivered: 3, read: 3 });
  });

  test("that an own message implies need no telling", () => {
    const { alice, phone } = talked();
    alice.up(phone, send("message-4"));
    const { drafts, answer } = alice.call("append");
    answer(accepted(drafts, 4), alice.now);
    alice.up(phone, { t: "read", cid: CHAT, seq: 3 });
    alice.wait(60_000);
    expect(alice.calls.receipt).toEqual([]);
  });

  test("a seq that no log has is refused, after the conversation was asked", () => {
    const { alice, phone } = talked();
    alice.up(phone, { t: "read", cid: CHAT, seq: 4 });
    expect([phone.words(), alice.calls.append[0]?.drafts]).toEqual([[], []]);
    alice.call("append").answer({ results: [], entries: [], head: 3, settled: false }, alice.now);
    expect(phone.words()).toEqual([`error invalid_argument ${CHAT}`]);
    alice.up(phone, { t: "ack", cid: CHAT, seq: 9 });
    alice.call("append").answer(undefined, alice.now);
    expect(phone.words()).toEqual([`error unavailable ${CHAT}`]);
  });

  test("[RES1] a seq that this object lost in a crash is learnt, and then holds", () => {
    const { alice } = talked();
    alice.wait(2000);
    alice.push(ofBob(4, 5));
    alice.restart();
    const phone = alice.connect();
    alice.up(phone, { t: "read", cid: CHAT, seq: 5 });
    alice.call("append").answer({ results: [], entries: ofBob(4, 5), head: 5, settled: false }, alice.now);
    expect(alice.head()).toMatchObject({ head: 5, read: 5, unread: 0 });
  });

  test("[UNR1] a position that is not known here is asked for", () => {
    const { alice } = talked(300);
    alice.wait(2000);
    alice.restart();
    const phone = alice.connect();
    alice.up(phone, { t: "read", cid: CHAT, seq: 100 });
    const { cid, seq, answer } = alice.call("count");
    expect([cid, seq, alice.head().unread]).toEqual([CHAT, 100, 300]);
    answer({ ok: true, value: 100 }, alice.now);
    expect(alice.head()).toMatchObject({ read: 100, unread: 200 });
    alice.up(phone, { t: "read", cid: CHAT, seq: 50 }, { t: "read", cid: CHAT, seq: 300 });
    expect([alice.calls.count, alice.head().unread]).toEqual([[], 0]);
  });

  test("an answer about positions that comes late, or not at all, breaks nothing", () => {
    const { alice } = talked(300);
    alice.wait(2000);
    alice.restart();
    const phone = alice.connect();
    alice.up(
      phone,
      { t: "read", cid: CHAT, seq: 100 },
      { t: "read", cid: CHAT, seq: 200 },
      { t: "read", cid: CHAT, seq: 50 },
    );
    const [first, second, third] = alice.calls.count.splice(0);
    second?.answer({ ok: true, value: 200 }, alice.now);
    first?.answer({ ok: true, value: 100 }, alice.now);
    third?.answer(undefined, alice.now);
    expect(alice.head()).toMatchObject({ read: 200, unread: 100 });
    expect(phone.words()).toEqual([`error unavailable ${CHAT}`]);
  });
});

describe("[RCP1] the peer's watermarks", () => {
  test("are told to all devices when they rise, and shown in the head", () => {
    const { alice, phone } = talked();
    const tablet = alice.connect("tablet");
    alice.up(phone, send("message-4"));
    const { drafts, answer } = alice.call("append");
    answer(accepted(drafts, 4), alice.now);
    for (const device of [phone, tablet]) device.take();
    alice.user.receipt(CHAT, BOB, 4, 0, alice.now);
    alice.user.receipt(CHAT, BOB, 4, 4, alice.now);
    alice.user.receipt(CHAT, BOB, 3, 2, alice.now);
    const expected = ["receipt of bob delivered 4 read -", "receipt of bob delivered 4 read 4"];
    expect([phone.words(), tablet.words()]).toEqual([expected, expected]);
    expect(alice.head().peer).toMatchObject({ delivered: 4, read: 4 });
  });

  test("never fall, and read ≤ delivered, in whatever order reports and messages come", () => {
    const event = fc.record({ message: fc.boolean(), delivered: fc.nat({ max: 30 }), read: fc.nat({ max: 30 }) });
    fc.assert(
      fc.property(history(event, 30), (events) => {
        const { alice, phone } = talked(1);
        let [delivered, read, head] = [1, 1, 1];
        for (const one of events) {
          if (one.message) {
            head += 1;
            alice.push(ofBob(head));
          } else alice.user.receipt(CHAT, BOB, Math.max(one.delivered, one.read), one.read, alice.now);
          const row = alice.user.heads.get(CHAT);
          expect(row?.peerDelivered ?? 0).toBeGreaterThanOrEqual(delivered);
          expect(row?.peerRead ?? 0).toBeGreaterThanOrEqual(read);
          [delivered, read] = [row?.peerDelivered ?? 0, row?.peerRead ?? 0];
          expect(read).toBeLessThanOrEqual(delivered);
          const { peer } = alice.head();
          expect([(peer?.delivered ?? 0) <= head, (peer?.read ?? 0) <= (peer?.delivered ?? 0)]).toEqual([true, true]);
        }
        // What a device was told rises, too.
        for (const field of ["delivered", "read"] as const) {
          const told = phone.frames.flatMap((frame) => (frame.t === "receipt" ? (frame[field] ?? []) : []));
          expect(told).toEqual(told.toSorted((a, b) => a - b));
        }
        alice.db.close();
      }),
      { numRuns: 100 },
    );
  });

  test("that come with the answer to a send are told after it", () => {
    const { alice, phone } = talked();
    const tablet = alice.connect("tablet");
    alice.up(phone, send("message-4"));
    const { drafts, answer } = alice.call("append");
    answer({ ...accepted(drafts, 4), marks: { delivered: 4, read: 0 } }, alice.now);
    expect([phone.words(), tablet.words()]).toEqual([
      ["sent message-4 4", "receipt of bob delivered 4 read -"],
      ["message 4 of alice", "receipt of bob delivered 4 read -"],
    ]);
    expect(alice.head().peer).toMatchObject({ delivered: 4, read: 3 });
  });

  test("[SEC1] a report by somebody else, or about a chat that is not, changes nothing", () => {
    const { alice, phone } = talked();
    alice.user.receipt(CHAT, CAROL, 3, 3, alice.now);
    alice.user.receipt(CHAT, ALICE, 9, 9, alice.now);
    alice.user.receipt("d.alice.carol" as never, CAROL, 3, 3, alice.now);
    expect([phone.words(), alice.user.heads.get(CHAT)?.peerRead]).toEqual([[], 3]);
  });
});
