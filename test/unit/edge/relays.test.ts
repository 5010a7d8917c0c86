import { describe, expect, test } from "vitest";
import { welcomed } from "./fixture.ts";
import {
  A,
  B,
  C,
  D,
  TWO,
  LINK,
  pull,
  admit,
  relayed,
  heads,
  seqsOf,
  send,
  listening,
  untilOpened,
} from "./large-groups.ts";

describe("relay links", () => {
  test("the groups used last have one; it begins where the client is", () => {
    const edge = welcomed(TWO);
    pull(edge, { [A]: 4, [B]: 7, [C]: 9 });
    expect([...edge.relays.values()]).toEqual([
      { ...LINK, cid: A, after: 4 },
      { ...LINK, cid: B, after: 7 },
    ]);
  });

  test("who uses another group gets one for it, and the one used least loses its", () => {
    const edge = welcomed(TWO);
    pull(edge, { [A]: 4, [B]: 7, [C]: 9 });
    edge.wait(3000);
    send(edge, C);
    expect([...edge.relays.keys()]).toEqual([A, C]);
    edge.wait(3000);
    edge.client({ t: "pull", req: 1, cid: B });
    expect([...edge.relays.keys()]).toEqual([C, B]);
  });

  test("acknowledging and typing are use, but no reason for a link", () => {
    const edge = welcomed(TWO);
    pull(edge, { [A]: 4, [B]: 7, [C]: 9 });
    edge.wait(3000);
    edge.client([
      { t: "ack", cid: B, seq: 7 },
      { t: "typing", cid: C, on: true },
    ]);
    expect([...edge.relays.keys()]).toEqual([A, B]);
    // B was acknowledged after A was used: A gives way.
    edge.client({ t: "read", cid: C, seq: 9 });
    expect([...edge.relays.keys()]).toEqual([B, C]);
  });

  test("groups used in turn do not take each other's links faster than every two seconds", () => {
    const edge = welcomed(TWO);
    pull(edge, { [A]: 4, [B]: 7, [C]: 9 });
    for (let turn = 0; turn < 30; turn += 1) {
      edge.client({ t: "pull", req: turn, cid: [A, B, C][turn % 3] });
      edge.wait(100);
    }
    expect(edge.opened.length).toBeLessThanOrEqual(2 + 2);
    edge.wait(3000);
    expect([...edge.relays.keys()].toSorted()).toEqual([A, C, B].filter((cid) => cid !== A).toSorted());
  });

  test("a link that becomes free goes to the group used last of those without", () => {
    const edge = welcomed(TWO);
    pull(edge, { [A]: 4, [B]: 7, [C]: 9, [D]: 1 });
    edge.control({ do: "left", cid: A });
    expect([...edge.relays.keys()]).toEqual([B, C]);
  });

  test("the list after a new link to the user's object is the whole truth; what is known here stands", () => {
    const edge = listening(TWO);
    pull(edge, { [B]: 7 }, false);
    relayed(edge, [5, 6]);
    edge.broken();
    edge.wait(100);
    edge.attached();
    pull(edge, { [A]: 5, [C]: 1 });
    expect([...edge.relays.keys()].toSorted()).toEqual([A, C]);
    relayed(edge, [6, 7]);
    expect(seqsOf(edge)).toEqual([5, 6, 7]);
  });

  test("none is configured: none is opened, and all groups are asked for", () => {
    const edge = welcomed({ groups: { relay_links: 0, poll_ms: 10_000 } });
    pull(edge, { [A]: 4 });
    send(edge, A);
    edge.forwarded();
    edge.wait(10_000);
    expect([edge.opened, edge.forwarded()]).toEqual([[], [`poll ${A} 4`]]);
  });

  test("every opening counts against what an invocation may do: then the client comes back", () => {
    const edge = listening();
    let openings = 0;
    while (edge.closed === undefined && openings < 10_000) {
      edge.relayBroken(A);
      untilOpened(edge);
      admit(edge, A, 4);
      edge.opened = [];
      openings += 1;
    }
    expect([edge.closed?.code, openings > 4900 && openings < 5001]).toEqual([1012, true]);
    expect(edge.relays.size).toBe(0);
  });
});

describe("[RES1] a relay link that breaks", () => {
  test("is made anew from where the client is, after growing waits, for ever", () => {
    const edge = listening();
    relayed(edge, [5, 6]);
    const waits: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      edge.relayBroken(A);
      waits.push(untilOpened(edge));
      expect(edge.opened.splice(0)).toEqual([`${A} 6`]);
    }
    expect(waits.slice(0, 4)).toEqual([38, 75, 150, 300]);
    expect(waits.at(-1)).toBe(3750);
    admit(edge, A, 6);
    edge.relayBroken(A);
    expect(untilOpened(edge)).toBe(38);
  });

  test("or neither opens nor fails, is given up and tried again", () => {
    const edge = welcomed();
    pull(edge, { [A]: 4 });
    edge.opened = [];
    expect(untilOpened(edge)).toBeGreaterThan(9000);
    expect(edge.relays.size).toBe(1);
  });

  test("costs the client nothing: what came twice goes once", () => {
    const edge = listening();
    relayed(edge, [5, 6]);
    edge.relayBroken(A);
    untilOpened(edge);
    relayed(edge, [6, 7, 8]);
    admit(edge, A, 8);
    relayed(edge, [9]);
    edge.wait(5000);
    expect([edge.forwarded(), edge.relays.size]).toEqual([[], 1]);
  });

  test("is told the watermarks of the last seconds again, and those only", () => {
    const edge = listening();
    relayed(edge, [5, 6]);
    edge.client([
      { t: "ack", cid: A, seq: 5 },
      { t: "read", cid: A, seq: 6 },
    ]);
    edge.wait(4000);
    expect(edge.relayUps.splice(0)).toEqual([`read ${A} 6`]);
    edge.relayBroken(A);
    untilOpened(edge);
    admit(edge, A, 6);
    edge.wait(100);
    expect(edge.relayUps.splice(0)).toEqual([`read ${A} 6`]);
    edge.wait(13_000);
    edge.opened = [];
    edge.relayBroken(A);
    untilOpened(edge);
    admit(edge, A, 6);
    edge.wait(3000);
    expect(edge.relayUps).toEqual([]);
  });
});

describe("a relay link that the relay ends", () => {
  test("`again`: is made anew", () => {
    const edge = listening();
    edge.relayControl(A, { do: "ended", why: "again", seq: 4, relays: 0 });
    expect(untilOpened(edge)).toBe(38);
  });

  test("`stale`: is made anew by a fresh table, and not in a loop", () => {
    const edge = listening();
    const waits: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      edge.opened = [];
      // First of its number of relays, then of a table: another number alone is no reason to fetch that.
      edge.relayControl(A, { do: "ended", why: "stale", seq: 4, relays: 5 });
      waits.push(untilOpened(edge));
      expect(edge.relays.get(A)).toMatchObject({ relays: 5, node: 4, epoch: 1 + i });
    }
    expect(waits).toEqual([38, 75, 150, 300, 600]);
  });

  test("[SEC1] `left` by the user's object: nothing of the group is kept or asked", () => {
    const edge = listening();
    relayed(edge, [6]);
    edge.control({ do: "left", cid: A });
    edge.opened = [];
    edge.wait(50_000);
    expect([edge.relays.size, edge.opened, edge.forwarded(), seqsOf(edge)]).toEqual([0, [], [], []]);
  });

  test("[SEC1] `gone`: nothing is kept, and the user's object is asked whether that is its last word", () => {
    const edge = listening();
    relayed(edge, [6]);
    edge.relayControl(A, { do: "ended", why: "gone", seq: 6, relays: 0 });
    edge.opened = [];
    edge.wait(5000);
    expect([edge.relays.size, edge.opened, seqsOf(edge)]).toEqual([0, [], []]);
    expect(edge.forwarded()[0]).toBe(`poll! ${A} 4`);
    edge.control({ do: "left", cid: A });
    edge.forwarded();
    edge.wait(50_000);
    expect([edge.relays.size, edge.opened, edge.forwarded()]).toEqual([0, [], []]);
  });

  test("[RES1] `gone` of a membership that another has followed: the head that is told opens the group again", () => {
    const edge = listening();
    edge.relayControl(A, { do: "ended", why: "gone", seq: 6, relays: 0 });
    heads(edge, { [A]: 9 });
    edge.wait(100);
    expect(edge.relays.get(A)).toMatchObject({ after: 9 });
  });
});

describe("watermarks of a large group", () => {
  test("go over its relay link, `ack` with company, `read` soon; what the client cannot have, the other way", () => {
    const edge = listening({ groups: { relay_mark_ms: 2000 } });
    relayed(edge, [5, 6, 7]);
    edge.client({ t: "read", cid: A, seq: 5 });
    expect(edge.relayUps.splice(0)).toEqual([`read ${A} 5`]);
    edge.client({ t: "ack", cid: A, seq: 6 });
    edge.wait(500);
    edge.client({ t: "ack", cid: A, seq: 7 });
    edge.wait(499);
    expect(edge.relayUps).toEqual([]);
    edge.wait(1);
    expect(edge.relayUps.splice(0)).toEqual([`ack ${A} 7`]);
    edge.client({ t: "ack", cid: A, seq: 8 });
    expect([edge.relayUps, edge.forwarded()]).toEqual([[], [`ack ${A} 8`]]);
  });

  test("[FLW1] an ack does not wait when it is for much", () => {
    const edge = listening({ limits: { window: 8 } });
    relayed(edge, [5, 6]);
    edge.client({ t: "read", cid: A, seq: 4 });
    edge.relayUps = [];
    edge.client({ t: "ack", cid: A, seq: 6 });
    expect(edge.relayUps).toEqual([`ack ${A} 6`]);
  });

  test("that wait still go when the link gives way or the session ends", () => {
    const edge = listening({ groups: { relay_links: 1 } });
    relayed(edge, [5]);
    edge.client({ t: "read", cid: A, seq: 4 });
    edge.client({ t: "ack", cid: A, seq: 5 });
    edge.session.gone();
    expect(edge.relayUps).toEqual([`read ${A} 4`, `ack ${A} 5`]);
    expect(edge.relays.size).toBe(0);
  });

  test("go to the user's object while there is no relay link", () => {
    const edge = listening();
    edge.relayBroken(A);
    edge.client({ t: "read", cid: A, seq: 4 });
    expect(edge.forwarded()).toEqual([`read ${A} 4`]);
  });
});

describe("groups without a relay link", () => {
  test("are asked for all in one, every so often, and the others are not", () => {
    const edge = welcomed(TWO, {}, 0.5);
    pull(edge, { [A]: 4, [B]: 7, [C]: 9, [D]: 2 });
    admit(edge, A, 4);
    admit(edge, B, 7);
    edge.wait(9999);
    expect(edge.forwarded()).toEqual([]);
    edge.wait(1);
    expect(edge.forwarded()).toEqual([`poll ${D} 2 ${C} 9`]);
    heads(edge, { [C]: 12, [D]: 5 });
    edge.wait(10_000);
    expect(edge.forwarded()).toEqual([`poll ${D} 5 ${C} 12`]);
    edge.control({ do: "left", cid: C });
    edge.control({ do: "left", cid: D });
    edge.client({ t: "ping" });
    edge.wait(50_000);
    expect(edge.forwarded()).toEqual([]);
  });

  test.each([
    [0, 5000],
    [0.99, 14_900],
  ])("each session at a time of its own (%d)", (chance, first) => {
    const edge = welcomed({ groups: { relay_links: 0, poll_ms: 10_000 } }, {}, chance);
    pull(edge, { [A]: 4 });
    edge.wait(first - 1);
    expect(edge.forwarded()).toEqual([]);
    edge.wait(1);
    expect(edge.forwarded()).toHaveLength(1);
  });

  test("a session without large groups sets no timer for them", () => {
    const edge = welcomed();
    const before = edge.session.nextTick();
    pull(edge, {});
    expect(edge.session.nextTick()).toBe(before);
  });
});
