import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accepted, Alice, CHAT, CONFIG, entryOf, ofBob, OTHER, send, START, type Device } from "./fixture.ts";
import { history } from "../../support/arbitraries.ts";

/** Messages and answers of one chat that a device was told, by seq. */
function seqs(device: Device): number[] {
  return device.frames.flatMap((frame) => (frame.t === "message" || frame.t === "sent" ? (frame.seq ?? []) : []));
}

describe("[ORD2] own sends and others' messages are one sequence", () => {
  test("a push that overtakes the reply waits for nothing: the reply brings what the push could not", () => {
    const alice = new Alice();
    const phone = alice.connect("phone");
    const tablet = alice.connect("tablet");
    alice.up(phone, send("message-1"));
    const { drafts, answer } = alice.call("append");
    // Bob's entry 2 comes first; entry 1, alice's own, is in the reply that is still on its way.
    expect(alice.push(ofBob(2))).toEqual({ have: 0, taken: 0 });
    answer({ ...accepted(drafts, 1), entries: [entryOf(drafts[0] as never, 1), ...ofBob(2)], head: 2 }, alice.now);
    expect(phone.words()).toEqual(["sent message-1 1", "message 2 of bob", "receipt of bob delivered 2 read 2"]);
    expect(tablet.words()).toEqual(["message 1 of alice", "message 2 of bob", "receipt of bob delivered 2 read 2"]);
  });

  test("an own entry that a push brings before the reply is the answer", () => {
    const alice = new Alice();
    const [phone, tablet] = [alice.connect("phone"), alice.connect("tablet")];
    alice.up(phone, send("message-1"));
    const { drafts, answer } = alice.call("append");
    expect(alice.push([entryOf(drafts[0] as never, 1), ...ofBob(2)])).toEqual({ have: 2, taken: 0 });
    answer(accepted(drafts, 1), alice.now);
    expect(phone.words()).toEqual(["sent message-1 1", "message 2 of bob", "receipt of bob delivered 2 read 2"]);
    expect(tablet.words()).toEqual(["message 1 of alice", "message 2 of bob", "receipt of bob delivered 2 read 2"]);
  });

  test("what is offered again is dropped; a gap is answered with what there is", () => {
    const alice = new Alice();
    const phone = alice.connect();
    expect(alice.push(ofBob(1, 3))).toEqual({ have: 3, taken: 0 });
    expect(alice.push(ofBob(1, 2))).toEqual({ have: 3, taken: 0 });
    expect(alice.push(ofBob(3, 4))).toEqual({ have: 4, taken: 0 });
    expect(alice.push(ofBob(6))).toEqual({ have: 4, taken: 0 });
    expect(seqs(phone)).toEqual([1, 2, 3, 4]);
  });

  test("a hole is announced by heads, once, before anything beyond it", () => {
    const alice = new Alice();
    const phone = alice.connect();
    alice.push(ofBob(1));
    phone.take();
    expect(alice.push(ofBob(500, 509), { skip: true })).toEqual({ have: 509, taken: 0 });
    expect(phone.words()).toEqual(["heads d.alice.bob:509/509"]);
    alice.push(ofBob(510));
    expect(phone.words()).toEqual(["message 510 of bob"]);
  });

  test("any interleaving of replies and pushes, late, lost and repeated, is seen once and in order", () => {
    /** What the world does next: `own` sends, `bob` writes, and the ways of the entries to alice's object. */
    const act = fc.constantFrom("own", "bob", "reply", "lost reply", "push", "old push", "read", "wait");
    fc.assert(
      fc.property(history(act, 60), fc.nat(), (acts, salt) => {
        const alice = new Alice();
        const [phone, tablet] = [alice.connect("phone"), alice.connect("tablet")];
        const log: ReturnType<typeof ofBob> = [];
        let sends = 0;
        /** The conversation takes the drafts of a call; it knows what it has taken before. */
        const reply = (lost: boolean): void => {
          const call = alice.calls.append.shift();
          if (call === undefined) return;
          const results = call.drafts.map((draft) => {
            const known = log.find((entry) => entry.id === draft.id);
            if (known === undefined) log.push(entryOf(draft, log.length + 1));
            const seq = known?.seq ?? log.length;
            return { id: draft.id, seq, ts: START, ...(known !== undefined && { duplicate: true as const }) };
          });
          const head = log.length;
          const entries = log.slice(call.have);
          call.answer(lost ? undefined : { results, entries, head, settled: salt % 2 === 0 }, alice.now);
        };
        for (const [i, one] of acts.entries()) {
          if (one === "own") {
            sends += 1;
            alice.up(i % 3 === 0 ? tablet : phone, send(`message-${sends}`));
          } else if (one === "bob")
            log.push({ ...(ofBob(log.length + 1)[0] as (typeof log)[0]), id: `bobs-${log.length}` });
          else if (one === "reply") reply(false);
          else if (one === "lost reply") reply(true);
          else if (one === "push") alice.push(log.slice(Math.max(0, log.length - 3)));
          else if (one === "old push") alice.push(log.slice(0, Math.ceil(log.length / 2)));
          else if (one === "read") alice.up(phone, { t: "ack", cid: CHAT, seq: Math.max(1, log.length) });
          else alice.wait(3000);
          for (const device of [phone, tablet]) {
            const seen = device.frames.flatMap((frame) => (frame.t === "message" ? [frame.seq ?? 0] : []));
            expect(seen).toEqual(seen.toSorted((a, b) => a - b));
            expect(new Set(seen).size).toBe(seen.length);
          }
        }
        // It ends with another message, whose reply brings what is still missing.
        sends += 1;
        alice.up(phone, send(`message-${sends}`));
        for (let i = 0; i < 50; i += 1) {
          alice.wait(1000);
          reply(false);
        }
        // Every device has every entry: as a message, or as the answer to what it sent.
        for (const device of [phone, tablet]) {
          expect(new Set(seqs(device))).toEqual(new Set(log.map(({ seq }) => seq)));
        }
        // And every send has one answer.
        const answers = [phone, tablet].flatMap(({ frames }) =>
          frames.flatMap((frame) =>
            frame.t === "sent" ? frame.id : frame.t === "error" && frame.ref !== CHAT ? String(frame.ref) : [],
          ),
        );
        const ids = Array.from({ length: sends }, (_, n) => `message-${n + 1}`);
        expect(answers.toSorted()).toEqual(ids.toSorted());
        alice.db.close();
      }),
      { numRuns: 200 },
    );
  });
});

describe("versions", () => {
  test("rise by one with each message; the note has that of the last", () => {
    const alice = new Alice();
    const phone = alice.connect();
    alice.push(ofBob(1, 3));
    const { version } = alice.user.heads;
    const versions = phone.take().map((frame) => (frame.t === "message" ? frame.version : undefined));
    expect(versions).toEqual([version - 2, version - 1, version]);
    expect(phone.notes).toEqual([{ version, done: [], about: "", seen: `${CHAT} 3`, span: "" }]);
  });
});

describe("[FLW1] a device that does not acknowledge", () => {
  const { window } = CONFIG.limits;

  test("gets a window of messages, then heads once a second, then messages again when it has caught up", () => {
    const alice = new Alice();
    const [phone, tablet] = [alice.connect("phone"), alice.connect("tablet")];
    for (let seq = 1; seq <= window + 40; seq += 1) {
      alice.push(ofBob(seq));
      alice.up(tablet, { t: "ack", cid: CHAT, seq });
    }
    expect(seqs(phone).length).toBe(window);
    expect(seqs(tablet).length).toBe(window + 40);
    phone.take();
    alice.wait(999);
    expect(phone.words()).toEqual([]);
    alice.wait(1);
    expect(phone.words()).toEqual([`heads d.alice.bob:${window + 40}/${window + 40}`]);
    alice.push(ofBob(window + 41));
    alice.wait(5000);
    expect(phone.words()).toEqual([`heads d.alice.bob:${window + 41}/${window + 41}`]);
    alice.push(ofBob(window + 42));
    // Half of the window is not enough by one; then what was missed is told at once, and messages come again.
    alice.up(phone, { t: "ack", cid: CHAT, seq: window / 2 - 1 });
    expect(phone.words()).toEqual([]);
    alice.up(phone, { t: "ack", cid: CHAT, seq: window / 2 });
    expect(phone.words()).toEqual([`heads d.alice.bob:${window + 42}/${window + 42}`]);
    alice.push(ofBob(window + 43));
    expect(phone.words()).toEqual([`message ${window + 43} of bob`]);
  });

  test("`read` opens the window as `ack` does", () => {
    const alice = new Alice();
    const phone = alice.connect();
    alice.push(ofBob(1, window + 1));
    phone.take();
    alice.up(phone, { t: "read", cid: CHAT, seq: window });
    alice.push(ofBob(window + 2));
    expect(phone.words()).toContain(`message ${window + 2} of bob`);
  });

  test("still gets the answers to what it sends", () => {
    const alice = new Alice();
    const phone = alice.connect();
    alice.push(ofBob(1, window + 1));
    phone.take();
    alice.up(phone, send("message-1"));
    const { drafts, answer } = alice.call("append");
    answer(accepted(drafts, window + 2), alice.now);
    expect(phone.words()).toEqual([`sent message-1 ${window + 2}`]);
  });

  test("lags over a sleep of the object, too", () => {
    const alice = new Alice();
    const phone = alice.connect();
    alice.push(ofBob(1, window + 1));
    alice.wait(2000);
    const [woken] = alice.sleep(phone) as [Device];
    alice.push(ofBob(window + 2));
    expect(woken.words()).toEqual([]);
    alice.wait(1000);
    expect(woken.words()).toEqual([`heads d.alice.bob:${window + 2}/2`.replace("/2", `/${window + 2}`)]);
    alice.up(woken, { t: "ack", cid: CHAT, seq: window + 2 });
    alice.push(ofBob(window + 3));
    expect(woken.words()).toEqual([`message ${window + 3} of bob`]);
  });

  test("knows by its version only what it was told", () => {
    const alice = new Alice();
    const phone = alice.connect();
    alice.push(ofBob(1, window));
    const before = phone.notes.at(-1)?.version;
    alice.push(ofBob(window + 1));
    alice.up(phone, send("message-1", { to: OTHER }));
    const { drafts, answer } = alice.call("append");
    answer(accepted(drafts, 1), alice.now);
    expect([before, phone.notes.at(-1)?.version]).toEqual([alice.user.heads.version - 2, 0]);
  });
});

describe("[DUR3] what the conversation hears", () => {
  test("taken is what is on disk, which follows a little later", () => {
    const alice = new Alice();
    expect(alice.push(ofBob(1))).toEqual({ have: 1, taken: 0 });
    alice.wait(CONFIG.writes.flush_ms);
    expect(alice.push(ofBob(1))).toEqual({ have: 1, taken: 1 });
  });

  test("when it waits, at once if nobody is there, else with the ack, else soon", () => {
    const absent = new Alice();
    absent.push(ofBob(1), { settle: true });
    expect(absent.user.nextTick()).toBe(START);

    const silent = new Alice();
    silent.connect();
    silent.push(ofBob(1), { settle: true });
    expect(silent.user.nextTick()).toBe(START + CONFIG.writes.settle_ack_ms);

    const present = new Alice();
    const phone = present.connect();
    present.push(ofBob(1), { settle: true });
    const rows = present.db.rowsWritten();
    present.up(phone, { t: "ack", cid: CHAT, seq: 1 });
    present.wait(0);
    expect(present.user.heads.taken(CHAT)).toBe(1);
    expect(present.db.rowsWritten() - rows).toBe(1);
  });

  test("a disk that refuses makes nothing taken, until it works again", () => {
    const alice = new Alice();
    alice.db.breakTable("head");
    alice.push(ofBob(1));
    alice.wait(CONFIG.writes.flush_ms);
    expect(alice.push(ofBob(1)).taken).toBe(0);
    alice.db.mendTable("head");
    alice.wait(5000);
    expect(alice.push(ofBob(1)).taken).toBe(1);
  });

  test("[ORD2] of a lone message, `sent` waits for this disk as well; as a message it waits for nobody, nor is it overtaken", () => {
    const alice = new Alice();
    const [phone, tablet] = [alice.connect("phone"), alice.connect("tablet")];
    alice.up(phone, send("message-1"));
    const { drafts, answer } = alice.call("append");
    alice.db.breakTable("head");
    answer(accepted(drafts, 1, [], true), alice.now);
    alice.push(ofBob(2));
    const all = ["message 1 of alice", "message 2 of bob"];
    expect([phone, tablet].map((device) => device.words().slice(0, 2))).toEqual([all, all]);
    alice.db.mendTable("head");
    alice.wait(5000);
    const again = alice.call("append");
    expect([again.have, again.drafts]).toEqual([2, drafts]);
    again.answer(
      { results: [{ id: "message-1", seq: 1, ts: START, duplicate: true }], entries: [], head: 2, settled: true },
      alice.now,
    );
    expect([phone.words(), tablet.words()]).toEqual([["sent message-1 1 again"], []]);
  });

  test("a burst of messages is one row", () => {
    const alice = new Alice();
    const rows = alice.db.rowsWritten();
    for (let seq = 1; seq <= 100; seq += 1) alice.push(ofBob(seq));
    alice.wait(CONFIG.writes.flush_ms);
    expect(alice.db.rowsWritten() - rows).toBe(1);
  });
});
