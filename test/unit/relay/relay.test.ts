import { describe, expect, test } from "vitest";
import type { RelayLink } from "../../../src/durable-objects/relay/relay-link.ts";
import type { DeviceId } from "../../../src/protocol/ids.ts";
import { ALICE, BOB, CAROL, CID, entries, Multicaster, START } from "./fixture.ts";

const LAPTOP = { device: "laptop" as DeviceId };

describe("who listens", () => {
  test("gets what it lacks, the word that it is admitted, and then what is multicast", () => {
    const world = new Multicaster();
    const link = world.attach(ALICE, { after: 3 });
    expect([world.admissions, world.take(link)]).toEqual([[link], []]);
    world.admit(link, 5);
    world.multicast(6, 7);
    expect(world.take(link)).toEqual(["4–5", "admitted 5", "6–7"]);
  });

  test("lacks too much: a hole is announced", () => {
    const world = new Multicaster();
    const link = world.attach(ALICE, { after: 3 });
    world.admit(link, 900, { entries: undefined });
    world.multicast(901, 901);
    expect(world.take(link)).toEqual(["admitted 900 hole", "901–901"]);
  });

  test("is being admitted: what is multicast meanwhile follows, and nothing twice", () => {
    const world = new Multicaster();
    const link = world.attach(ALICE, { after: 3 });
    world.multicast(4, 5);
    world.multicast(6, 8);
    world.admit(link, 6);
    expect(world.take(link)).toEqual(["4–6", "admitted 6", "7–8"]);
  });

  test("is admitted further on than the others are: each gets what it lacks", () => {
    const world = new Multicaster();
    const [bob, link, far] = [world.listening(BOB, 3), world.attach(ALICE, { after: 3 }), world.attach(CAROL, LAPTOP)];
    world.admit(link, 6);
    world.admit(far, 6, { entries: undefined });
    expect(world.multicast(4, 7)).toEqual({ have: 7, links: 3 });
    expect(world.take(bob)).toEqual(["4–7"]);
    expect(world.take(link)).toEqual(["4–6", "admitted 6", "7–7"]);
    expect(world.take(far)).toEqual(["admitted 6 hole", "7–7"]);
  });

  test("[SEC1] is no member: hears that, and nothing of the group", () => {
    const world = new Multicaster();
    const link = world.attach(ALICE);
    world.multicast(4, 5);
    world.refuse(link, "not_member");
    world.multicast(6, 6);
    expect([world.take(link), world.closed]).toEqual([["ended gone 0"], [link]]);
  });

  test.each([
    ["the call failed", (world: Multicaster, link: RelayLink) => world.relay.admitted(link, undefined, START)],
    ["the conversation is overloaded", (world: Multicaster, link: RelayLink) => world.refuse(link, "overloaded", 1000)],
  ])("comes again when %s", (_, fail) => {
    const world = new Multicaster();
    const link = world.attach(ALICE);
    fail(world, link);
    expect([world.take(link), world.relay.links.size]).toEqual([["ended again 0"], 0]);
  });

  test("chose by an older number of relays, or an older table: chooses again, and is told nothing else", () => {
    const world = new Multicaster();
    const [few, old] = [world.attach(ALICE), world.attach(BOB)];
    world.admit(few, 5, { relays: 4 });
    world.epoch = 2;
    world.admit(old, 5);
    expect([world.take(few), world.take(old)]).toEqual([["ended stale 5"], ["ended stale 5"]]);
  });

  test("of a group in push mode gets what it lacks, and goes", () => {
    const world = new Multicaster();
    const link = world.attach(ALICE, { after: 3 });
    world.admit(link, 5, { push: true, relays: 0 });
    expect([world.take(link), world.closed]).toEqual([["4–5", "ended push 5"], [link]]);
  });

  test("has one link: a newer one of the session or the device puts the older out", () => {
    const world = new Multicaster();
    const first = world.listening(ALICE, 3);
    const second = world.listening(ALICE, 3);
    const third = world.listening(ALICE, 3, { session: "other" });
    const laptop = world.listening(ALICE, 3, LAPTOP);
    world.multicast(4, 4);
    expect([world.closed, world.take(first)]).toEqual([[first, second], []]);
    expect([world.take(third), world.take(laptop)]).toEqual([["4–4"], ["4–4"]]);
    // The conversation's answer to a link that is gone.
    world.admit(first, 9);
    expect(world.take(first)).toEqual([]);
  });

  test("too much comes while it is being admitted: it begins anew", () => {
    const world = new Multicaster();
    const link = world.attach(ALICE, { after: 0 });
    for (let seq = 1; seq < 5000; seq += 100) world.multicast(seq, seq + 99);
    world.admit(link, 0);
    expect(world.take(link)).toEqual(["ended again 0"]);
  });
});

describe("a multicast", () => {
  test("is one text for all but those who sent of it, to whom it is the answer", () => {
    const world = new Multicaster();
    const [phone, laptop, bob] = [
      world.listening(ALICE, 3),
      world.listening(ALICE, 3, LAPTOP),
      world.listening(BOB, 3),
    ];
    world.texts.length = 0;
    world.multicast(4, 6, { entries: entries(4, 6, { 5: "alice laptop" }) });
    const texts = new Map(world.texts.map(({ link, text }) => [link, text]));
    expect(texts.get(phone)).toBe(texts.get(bob));
    expect(world.take(phone)).toEqual(["4–6"]);
    expect(world.take(laptop)).toEqual(["4–6", "sent message-5"]);
  });

  test("of much goes in messages that a client takes, each with what it holds", () => {
    const world = new Multicaster({ limits: { window: 1000 } });
    const link = world.listening(ALICE, 0);
    world.multicast(1, 300);
    expect(world.take(link)).toEqual(["1–128", "129–256", "257–300"]);
  });

  test("[ORD2] repeated is dropped, one that overlaps is cut, and one after a gap is refused", () => {
    const world = new Multicaster();
    const link = world.listening(ALICE, 3);
    expect(world.multicast(4, 6)).toEqual({ have: 6, links: 1 });
    expect(world.multicast(4, 6)).toEqual({ have: 6, links: 1 });
    expect(world.multicast(5, 8)).toEqual({ have: 8, links: 1 });
    expect(world.multicast(10, 11)).toEqual({ have: 8, links: 1 });
    expect(world.take(link)).toEqual(["4–6", "7–8"]);
  });

  test("to nobody begins anew with whoever comes first", () => {
    const world = new Multicaster();
    world.listening(ALICE, 3);
    world.multicast(4, 4);
    for (const link of world.relay.links) world.relay.closed(link);
    const late = world.listening(BOB, 900);
    expect(world.multicast(901, 901)).toEqual({ have: 901, links: 1 });
    expect(world.take(late)).toEqual(["901–901"]);
  });

  test("that leaves something out has all begin anew, each from where it is", () => {
    const world = new Multicaster();
    const [link, joining] = [world.listening(ALICE, 3), world.attach(BOB)];
    expect(world.multicast(90, 91, { skip: true })).toEqual({ have: 91, links: 1 });
    world.admit(joining, 91);
    expect([world.take(link), world.take(joining)]).toEqual([["ended again 91"], ["ended again 91"]]);
  });

  test("without entries tells how far the group is: what the relay has is the answer", () => {
    const world = new Multicaster();
    const link = world.listening(ALICE, 3);
    expect(world.multicast(9, 8, { from: undefined })).toEqual({ have: 3, links: 1 });
    expect(world.take(link)).toEqual([]);
  });

  test("[FLW1] signals go to whoever keeps up, but not to the user that they are from", () => {
    const world = new Multicaster({ limits: { window: 2 } });
    const [phone, laptop] = [world.listening(ALICE, 0), world.listening(ALICE, 0, LAPTOP)];
    const [bob, joining] = [world.listening(BOB, 0), world.attach(CAROL, LAPTOP)];
    world.multicast(1, 2);
    world.up(phone, ["ack", 2]);
    world.up(laptop, ["ack", 2]);
    for (const link of [phone, laptop, bob]) world.take(link);
    world.relay.cast(`{"t":"typing","cid":"${CID}","user":"carol","on":true}`, CAROL);
    expect([phone, laptop, bob, joining].map((link) => world.take(link))).toEqual([["typing"], ["typing"], [], []]);
    world.relay.cast(`{"t":"typing","cid":"${CID}","user":"alice","on":true}`, ALICE);
    expect([phone, laptop].map((link) => world.take(link))).toEqual([[], []]);
  });
});

describe("[RES1] after hibernation", () => {
  test("the links stand, and the conversation's word of what the relay had is taken", () => {
    const world = new Multicaster();
    world.listening(ALICE, 3);
    const [link] = world.hibernate() as [RelayLink];
    expect(world.multicast(6, 6, { from: 4 })).toEqual({ have: 4, links: 1 });
    expect(world.multicast(5, 6)).toEqual({ have: 6, links: 1 });
    expect(world.take(link)).toEqual(["5–6"]);
  });

  test("nobody knows what the relay had: entries pass, or the head does, and the edges find the hole", () => {
    const world = new Multicaster();
    world.listening(ALICE, 3);
    const [first] = world.hibernate() as [RelayLink];
    expect(world.multicast(9, 9, { from: undefined })).toEqual({ have: 9, links: 1 });
    expect(world.take(first)).toEqual(["9–9"]);
    const [second] = world.hibernate() as [RelayLink];
    expect(world.multicast(12, 11, { from: undefined })).toEqual({ have: 11, links: 1 });
    expect(world.take(second)).toEqual(["head 11"]);
  });

  test("a link that was being admitted begins anew", () => {
    const world = new Multicaster();
    world.attach(ALICE);
    const [link] = world.hibernate() as [RelayLink];
    expect([world.take(link), world.relay.links.size]).toEqual([["ended again 0"], 0]);
  });

  test("[FLW1] who lagged lags", () => {
    const world = new Multicaster({ limits: { window: 4 } });
    world.listening(ALICE, 0);
    world.multicast(1, 4);
    const [link] = world.hibernate() as [RelayLink];
    world.multicast(5, 5);
    world.wait(1000);
    expect(world.take(link)).toEqual(["behind 5"]);
  });
});

describe("[SEC1] a member who leaves", () => {
  test("gets what was written up to then, and nothing after it, on none of the devices", () => {
    const world = new Multicaster();
    const [phone, laptop] = [world.listening(ALICE, 3), world.listening(ALICE, 3, LAPTOP)];
    const bob = world.listening(BOB, 3);
    world.multicast(4, 8, { gone: [{ uid: ALICE, seq: 6 }] });
    world.multicast(9, 9);
    expect([world.take(phone), world.take(laptop)]).toEqual([
      ["4–6", "ended gone 6"],
      ["4–6", "ended gone 6"],
    ]);
    expect(world.take(bob)).toEqual(["4–8", "9–9"]);
  });

  test("goes also when the entry had come before, or the call comes twice", () => {
    const world = new Multicaster();
    const link = world.listening(ALICE, 3);
    world.multicast(4, 8);
    world.multicast(4, 8, { gone: [{ uid: ALICE, seq: 8 }] });
    world.multicast(4, 8, { gone: [{ uid: ALICE, seq: 8 }] });
    expect(world.take(link)).toEqual(["4–8", "ended gone 8"]);
  });

  test("goes after hibernation", () => {
    const world = new Multicaster();
    world.listening(ALICE, 3);
    const [link] = world.hibernate() as [RelayLink];
    world.multicast(4, 8, { gone: [{ uid: ALICE, seq: 6 }] });
    expect(world.take(link)).toEqual(["4–6", "ended gone 6"]);
  });

  test("while being admitted gets no more either", () => {
    const world = new Multicaster();
    const link = world.attach(ALICE, { after: 3 });
    world.multicast(5, 8, { gone: [{ uid: ALICE, seq: 6 }] });
    world.admit(link, 4);
    expect(world.take(link)).toEqual(["4–4", "admitted 4", "5–6", "ended gone 6"]);
  });

  test("and has come back stays, whatever is repeated of the time before", () => {
    const world = new Multicaster();
    const [back, joining] = [world.listening(ALICE, 9), world.attach(BOB, { after: 9 })];
    const gone = [ALICE, BOB].map((uid) => ({ uid, seq: 6 }));
    world.multicast(10, 10, { gone });
    world.admit(joining, 9);
    expect([world.take(back), world.take(joining)]).toEqual([["10–10"], ["admitted 9", "10–10"]]);
  });
});

describe("[ORD2] the end of pull mode", () => {
  test("comes after the entries up to it, and ends all links", () => {
    const world = new Multicaster();
    const [link, joining] = [world.listening(ALICE, 3), world.attach(BOB, { after: 3 })];
    expect(world.multicast(4, 6, { end: 6 })).toEqual({ have: 6, links: 1 });
    world.admit(joining, 4);
    expect(world.take(link)).toEqual(["4–6", "ended push 6"]);
    expect(world.take(joining)).toEqual(["4–4", "admitted 4", "5–6", "ended push 6"]);
    expect(world.relay.links.size).toBe(0);
  });

  test("does not end links that were admitted after it; those admitted at it ask again", () => {
    const world = new Multicaster();
    const [at, after] = [world.listening(ALICE, 6), world.listening(BOB, 7)];
    world.multicast(7, 6, { end: 6 });
    expect([world.take(at), world.take(after)]).toEqual([["ended again 6"], []]);
  });

  test("who lagged is told how far the group is", () => {
    const world = new Multicaster({ limits: { window: 2 } });
    const link = world.listening(ALICE, 0);
    world.multicast(1, 4, { end: 4 });
    expect(world.take(link)).toEqual(["1–2", "behind 4", "ended push 4"]);
  });
});

describe("[FLW1] a device that does not acknowledge", () => {
  test("gets its window, then the head at most once a second, and messages again at half", () => {
    const world = new Multicaster({ limits: { window: 4 } });
    const link = world.listening(ALICE, 0);
    world.multicast(1, 6);
    expect(world.take(link)).toEqual(["1–4"]);
    for (let seq = 7; seq <= 26; seq += 1) {
      world.multicast(seq, seq);
      world.wait(100);
    }
    world.wait(1000);
    expect(world.take(link)).toEqual(["behind 16", "behind 26"]);
    world.up(link, ["ack", 1]);
    world.multicast(27, 27);
    world.up(link, ["ack", 2]);
    world.multicast(28, 28);
    expect(world.take(link)).toEqual(["behind 27", "28–28"]);
  });

  test("what it sent itself takes no room: it is the answer", () => {
    const world = new Multicaster({ limits: { window: 2 } });
    const link = world.listening(ALICE, 0);
    world.multicast(1, 4, { entries: entries(1, 4, { 1: "alice phone", 2: "alice phone", 3: "alice phone" }) });
    expect(world.take(link)[0]).toBe("1–4");
  });

  test("a `read` is an ack", () => {
    const world = new Multicaster({ limits: { window: 2 } });
    const link = world.listening(ALICE, 0);
    world.multicast(1, 2);
    world.up(link, ["read", 2]);
    world.multicast(3, 3);
    expect(world.take(link)).toEqual(["1–2", "3–3"]);
  });
});

describe("[RCP1] watermarks", () => {
  test("of all users go to the conversation in one call, the greatest of each", () => {
    const world = new Multicaster({ groups: { relay_mark_ms: 2000 } });
    const [phone, laptop, bob] = [
      world.listening(ALICE, 0),
      world.listening(ALICE, 0, LAPTOP),
      world.listening(BOB, 0),
    ];
    world.multicast(1, 9);
    world.up(phone, ["ack", 5], ["read", 4]);
    world.wait(1999);
    world.up(laptop, ["read", 3]);
    world.up(bob, ["read", 7], ["ack", 6]);
    expect(world.reports).toEqual([]);
    world.wait(1);
    expect(world.reports).toEqual([
      [
        { user: ALICE, delivered: 5, read: 4 },
        { user: BOB, delivered: 7, read: 7 },
      ],
    ]);
    world.relay.reported(true, world.now);
    expect(world.relay.nextTick()).toBeUndefined();
  });

  test("a report that failed is made again, later each time, with what came meanwhile", () => {
    const world = new Multicaster({ groups: { relay_mark_ms: 2000 } });
    const link = world.listening(ALICE, 0);
    world.multicast(1, 9);
    world.up(link, ["read", 4]);
    const times: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      world.wait((world.relay.nextTick() ?? 0) - world.now);
      times.push(world.now - START);
      world.up(link, ["ack", 5]);
      expect(world.relay.nextTick()).toBeUndefined();
      world.relay.reported(false, world.now);
    }
    expect(times.slice(0, 5)).toEqual([2000, 2375, 3125, 4625, 7625]);
    expect(world.reports.at(-1)).toEqual([{ user: ALICE, delivered: 5, read: 4 }]);
  });

  test("a `read` is told to the user's other devices here, once, and to nobody else", () => {
    const world = new Multicaster();
    const [phone, laptop, bob] = [
      world.listening(ALICE, 0),
      world.listening(ALICE, 0, LAPTOP),
      world.listening(BOB, 0),
    ];
    world.up(phone, ["read", 4], ["read", 4], ["read", 3], ["ack", 9]);
    world.up(laptop, ["read", 4]);
    expect([phone, laptop, bob].map((link) => world.take(link))).toEqual([[], ["receipt"], []]);
  });
});
