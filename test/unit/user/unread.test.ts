import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { history } from "../../support/arbitraries.ts";
import { accepted, Alice, ALICE, BOB, CHAT, ofBob, send, type Device } from "./fixture.ts";

describe("[UNR1] unread", () => {
  type Act = "bob" | "bob amends" | "own" | "own amends" | "read" | "ack" | "flush" | "restart";
  const act = fc.record({
    do: fc.constantFrom<Act>("bob", "bob", "bob amends", "own", "own amends", "read", "ack", "flush", "restart"),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
  });

  test("is the number of countable entries by others above the read watermark, counted anew each time", () => {
    fc.assert(
      fc.property(history(act, 60), (acts) => {
        const alice = new Alice();
        let phone = alice.connect();
        const log: ReturnType<typeof ofBob> = [];
        for (const { do: what, at } of acts) {
          const seq = Math.ceil(at * log.length);
          if (what === "flush") alice.wait(2000);
          else if (what === "restart") {
            // Memory is gone, and what was not written: the conversation offers it again.
            alice.restart();
            phone = alice.connect();
            alice.push(log.slice(alice.user.heads.get(CHAT)?.head ?? 0));
          } else if (what === "read" || what === "ack") {
            if (seq === 0) continue;
            alice.up(phone, { t: what, cid: CHAT, seq });
            // The object asks the conversation for positions that it does not know.
            for (const call of alice.calls.count.splice(0)) {
              call.answer({ ok: true, value: log[call.seq - 1]?.count ?? 0 }, alice.now);
            }
          } else {
            const from = what.startsWith("own") ? ALICE : BOB;
            const kind = what.endsWith("amends") ? "amend" : "text";
            const [entry] = ofBob(log.length + 1) as [(typeof log)[0]];
            const count = (log.at(-1)?.count ?? 0) + (kind === "amend" ? 0 : 1);
            log.push({ ...entry, from, kind, count, ...(kind === "amend" && { target: 1, op: "react" as const }) });
            alice.push(log.slice(-1));
          }
          if (log.length === 0) continue;
          const head = alice.head();
          const unread = log.filter((entry) => entry.kind !== "amend" && entry.from !== ALICE && entry.seq > head.read);
          expect(head.unread).toBe(unread.length);
          expect(head.head).toBe(log.length);
          // RCP1: and the watermarks hold.
          const { read, delivered } = alice.user.heads.get(CHAT) ?? { read: 0, delivered: 0 };
          expect(read <= delivered && delivered <= head.head).toBe(true);
        }
        alice.db.close();
      }),
      { numRuns: 150 },
    );
  });

  test("own entries inside a hole were sent by this user, and so were read", () => {
    const alice = new Alice();
    alice.push(ofBob(1));
    alice.push(ofBob(500, 509), { skip: true, own: { seq: 400, count: 400 } });
    expect(alice.head()).toMatchObject({ head: 509, read: 400, unread: 109 });
  });

  test("own amendments read nothing", () => {
    const alice = new Alice();
    alice.push(ofBob(1, 2));
    const [entry] = ofBob(3) as [ReturnType<typeof ofBob>[0]];
    alice.push([{ ...entry, from: ALICE, kind: "amend", target: 1, op: "react", count: 2 }]);
    expect(alice.head()).toMatchObject({ head: 3, read: 0, unread: 2 });
  });

  test("sending reads everything before, and the peer's last message was read by the peer", () => {
    const alice = new Alice();
    const phone = alice.connect();
    alice.push(ofBob(1, 3));
    expect(alice.head()).toMatchObject({ unread: 3, read: 0, peer: { delivered: 3, read: 3 } });
    alice.up(phone, send("message-1"));
    const { drafts, answer } = alice.call("append");
    answer(accepted(drafts, 4), alice.now);
    expect(alice.head()).toMatchObject({ unread: 0, read: 4, peer: { delivered: 3, read: 3 } });
  });
});

describe("[RCP1] a peer who writes has read what came before", () => {
  /** Alice's phone, after its message 1. */
  function written(): { alice: Alice; phone: Device } {
    const alice = new Alice();
    const phone = alice.connect();
    alice.up(phone, send("message-1"));
    const { drafts, answer } = alice.call("append");
    answer(accepted(drafts, 1), alice.now);
    alice.wait(2000);
    phone.take();
    return { alice, phone };
  }

  test("and its devices are told so once", () => {
    const { alice, phone } = written();
    alice.push(ofBob(2));
    expect(phone.words()).toEqual(["message 2 of bob", "receipt of bob delivered 2 read 2"]);
    alice.push(ofBob(3));
    expect(phone.words()).toEqual(["message 3 of bob"]);
  });

  test("also when the object slept in between", () => {
    const { alice, phone } = written();
    const [woken] = alice.sleep(phone) as [Device];
    alice.push(ofBob(2));
    expect(woken.words()).toEqual(["message 2 of bob", "receipt of bob delivered 2 read 2"]);
  });

  test("also when the answer and the next own message come together", () => {
    const { alice, phone } = written();
    alice.up(phone, send("message-3"));
    const { drafts, answer } = alice.call("append");
    answer(accepted(drafts, 3, ofBob(2)), alice.now);
    expect(phone.words()).toEqual(["message 2 of bob", "sent message-3 3", "receipt of bob delivered 2 read 2"]);
  });

  test("but not by reacting", () => {
    const { alice, phone } = written();
    const [entry] = ofBob(2);
    alice.push([
      { ...(entry as never as ReturnType<typeof ofBob>[0]), kind: "amend", target: 1, op: "react", count: 1 },
    ]);
    expect(phone.words()).toEqual(["message 2 of bob"]);
    alice.push(ofBob(3));
    expect(phone.words()).toEqual(["message 3 of bob", "receipt of bob delivered 3 read 3"]);
  });
});
