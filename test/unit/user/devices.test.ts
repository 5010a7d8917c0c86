import { describe, expect, test } from "vitest";
import { makeEntries } from "../../support/arbitraries.ts";
import { Alice, ALICE, BOB, CAROL, CHAT, CONFIG, accepted, ofBob, OTHER, send, START, type Device } from "./fixture.ts";
import type { Cid } from "../../../src/protocol/ids.ts";

/** Alice with a message of bob and one of carol, both written. */
function talked(): Alice {
  const alice = new Alice();
  alice.push(ofBob(1));
  alice.push(makeEntries([{ from: CAROL }]), { cid: OTHER });
  alice.wait(2000);
  return alice;
}

describe("two connections of one device", () => {
  test("the later one stays, whichever object time they reach the object in", () => {
    const alice = new Alice();
    const first = alice.connect("phone", { started: 10 });
    const second = alice.connect("phone", { started: 20 });
    expect([first.ended, second.ended]).toEqual(["replaced", undefined]);
    // A link of the first session that is made again late does not drive out its successor.
    const late = alice.connect("phone", { started: 10, session: first.link.session, again: true });
    expect([late.ended, second.ended]).toEqual(["replaced", undefined]);
    expect([...alice.user.links]).toEqual([second.link]);
    alice.push(ofBob(1));
    expect([first.words(), second.words(), late.words()]).toEqual([[], ["message 1 of bob"], []]);
  });

  test("a session that links again replaces its own link only", () => {
    const alice = new Alice();
    const [phone, tablet] = [alice.connect("phone"), alice.connect("tablet")];
    const again = alice.connect("phone", { session: phone.link.session, started: phone.link.started, again: true });
    expect([phone.ended, tablet.ended, again.ended]).toEqual(["again", undefined, undefined]);
    expect(alice.user.links.size).toBe(2);
  });

  test("other devices are left alone", () => {
    const alice = new Alice();
    const devices = ["phone", "tablet", "laptop"].map((device) => alice.connect(device));
    expect(devices.map(({ ended }) => ended)).toEqual([undefined, undefined, undefined]);
  });

  test("the end of a link that was replaced changes nothing", () => {
    const alice = new Alice();
    const first = alice.connect("phone");
    alice.connect("phone");
    alice.user.registry.closed(first.link, alice.now);
    expect(alice.user.links.size).toBe(1);
  });
});

describe("ending sessions", () => {
  test("ends those of the login, or all", () => {
    const alice = new Alice();
    const devices = ["a", "b", undefined].map((login, i) => alice.connect(`device-${i}`, { login }));
    alice.user.registry.endSessions("a", alice.now);
    expect(devices.map(({ ended }) => ended)).toEqual(["unauthenticated", undefined, undefined]);
    alice.user.registry.endSessions(undefined, alice.now);
    expect(devices.map(({ ended }) => ended)).toEqual(["unauthenticated", "unauthenticated", "unauthenticated"]);
    expect(alice.user.links.size).toBe(0);
  });
});

describe("a login that ended", () => {
  test("ends its connections that are on their way, too, also after the object died", () => {
    const alice = new Alice();
    alice.user.registry.endSessions("a", alice.now);
    alice.restart();
    const [late, other] = [alice.connect("phone", { login: "a" }), alice.connect("tablet", { login: "b" })];
    expect([late.ended, other.ended, alice.user.links.size]).toEqual(["unauthenticated", undefined, 1]);
    expect(late.controls).toEqual([]);
  });
});

describe("[RES1] heads since a version", () => {
  test("a new connection without one is told where it stands, and nothing else", () => {
    const alice = talked();
    const phone = alice.connect();
    expect(phone.controls).toEqual([{ do: "attached", version: alice.user.heads.version }]);
    expect(phone.words()).toEqual([]);
  });

  test("a new user has a version from the first connection on", () => {
    const alice = new Alice();
    const [first, second] = [alice.connect("phone"), alice.connect("tablet")];
    expect(first.controls).toEqual([{ do: "attached", version: START * 1000 }]);
    expect(second.controls).toEqual(first.controls);
  });

  test("all with 0, those that changed with the version of before, none with the newest", () => {
    const alice = talked();
    expect(alice.connect("a", { since: 0 }).words()).toEqual([
      "heads d.alice.bob:1/1, d.alice.carol:1/1",
      "synced undefined",
    ]);
    const before = alice.user.heads.version;
    expect(alice.connect("b", { since: before }).words()).toEqual(["synced undefined"]);
    alice.push(ofBob(2));
    expect(alice.connect("c", { since: before }).words()).toEqual(["heads d.alice.bob:2/2", "synced undefined"]);
  });

  test("what the notes say is what the client then knows", () => {
    const alice = talked();
    const phone = alice.connect("phone", { since: 0 });
    const { version } = alice.user.heads;
    expect(phone.notes.map((note) => note.version)).toEqual([version, version]);
    expect(phone.notes.map((note) => note.done)).toEqual([[], ["="]]);
  });

  test("a link that is made again is told the heads without `synced`", () => {
    const alice = talked();
    const phone = alice.connect("phone", { since: 0, again: true });
    expect(phone.words()).toEqual(["heads d.alice.bob:1/1, d.alice.carol:1/1"]);
  });

  test("`sync` does the same on request; a version from nowhere means everything", () => {
    const alice = talked();
    const phone = alice.connect();
    alice.up(phone, { t: "sync", req: "r1", since: 0 });
    expect(phone.words()).toEqual(["heads d.alice.bob:1/1, d.alice.carol:1/1", "synced r1"]);
    alice.up(phone, { t: "sync", req: 2, since: alice.user.heads.version });
    expect(phone.words()).toEqual(["synced 2"]);
    alice.up(phone, { t: "sync", req: 3, since: Number.MAX_SAFE_INTEGER });
    expect(phone.words()).toEqual(["heads d.alice.bob:1/1, d.alice.carol:1/1", "synced 3"]);
    expect(phone.notes.at(-1)?.done).toEqual(["=3"]);
  });

  test("after the object died with unwritten heads, no version is given out twice", () => {
    const alice = talked();
    alice.push(ofBob(2));
    const known = alice.user.heads.version;
    alice.restart();
    const phone = alice.connect("phone", { since: known });
    alice.push(ofBob(2));
    const message = phone.frames.find((frame) => frame.t === "message");
    expect(message?.version).toBeGreaterThan(known);
  });

  test("what the client has seen and the object has lost is asked of the conversation", () => {
    const alice = talked();
    alice.push(ofBob(2, 3));
    const known = alice.user.heads.version;
    alice.restart();
    const phone = alice.connect("phone", {
      since: known,
      again: true,
      seen: { [CHAT]: 3, [OTHER]: 1, "d.bob.carol": 9 },
    });
    const { cid, have, drafts, answer } = alice.call("append");
    expect([cid, have, drafts, alice.calls.append.length]).toEqual([CHAT, 1, [], 0]);
    answer({ results: [], entries: ofBob(2, 4), head: 4, settled: false }, alice.now);
    // [ORD2] What the client had over its earlier link is not handed to it again.
    expect(phone.words()).toEqual(["message 4 of bob"]);
    expect(alice.head().head).toBe(4);
  });

  test("a sleep changes nothing for the devices", () => {
    const alice = talked();
    const devices = [alice.connect("phone"), alice.connect("tablet")];
    const woken = alice.sleep(...devices);
    alice.push(ofBob(2));
    expect(woken.map((device) => device.words())).toEqual([["message 2 of bob"], ["message 2 of bob"]]);
    const rival = alice.connect("phone");
    expect([woken[0]?.ended, rival.ended]).toEqual(["replaced", undefined]);
  });
});

describe("own devices in step", () => {
  test("what one sends the others are shown; what one reads the others hear", () => {
    const alice = talked();
    const [phone, tablet] = [alice.connect("phone"), alice.connect("tablet")];
    alice.up(phone, send("message-1"));
    const { drafts, answer } = alice.call("append");
    answer(accepted(drafts, 2), alice.now);
    expect([phone.words(), tablet.words()]).toEqual([["sent message-1 2"], ["message 2 of alice"]]);
    alice.push(ofBob(3, 4));
    for (const device of [phone, tablet]) device.take();
    alice.up(tablet, { t: "read", cid: CHAT, seq: 4 });
    expect([phone.words(), tablet.words()]).toEqual([["receipt of alice delivered 4 read 4"], []]);
    alice.up(phone, { t: "read", cid: CHAT, seq: 3 });
    expect(tablet.words()).toEqual([]);
  });

  test("settings show on all of them, and are on disk", () => {
    const alice = talked();
    const devices = [alice.connect("phone"), alice.connect("tablet")];
    const changed = alice.user.setConversation(CHAT, { muted: true }, alice.now);
    expect(changed).toMatchObject({ ok: true, value: { muted: true, pinned: false } });
    for (const device of devices)
      expect(device.take()).toMatchObject([{ t: "heads", heads: [{ cid: CHAT, muted: true }] }]);
    alice.user.setConversation(CHAT, { pinned: true, muted: undefined }, alice.now);
    alice.restart();
    expect(alice.head()).toMatchObject({ muted: true, pinned: true });
    expect(alice.user.setConversation("d.alice.nobody" as Cid, { muted: true }, alice.now)).toMatchObject({
      ok: false,
      error: { code: "not_found" },
    });
  });
});

describe("settings on a disk that refuses", () => {
  test("are not confirmed before they are written", () => {
    const alice = talked();
    alice.db.breakTable("head");
    const refused = alice.user.setConversation(CHAT, { muted: true }, alice.now);
    expect(refused).toMatchObject({ ok: false, error: { code: "unavailable" } });
    alice.db.mendTable("head");
    expect(alice.user.setConversation(CHAT, { muted: true }, alice.now).ok).toBe(true);
    alice.restart();
    expect(alice.head().muted).toBe(true);
  });
});

describe("names of peers", () => {
  test("are asked for once, and shown when they are known", () => {
    const alice = new Alice();
    alice.push(ofBob(1));
    const { uids, answer } = alice.call("names");
    expect(uids).toEqual([BOB]);
    alice.push(ofBob(2));
    expect(alice.calls.names).toEqual([]);
    answer(new Map([[BOB, "Bob"]]), alice.now);
    expect(alice.head().peer?.name).toBe("Bob");
    alice.wait(2000);
    alice.restart();
    alice.push(ofBob(3));
    expect([alice.calls.names, alice.head().peer?.name]).toEqual([[], "Bob"]);
  });

  test("that could not be had are asked for again later", () => {
    const alice = new Alice();
    alice.push(ofBob(1));
    alice.call("names").answer(undefined, alice.now);
    alice.push(ofBob(2));
    alice.call("names").answer(new Map(), alice.now);
    alice.push(ofBob(3));
    // A name is never a uid.
    expect([alice.calls.names, alice.head().peer?.name]).toEqual([[], ""]);
  });

  test("are asked for again by a device that is told the head, after an hour, and follow a rename", () => {
    const alice = new Alice();
    alice.push(ofBob(1));
    alice.call("names").answer(new Map([[BOB, "Bob"]]), alice.now);
    const version = alice.head().version;
    alice.connect("phone", { since: 0 });
    expect(alice.calls.names).toEqual([]);
    alice.wait(3_600_000);
    const [phone, tablet] = [alice.connect("phone", { since: version - 1 }), alice.connect("tablet", { since: 0 })];
    const { uids, answer } = alice.call("names");
    expect([uids, alice.calls.names]).toEqual([[BOB], []]);
    answer(new Map([[BOB, "Robert"]]), alice.now);
    expect(alice.head().peer?.name).toBe("Robert");
    for (const { frames } of [phone, tablet]) {
      expect(frames.at(-1)).toMatchObject({ t: "heads", heads: [{ peer: { name: "Robert" } }] });
    }
    // A name that is as it was costs no row and tells nothing.
    const renamed = alice.head().version;
    alice.wait(3_600_000);
    alice.connect("laptop", { since: 0 });
    alice.call("names").answer(new Map([[BOB, "Robert"]]), alice.now);
    expect(alice.head().version).toBe(renamed);
  });
});

describe("pull", () => {
  test("is answered with the conversation's page, or its refusal", () => {
    const alice = talked();
    const phone = alice.connect();
    const pull = (req: string): ReturnType<typeof alice.call<"page">>["answer"] => {
      alice.up(phone, { t: "pull", req, cid: CHAT, after: 3, limit: 20 });
      const call = alice.call("page");
      expect([call.cid, call.query]).toEqual([CHAT, { after: 3, before: undefined, limit: 20 }]);
      return call.answer;
    };
    pull("r1")({ ok: true, value: { messages: [], head: 3, more: false } }, alice.now);
    pull("r2")({ ok: false, error: { code: "not_member", message: "no" } }, alice.now);
    pull("r3")(undefined, alice.now);
    expect(phone.words()).toEqual(["page r1 0", "error not_member r2", "error unavailable r3"]);
    expect(phone.notes.map(({ done }) => done)).toEqual([['="r1"'], ['="r2"'], ['="r3"']]);
  });

  test("an answer after the link has gone is nobody's", () => {
    const alice = talked();
    const phone = alice.connect();
    alice.up(phone, { t: "pull", req: "r1", cid: CHAT, limit: 20 });
    alice.user.registry.closed(phone.link, alice.now);
    expect(() => alice.call("page").answer(undefined, alice.now)).not.toThrow();
  });
});

describe("[SEC1] conversations of others", () => {
  const strange = ["d.bob.carol", `g.${"0".repeat(26)}`, "s.bob"] as Cid[];

  test.each(strange)("%s: every frame about it is refused, and nobody is asked", (cid) => {
    const alice = talked();
    const phone = alice.connect();
    alice.up(
      phone,
      { t: "ack", cid, seq: 1 },
      { t: "read", cid, seq: 1 },
      { t: "typing", cid, on: true },
      { t: "pull", req: "r1", cid, limit: 10 },
      { t: "amend", id: "amend-01" as never, cid, target: 1, op: "recall", body: "" },
      send("message-1", { to: cid }),
      send("message-2", { to: cid, qos: 0 }),
    );
    const refs = [cid, cid, cid, "r1", "amend-01", "message-1"];
    expect(phone.words()).toEqual(refs.map((ref) => `error not_member ${ref}`));
    expect(
      Object.values(alice.calls)
        .flat()
        .filter((call) => !("uids" in call)),
    ).toEqual([]);
  });

  test("entries of a group do not come by a link's memory of somebody else's", () => {
    const alice = talked();
    alice.connect("phone", { seen: { "d.bob.carol": 5 } });
    expect(alice.calls.append).toEqual([]);
  });
});

describe("typing", () => {
  const typing = (on: boolean, user = BOB) => ({ t: "typing", cid: CHAT, user, on }) as const;

  test("is shown, and lapses unless it is renewed", () => {
    const alice = talked();
    const phone = alice.connect();
    expect(alice.user.signal(typing(true), alice.now)).toBe(true);
    alice.wait(CONFIG.timeouts.typing_ms - 1);
    alice.user.signal(typing(true), alice.now);
    alice.wait(CONFIG.timeouts.typing_ms - 1);
    expect(phone.words()).toEqual(["typing bob on", "typing bob on"]);
    alice.wait(1);
    expect(phone.words()).toEqual(["typing bob off"]);
    alice.wait(60_000);
    expect(phone.words()).toEqual([]);
  });

  test("that ends is over at once", () => {
    const alice = talked();
    const phone = alice.connect();
    alice.user.signal(typing(true), alice.now);
    alice.user.signal(typing(false), alice.now);
    alice.wait(60_000);
    expect(phone.words()).toEqual(["typing bob on", "typing bob off"]);
  });

  test("goes to the peer of a chat that has begun", () => {
    const alice = talked();
    const phone = alice.connect();
    alice.up(phone, { t: "typing", cid: CHAT, on: true }, { t: "typing", cid: "d.alice.zoe" as Cid, on: true });
    const { to, signal } = alice.call("signal");
    expect([to, signal, alice.calls.signal]).toEqual([BOB, typing(true, ALICE), []]);
  });

  test("from somebody blocked is not shown; who writes is not told that nobody is there", () => {
    const alice = talked();
    const phone = alice.connect();
    alice.user.setBlock(BOB, true, alice.now, () => {});
    expect(alice.user.signal(typing(true), alice.now)).toBe(true);
    expect(phone.words()).toEqual([]);
  });

  test("with nobody connected is not kept", () => {
    const alice = talked();
    expect(alice.user.signal(typing(true), alice.now)).toBe(false);
    const phone: Device = alice.connect();
    alice.wait(60_000);
    expect(phone.words()).toEqual([]);
  });
});
