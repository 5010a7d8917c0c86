import { describe, expect, test } from "vitest";
import { Alice, BOB, CAROL, CONFIG, type Device } from "./fixture.ts";
import type { Uid } from "../../../src/protocol/ids.ts";

const GRACE = CONFIG.timeouts.presence_grace_ms;

/** Presence that watchers of alice were told, as `<watcher> online`; each answers that somebody of it is there, or not. */
function told(alice: Alice, interested = true): string[] {
  return alice.calls.signal.splice(0).map(({ to, signal, answer }) => {
    answer(interested, alice.now);
    return `${to} ${signal.t === "presence" && signal.online ? "online" : "offline"}`;
  });
}

function watched(alice: Alice, by: Uid = BOB): { online: boolean; lastSeen: number } {
  return alice.user.presence.watched(by, true, alice.now);
}

/** The device goes; alarms ring in their time. */
function leave(alice: Alice, device: Device): void {
  alice.user.registry.closed(device.link, alice.now);
}

function alarmAfter(alice: Alice, ms: number): void {
  alice.wait(ms);
  alice.user.alarm(alice.now);
}

describe("a watcher", () => {
  test("is told the state now, then each change", () => {
    const alice = new Alice();
    expect(watched(alice)).toEqual({ online: false, lastSeen: 0 });
    const phone = alice.connect();
    expect(told(alice)).toEqual(["bob online"]);
    expect(watched(alice, CAROL)).toEqual({ online: true, lastSeen: 0 });
    leave(alice, phone);
    expect(told(alice)).toEqual([]);
    alarmAfter(alice, GRACE);
    expect(told(alice)).toEqual(["bob offline", "carol offline"]);
    expect(watched(alice)).toEqual({ online: false, lastSeen: alice.now - GRACE });
  });

  test("does not hear of a reconnect within the grace, nor of a second device", () => {
    const alice = new Alice();
    watched(alice);
    const phone = alice.connect();
    told(alice);
    leave(alice, phone);
    expect(alice.alarms).toEqual([alice.now + GRACE]);
    alice.wait(GRACE - 1);
    const again = alice.connect();
    alarmAfter(alice, 1);
    const tablet = alice.connect("tablet");
    leave(alice, again);
    alarmAfter(alice, GRACE);
    expect([told(alice), tablet.ended]).toEqual([[], undefined]);
  });

  test("who comes during the grace hears of its end", () => {
    const alice = new Alice();
    leave(alice, alice.connect());
    expect(alice.alarms).toEqual([]);
    alice.wait(GRACE / 2);
    expect(watched(alice)).toMatchObject({ online: true });
    expect(alice.alarms).toEqual([alice.now + GRACE / 2]);
    alarmAfter(alice, GRACE / 2);
    expect(told(alice)).toEqual(["bob offline"]);
  });

  test("of an alarm that comes too early hears nothing; it is set anew", () => {
    const alice = new Alice();
    watched(alice);
    leave(alice, alice.connect());
    told(alice);
    alarmAfter(alice, GRACE - 100);
    expect([told(alice), alice.alarms.at(-1)]).toEqual([[], alice.now + 100]);
  });

  test("with nobody connected any more is forgotten", () => {
    const alice = new Alice();
    watched(alice);
    leave(alice, alice.connect());
    told(alice, false);
    alarmAfter(alice, GRACE);
    expect(told(alice)).toEqual([]);
  });

  test("who watches no longer is told nothing", () => {
    const alice = new Alice();
    watched(alice);
    alice.user.presence.watched(BOB, false, alice.now);
    alice.connect();
    expect(told(alice)).toEqual([]);
  });

  test("is known after the object died, and hears of the end once", () => {
    const alice = new Alice();
    watched(alice);
    const phone = alice.connect();
    told(alice);
    leave(alice, phone);
    alice.wait(GRACE);
    alice.restart();
    alice.user.alarm(alice.now);
    alice.user.alarm(alice.now);
    expect(told(alice)).toEqual(["bob offline"]);
  });

  test("who is blocked is told that nobody is there", () => {
    const alice = new Alice();
    alice.connect();
    watched(alice);
    alice.user.setBlock(BOB, true, alice.now, () => {});
    expect(told(alice)).toEqual(["bob offline"]);
    expect(watched(alice)).toEqual({ online: false, lastSeen: 0 });
  });
});

describe("watching others", () => {
  test("asks the objects of users that there are; the others are not online", () => {
    const alice = new Alice();
    const phone = alice.connect();
    alice.up(phone, { t: "watch", users: [BOB, CAROL, "nobody" as Uid] });
    alice.call("names").answer(
      new Map([
        [BOB, "Bob"],
        [CAROL, "Carol"],
      ]),
      alice.now,
    );
    const [bob, carol] = [alice.call("watch"), alice.call("watch")];
    expect([bob.target, bob.on, carol.target]).toEqual([BOB, true, CAROL]);
    carol.answer({ online: true, lastSeen: 0 }, alice.now);
    bob.answer({ online: false, lastSeen: 5 }, alice.now);
    expect(phone.take()).toEqual([
      { t: "presence", user: "nobody", state: "offline" },
      { t: "presence", user: CAROL, state: "online" },
      { t: "presence", user: BOB, state: "offline", last_seen: 5 },
    ]);
    expect(phone.notes.map(({ about }) => about)).toEqual(["nobody", CAROL, BOB]);
  });

  test("changes go to all devices with a note for the edge, which knows who watches", () => {
    const alice = new Alice();
    const devices = [alice.connect("phone"), alice.connect("tablet")];
    const change = { t: "presence", user: BOB, online: true, lastSeen: 0 } as const;
    expect(alice.user.signal(change, alice.now)).toBe(true);
    for (const device of devices) {
      expect(device.words()).toEqual(["presence bob online"]);
      expect(device.notes.at(-1)?.about).toBe(BOB);
    }
  });

  test("the end is told only when no other device could be watching", () => {
    const alice = new Alice();
    const [phone, tablet] = [alice.connect("phone"), alice.connect("tablet")];
    alice.up(phone, { t: "unwatch", users: [BOB] });
    expect(alice.calls.names).toEqual([]);
    leave(alice, tablet);
    alice.up(phone, { t: "unwatch", users: [BOB] });
    alice.call("names").answer(new Map([[BOB, "Bob"]]), alice.now);
    expect(alice.call("watch")).toMatchObject({ target: BOB, on: false });
  });
});
