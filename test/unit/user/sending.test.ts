import { describe, expect, test } from "vitest";
import {
  accepted,
  Alice,
  ALICE,
  BOB,
  CHAT,
  CONFIG,
  entryOf,
  ofBob,
  OTHER,
  send,
  START,
  type Device,
} from "./fixture.ts";
import type { Draft } from "../../../src/durable-objects/rpc.ts";
import { UserStore } from "../../../src/durable-objects/user/user-store.ts";
import { refuse } from "../../../src/protocol/codes.ts";
import type { Cid, Uid } from "../../../src/protocol/ids.ts";
import type { UpFrame } from "../../../src/protocol/link.ts";

function connected(): { alice: Alice; phone: Device } {
  const alice = new Alice();
  return { alice, phone: alice.connect() };
}

/** Sends a QoS 2 message that becomes the entry at a seq. */
function sendTwice(
  alice: Alice,
  phone: Device,
  id: string,
  seq: number,
  change: Parameters<typeof send>[1] = {},
): void {
  alice.up(phone, send(id, { qos: 2, ...change }));
  const { drafts, answer } = alice.call("append");
  answer(accepted(drafts, seq), alice.now);
}

describe("a lane", () => {
  test("what arrives during a call goes with the next, in order; chats do not wait for each other", () => {
    const { alice, phone } = connected();
    alice.up(phone, send("message-1"), send("message-2"));
    alice.up(phone, send("message-3"), send("message-4", { to: OTHER }));
    alice.up(phone, { t: "amend", id: "amend-01" as never, cid: CHAT, target: 1, op: "recall", body: "" });
    const first = alice.call("append");
    expect([first.cid, first.drafts.map(({ id }) => id)]).toEqual([CHAT, ["message-1", "message-2"]]);
    expect(alice.call("append")).toMatchObject({ cid: OTHER, drafts: [{ id: "message-4" }] });
    expect(alice.calls.append).toEqual([]);
    first.answer(accepted(first.drafts, 1), alice.now);
    expect(phone.words()).toEqual(["sent message-1 1", "sent message-2 2"]);
    alice.wait(CONFIG.writes.linger_ms);
    expect(alice.call("append")).toMatchObject({
      have: 2,
      drafts: [{ id: "message-3" }, { id: "amend-01", kind: "amend", op: "recall", target: 1, device: "phone" }],
    });
  });

  test("a failed call is made again with the same ids, and says what is had and taken by then", () => {
    const { alice, phone } = connected();
    alice.up(phone, send("message-1"));
    alice.call("append").answer(undefined, alice.now);
    expect(phone.words()).toEqual([]);
    alice.push(ofBob(1));
    alice.wait(2000);
    const again = alice.call("append");
    expect(again).toMatchObject({ have: 1, drafts: [{ id: "message-1" }] });
    again.answer(accepted(again.drafts, 2), alice.now);
    expect(phone.words()).toContain("sent message-1 2");
  });

  test("each draft is told its own outcome", () => {
    const { alice, phone } = connected();
    alice.up(phone, send("message-1"), send("message-2"), send("message-3"));
    const { answer } = alice.call("append");
    answer(
      {
        results: [
          { id: "message-1", refusal: refuse("id_conflict", "used") },
          { id: "message-2", seq: 1, ts: START, duplicate: true },
          { id: "message-3", refusal: refuse("overloaded", "later", 70) },
        ],
        entries: [],
        head: 1,
        settled: false,
      },
      alice.now,
    );
    expect(phone.take()).toMatchObject([
      { t: "error", code: "id_conflict", ref: "message-1", request_id: "request-1" },
      { t: "sent", id: "message-2", seq: 1, duplicate: true },
      { t: "error", code: "overloaded", ref: "message-3", retry_after: 70 },
    ]);
    expect(phone.notes.map(({ done }) => done)).toEqual([["message-1"], ["message-2"], ["message-3"]]);
  });

  test("a session that linked anew meanwhile gets the answer over its new link", () => {
    const { alice, phone } = connected();
    alice.up(phone, send("message-1"));
    alice.user.registry.closed(phone.link, alice.now);
    const again = alice.connect("phone", { session: phone.link.session, started: phone.link.started, again: true });
    const { drafts, answer } = alice.call("append");
    answer(accepted(drafts, 1), alice.now);
    expect([phone.words(), again.words()]).toEqual([[], ["sent message-1 1"]]);
  });

  test("a device that left sees its own message on the others, and no answer is anybody else's", () => {
    const { alice, phone } = connected();
    const tablet = alice.connect("tablet");
    alice.up(phone, send("message-1"), send("message-2"));
    alice.user.registry.closed(phone.link, alice.now);
    const { drafts, answer } = alice.call("append");
    const reply = accepted(drafts.slice(0, 1), 1);
    answer({ ...reply, results: [...reply.results, { id: "message-2", refusal: refuse("blocked", "no") }] }, alice.now);
    expect(tablet.words()).toEqual(["message 1 of alice"]);
  });
});

describe("deadlines", () => {
  const deadline = CONFIG.timeouts.send_ms;

  test("a conversation that does not answer is given up in time, with an unknown outcome", () => {
    const { alice, phone } = connected();
    alice.up(phone, send("message-1"));
    for (let waited = 0; waited < deadline + 5000; waited += 100) {
      alice.calls.append.splice(0).forEach(({ answer }) => answer(undefined, alice.now));
      alice.wait(100);
    }
    expect(phone.words()).toEqual(["error deadline_exceeded message-1"]);
    expect(phone.notes.at(-1)?.done).toEqual(["message-1"]);
    expect(alice.calls.append).toEqual([]);
    expect(alice.now - START).toBeLessThan(deadline + 6000);
  });

  test("a shorter `ttl` counts, a longer one does not", () => {
    const { alice, phone } = connected();
    alice.up(phone, send("message-1", { ttl: 2 }), send("message-2", { ttl: 600_000, to: OTHER }));
    const words: string[][] = [];
    for (let waited = 0; waited < deadline + 5000; waited += 1000) {
      alice.calls.append.splice(0).forEach(({ answer }) => answer(undefined, alice.now));
      alice.wait(1000);
      words.push(phone.words());
    }
    const at = (id: string): number => words.findIndex((one) => one.includes(`error deadline_exceeded ${id}`));
    expect(at("message-1")).toBeGreaterThanOrEqual(1);
    expect(at("message-1")).toBeLessThan(5);
    expect(at("message-2")).toBeGreaterThanOrEqual(14);
  });
});

describe("addresses", () => {
  test("a user, a chat with one, not oneself", () => {
    const { alice, phone } = connected();
    alice.up(phone, send("message-1", { to: "@alice" as never }));
    expect(phone.words()).toEqual(["error invalid_argument message-1"]);
    alice.up(phone, send("message-2", { to: "@Zoe" as never }), send("message-3", { to: CHAT }));
    // In the order of bytes, capitals come before small letters.
    expect(alice.calls.append.map(({ cid }) => cid)).toEqual(["d.Zoe.alice", CHAT]);
  });

  test("nobody writes into a system conversation", () => {
    const { alice, phone } = connected();
    const system = "s.alice" as Cid;
    alice.push(ofBob(1), { cid: system });
    phone.take();
    alice.up(phone, send("message-1", { to: system }));
    expect(phone.words()).toEqual(["error permission_denied message-1"]);
    expect(alice.calls.append).toEqual([]);
  });
});

describe("QoS 0", () => {
  test("goes to the other own devices and to the peer, is answered by nothing and stored nowhere", () => {
    const { alice, phone } = connected();
    const tablet = alice.connect("tablet");
    alice.push(ofBob(1));
    alice.wait(2000);
    for (const device of [phone, tablet]) device.take();
    const rows = alice.db.rowsWritten();
    alice.up(phone, send("message-1", { qos: 0, mentions: [BOB], reply_to: 1 }));
    const { to, signal } = alice.call("signal");
    expect([to, signal]).toMatchObject([BOB, { user: ALICE }]);
    expect([phone.words(), alice.db.rowsWritten() - rows, alice.calls.append]).toEqual([[], 0, []]);
    expect(tablet.take()).toEqual([
      {
        t: "message",
        cid: CHAT,
        id: "message-1",
        from: ALICE,
        ts: alice.now,
        kind: "text",
        body: { text: "message-1" },
        priority: 1,
        reply_to: 1,
        mentions: [BOB],
        ephemeral: true,
      },
    ]);
    // What the peer's object is handed is what its devices are told.
    if (signal.t !== "message") throw new Error(signal.t);
    alice.user.signal({ ...signal, user: BOB }, alice.now);
    expect([phone.words(), tablet.words()]).toEqual([["message of alice"], ["message of alice"]]);
  });

  test("as the first contact wakes only objects of users that there are", () => {
    const { alice, phone } = connected();
    alice.up(phone, send("message-1", { qos: 0 }), send("message-2", { qos: 0, to: "@nobody" as never }));
    const [first, second] = alice.calls.names.splice(0);
    first?.answer(new Map([[BOB, "Bob"]]), alice.now);
    second?.answer(new Map(), alice.now);
    expect(alice.calls.signal.map(({ to }) => to)).toEqual([BOB]);
  });

  test("is not shown to a device that lags, nor from somebody blocked; a refused one is not answered", () => {
    const { alice, phone } = connected();
    const signal = { t: "message", cid: CHAT, user: BOB, frame: '{"t":"pong","ts":1}' } as const;
    alice.up(phone, send("message-1", { qos: 0, to: "@alice" as never }));
    alice.user.setBlock(BOB, true, alice.now, () => {});
    expect(alice.user.signal(signal, alice.now)).toBe(true);
    alice.user.setBlock(BOB, false, alice.now, () => {});
    alice.push(ofBob(1, CONFIG.limits.window));
    phone.take();
    alice.user.signal(signal, alice.now);
    expect(phone.words()).toEqual([]);
  });
});

describe("[DUP1] release of QoS 2 ids", () => {
  const release = (...ids: string[]): UpFrame => ({ t: "release", ids: ids as never });

  test("asks each conversation for its own, and answers when all have forgotten", () => {
    const { alice, phone } = connected();
    sendTwice(alice, phone, "message-1", 1);
    sendTwice(alice, phone, "message-2", 1, { to: OTHER });
    alice.wait(2000);
    phone.take();
    alice.up(phone, release("message-1", "message-2", "message-9"));
    const [first, second] = [alice.call("release"), alice.call("release")];
    expect([first.cid, first.ids, second.cid, second.ids]).toEqual([CHAT, ["message-1"], OTHER, ["message-2"]]);
    first.answer(true, alice.now);
    expect(phone.words()).toEqual([]);
    second.answer(true, alice.now);
    expect(phone.words()).toEqual(["released message-1 message-2 message-9"]);
    expect(phone.notes.at(-1)?.done).toEqual(["=r=message-1+message-2+message-9"]);
    // Once more: nobody has to be asked.
    alice.up(phone, release("message-1"));
    expect([phone.words(), alice.calls.release]).toEqual([["released message-1"], []]);
  });

  test("knows where an id went after the object died, and before it is written", () => {
    const { alice, phone } = connected();
    sendTwice(alice, phone, "message-1", 1);
    alice.up(phone, release("message-1"));
    expect(alice.call("release").cid).toBe(CHAT);
    alice.wait(2000);
    alice.restart();
    const again = alice.connect();
    alice.up(again, release("message-1"));
    expect(alice.call("release").cid).toBe(CHAT);
  });

  test("of an id that is not written yet leaves nothing to be written", () => {
    const { alice, phone } = connected();
    sendTwice(alice, phone, "message-1", 1);
    alice.up(phone, release("message-1"));
    alice.call("release").answer(true, alice.now);
    alice.wait(5000);
    alice.restart();
    alice.up(alice.connect(), release("message-1"));
    expect(alice.calls.release).toEqual([]);
  });

  test("that the disk refuses is unavailable, and works later", () => {
    const { alice, phone } = connected();
    sendTwice(alice, phone, "message-1", 1);
    alice.wait(2000);
    phone.take();
    alice.db.breakTable("qos2");
    alice.up(phone, release("message-1"));
    alice.call("release").answer(true, alice.now);
    expect(phone.words()).toEqual(["error unavailable message-1"]);
    alice.db.mendTable("qos2");
    alice.up(phone, release("message-1"));
    alice.call("release").answer(true, alice.now);
    expect(phone.words()).toEqual(["released message-1"]);
  });

  test("that fails somewhere says so once, and keeps the ids", () => {
    const { alice, phone } = connected();
    sendTwice(alice, phone, "message-1", 1);
    sendTwice(alice, phone, "message-2", 1, { to: OTHER });
    phone.take();
    alice.up(phone, release("message-1", "message-2"));
    alice.call("release").answer(undefined, alice.now);
    alice.call("release").answer(undefined, alice.now);
    expect(phone.words()).toEqual(["error unavailable message-1"]);
    alice.up(phone, release("message-1", "message-2"));
    expect(alice.calls.release.map(({ cid }) => cid)).toEqual([CHAT, OTHER]);
  });
});

describe("blocks", () => {
  test("the conversation is told, and asked again by alarm until it knows", () => {
    const { alice } = connected();
    let done = 0;
    alice.user.setBlock(BOB, true, alice.now, () => (done += 1));
    expect([alice.user.blocks(), done]).toEqual([[BOB], 0]);
    const first = alice.call("block");
    expect([first.cid, first.on]).toEqual([CHAT, true]);
    first.answer(undefined, alice.now);
    expect([done, alice.alarms]).toEqual([1, [alice.now + CONFIG.writes.offer_ms]]);
    alice.restart();
    alice.user.alarm(alice.now);
    alice.call("block").answer(true, alice.now);
    alice.user.alarm(alice.now);
    expect([alice.calls.block, alice.user.blocks()]).toEqual([[], [BOB]]);
  });

  test("what is so already is done at once", () => {
    const { alice } = connected();
    let done = 0;
    alice.user.setBlock(BOB, false, alice.now, () => (done += 1));
    expect([done, alice.calls.block]).toEqual([1, []]);
  });

  test("a block that was lifted before the conversation heard of it ends as lifted", () => {
    const { alice } = connected();
    alice.user.setBlock(BOB, true, alice.now, () => {});
    alice.user.setBlock(BOB, false, alice.now, () => {});
    const [on, off] = [alice.call("block"), alice.call("block")];
    // The answers may come in any order; what was told last counts only if it is what holds.
    on.answer(true, alice.now);
    alice.user.alarm(alice.now);
    expect(alice.call("block").on).toBe(false);
    off.answer(true, alice.now);
    alice.user.alarm(alice.now);
    expect([alice.calls.block, alice.user.blocks()]).toEqual([[], []]);
  });

  test("of somebody with whom there is no chat yet holds for the first contact", () => {
    const { alice } = connected();
    alice.user.setBlock("zoe" as Uid, true, alice.now, () => {});
    expect(alice.call("block")).toMatchObject({ cid: "d.alice.zoe", on: true });
  });
});

describe("[DUR3] an own message that comes back before the answer to its call", () => {
  /** A message is on its way; the conversation has it, and nobody else of this user knows. */
  function underWay(): { alice: Alice; phone: Device; draft: Draft } {
    const alice = new Alice();
    const phone = alice.connect();
    alice.push(ofBob(1));
    phone.take();
    alice.up(phone, send("message-1"));
    const [draft] = alice.call("append").drafts as [Draft];
    return { alice, phone, draft };
  }

  function headOnDisk(alice: Alice): number {
    return new UserStore(alice.db.sql, alice.db.transact).head(CHAT)?.head ?? 0;
  }

  test("by asking what there is: with no alarm behind it, it is on disk before it counts as sent", () => {
    const { alice, phone, draft } = underWay();
    alice.up(phone, { t: "ack", cid: CHAT, seq: 2 });
    alice.call("append").answer({ results: [], entries: [entryOf(draft, 2)], head: 2, settled: true }, alice.now);
    expect([phone.words(), headOnDisk(alice)]).toEqual([["sent message-1 2"], 2]);
  });

  test("by a push: likewise, and not otherwise where an alarm stands behind it", () => {
    for (const settle of [true, false]) {
      const { alice, phone, draft } = underWay();
      const before = headOnDisk(alice);
      alice.push([entryOf(draft, 2)], { settle });
      expect([phone.words(), headOnDisk(alice)]).toEqual([["sent message-1 2"], settle ? 2 : before]);
    }
  });

  test("is a message, and is not answered, when the disk refuses", () => {
    const { alice, phone, draft } = underWay();
    alice.db.breakTable("head");
    alice.push([entryOf(draft, 2)], { settle: true });
    expect(phone.words()).toEqual(["message 2 of alice"]);
  });
});
