import { describe, expect, test } from "vitest";
import { VERSION, welcomed } from "./fixture.ts";
import { A, B, pull, admit, message, answer, relayed, pushed, heads, seqsOf, send, listening } from "./large-groups.ts";

describe("[ORD2] entries of a large group", () => {
  test("come by its relay, and a push-mode group's pass as they are", () => {
    const edge = listening();
    relayed(edge, [5, 6]);
    pushed(edge, 50, B);
    edge.relayed(A, {}, { t: "typing", cid: A, user: "bob", on: true });
    expect(edge.words()).toEqual(["message", "message", "message", "typing"]);
  });

  test("an answer that is early waits for what comes before it, and is given once", () => {
    const edge = listening();
    send(edge, A, 7);
    edge.down({ span: `${A} 7 7`, done: ["message-7"] }, answer(7));
    expect(seqsOf(edge)).toEqual([]);
    edge.relayed(A, { span: `${A} 5 7`, done: ["message-7"] }, message(5), message(6), answer(7));
    expect(edge.words()).toEqual(["message", "message", "sent"]);
    edge.broken();
    edge.wait(100);
    edge.forwarded();
    edge.attached();
    expect(edge.forwarded()).toEqual([]);
  });

  test("a request whose answer is held is asked again over a new link, and answered once", () => {
    const edge = listening();
    send(edge, A, 7);
    edge.down({ span: `${A} 7 7`, done: ["message-7"] }, answer(7));
    edge.broken();
    edge.wait(100);
    edge.forwarded();
    edge.attached();
    expect(edge.forwarded()).toEqual(["send message-7"]);
    edge.down({ span: `${A} 7 7`, done: ["message-7"] }, { ...answer(7), duplicate: true });
    relayed(edge, [5, 6]);
    expect(edge.words()).toEqual(["message", "message", "sent"]);
  });

  test("a gap that does not close is announced: the head is told before what follows it", () => {
    const edge = listening();
    relayed(edge, [7]);
    edge.wait(1999);
    expect(edge.forwarded()).toEqual([]);
    edge.wait(1);
    expect(edge.forwarded()).toEqual([`poll! ${A} 4`]);
    relayed(edge, [8]);
    heads(edge, { [A]: 6 });
    relayed(edge, [9]);
    expect(edge.words()).toEqual(["heads", "message", "message", "message"]);
    edge.wait(60_000 / 4);
    expect(edge.forwarded()).toEqual([]);
  });

  test("what is held meanwhile does not put that off", () => {
    const edge = listening();
    for (let seq = 7; seq < 11; seq += 1) {
      relayed(edge, [seq]);
      edge.wait(500);
    }
    expect(edge.forwarded()).toEqual([`poll! ${A} 4`]);
  });

  test("asking is repeated, ever less often, until the head was told", () => {
    const edge = listening();
    relayed(edge, [7]);
    const times: number[] = [];
    for (let s = 0; s < 40; s += 1) {
      edge.wait(1000);
      edge.client({ t: "ping" });
      if (edge.forwarded().length > 0) times.push(s + 1);
    }
    expect(times).toEqual([2, 4, 8, 16, 32]);
  });

  test("patience begins anew while the gap closes", () => {
    const edge = listening();
    for (let seq = 5; seq < 15; seq += 1) {
      send(edge, A, seq + 1);
      edge.down({ span: `${A} ${seq + 1} ${seq + 1}`, done: [`message-${seq + 1}`] }, answer(seq + 1));
      edge.wait(1500);
      relayed(edge, [seq]);
    }
    expect(edge.forwarded().filter((word) => word.startsWith("poll"))).toEqual([]);
  });

  test("without a relay link that could close it, a gap is announced at once", () => {
    const edge = welcomed({ groups: { relay_links: 0 } });
    pull(edge, { [A]: 4 });
    send(edge, A, 9);
    edge.down({ span: `${A} 9 9`, done: ["message-9"] }, answer(9));
    expect(edge.forwarded()).toEqual(["send message-9", `poll! ${A} 4`]);
    heads(edge, { [A]: 9 });
    expect(edge.words()).toEqual(["heads", "sent"]);
  });

  test("a hole that the relay announces is told before what follows it", () => {
    const edge = welcomed();
    pull(edge, { [A]: 4 });
    admit(edge, A, 900, true);
    expect(edge.forwarded()).toEqual([`poll! ${A} 4`]);
    relayed(edge, [901]);
    expect(edge.words()).toEqual([]);
    heads(edge, { [A]: 901 });
    relayed(edge, [902]);
    expect(edge.words()).toEqual(["heads", "message"]);
  });

  test("is asked for when the link to the user's object is there again, if it was not", () => {
    const edge = listening();
    edge.broken();
    edge.relayControl(A, { do: "behind", head: 8 });
    edge.wait(200);
    expect(edge.forwarded()).toEqual([]);
    edge.attached();
    expect(edge.forwarded()).toEqual([`poll! ${A} 4`]);
  });

  test("too much held is let go of, and announced at once", () => {
    const edge = listening();
    for (let seq = 6; edge.forwarded().length === 0; seq += 1) {
      relayed(edge, [seq]);
      if (seq > 200) throw new Error("everything is held");
    }
    heads(edge, { [A]: 70 });
    relayed(edge, [71]);
    expect(seqsOf(edge)).toEqual([71]);
  });
});

describe("[FLW1] a device that is behind", () => {
  test("is told the head whenever its relay says that the group has moved", () => {
    const edge = listening();
    edge.relayControl(A, { do: "behind", head: 8 });
    expect(edge.forwarded()).toEqual([`poll! ${A} 4`]);
    heads(edge, { [A]: 8 });
    edge.relayControl(A, { do: "behind", head: 12 });
    expect(edge.forwarded()).toEqual([`poll! ${A} 8`]);
    heads(edge, { [A]: 12 });
    relayed(edge, [13]);
    expect(seqsOf(edge)).toEqual([13]);
  });

  test("a relay that cannot know says how far the group is: who has it asks nothing", () => {
    const edge = listening();
    edge.relayControl(A, { do: "head", head: 4 });
    expect(edge.forwarded()).toEqual([]);
    edge.relayControl(A, { do: "head", head: 5 });
    expect(edge.forwarded()).toEqual([`poll! ${A} 4`]);
  });
});

describe("[ORD2] a group that goes to push mode", () => {
  test("is done with at once when the client has all that the relay had to hand", () => {
    const edge = listening();
    relayed(edge, [5]);
    edge.control({ do: "push", cid: A, seq: 5 });
    expect(edge.relays.size).toBe(0);
    pushed(edge, 6);
    expect(seqsOf(edge)).toEqual([5, 6]);
  });

  test("what is pushed waits for the relay's last entries, and so does all that follows on that link", () => {
    const edge = listening();
    edge.control({ do: "push", cid: A, seq: 6 });
    pushed(edge, 7);
    edge.down({ version: VERSION + 8 }, { t: "typing", cid: B, user: "bob", on: true });
    expect(edge.words()).toEqual([]);
    relayed(edge, [5, 6]);
    expect(edge.words()).toEqual(["message", "message", "message", "typing"]);
    expect(edge.relays.size).toBe(0);
  });

  test("the relay may say so first; what is pushed then passes", () => {
    const edge = listening();
    relayed(edge, [5, 6]);
    edge.relayControl(A, { do: "ended", why: "push", seq: 6, relays: 0 });
    expect(edge.relays.size).toBe(0);
    pushed(edge, 7);
    expect(seqsOf(edge)).toEqual([5, 6, 7]);
    edge.control({ do: "push", cid: A, seq: 6 });
    edge.wait(50_000);
    expect([edge.forwarded(), edge.opened]).toEqual([[], []]);
  });

  test("[RES1] and back, before the user's object has heard of it: the group is asked for, and listened to again", () => {
    const edge = listening({ groups: { poll_ms: 10_000 } });
    edge.relayControl(A, { do: "ended", why: "push", seq: 4, relays: 0 });
    edge.wait(10_000);
    expect([edge.forwarded(), edge.opened]).toEqual([[`poll ${A} 4`], []]);
    heads(edge, { [A]: 9 });
    expect(edge.opened).toEqual([`${A} 9`]);
  });

  test("what the relay does not hand any more is announced", () => {
    const edge = listening();
    edge.relayControl(A, { do: "ended", why: "push", seq: 6, relays: 0 });
    expect(edge.forwarded()).toEqual([`poll! ${A} 4`]);
    heads(edge, { [A]: 6 });
    pushed(edge, 7);
    expect(edge.words()).toEqual(["heads", "message"]);
  });

  test("[RES1] or, when pushed entries wait for it, the link is made anew from the version before them", () => {
    const edge = listening();
    edge.down({ version: VERSION + 1 }, { t: "typing", cid: B, user: "bob", on: true });
    edge.control({ do: "push", cid: A, seq: 6 });
    pushed(edge, 7);
    pushed(edge, 70, B);
    edge.wait(2000);
    expect([edge.unlinked, edge.forwarded()]).toEqual([1, []]);
    edge.wait(100);
    expect(edge.links).toMatchObject([{ since: VERSION + 1, again: true }]);
    edge.attached();
    pull(edge, {});
    pushed(edge, 8);
    expect(edge.words()).toEqual(["typing", "message"]);
  });

  test("[RES1] what the relay still had to hand is not forgotten when the link to the user's object breaks", () => {
    const edge = listening();
    edge.control({ do: "push", cid: A, seq: 5 });
    edge.broken();
    edge.wait(100);
    edge.attached();
    pull(edge, {});
    edge.wait(2000);
    expect(edge.forwarded()).toEqual([`poll! ${A} 4`]);
    heads(edge, { [A]: 5 });
    // Pushed late: the client was told of it.
    pushed(edge, 5);
    pushed(edge, 6);
    expect(seqsOf(edge)).toEqual([6]);
  });

  test("a request that was asked twice is answered twice, and no more", () => {
    const edge = welcomed();
    send(edge, A, 7);
    send(edge, A, 7);
    for (let i = 0; i < 3; i += 1) edge.down({ span: `${A} 7 7`, done: ["message-7"] }, answer(7));
    expect(edge.words()).toEqual(["sent", "sent"]);
  });

  test("the watermarks of the last seconds go the other way, as the relay may be gone", () => {
    const edge = listening();
    relayed(edge, [5, 6]);
    edge.client({ t: "read", cid: A, seq: 6 });
    edge.wait(100);
    edge.control({ do: "push", cid: A, seq: 6 });
    edge.wait(100);
    expect([edge.relayUps, edge.forwarded()]).toEqual([[`read ${A} 6`], [`read ${A} 6`]]);
  });

  test("and back: the relay goes on from where the client is", () => {
    const edge = listening();
    edge.control({ do: "push", cid: A, seq: 4 });
    pushed(edge, 5);
    pull(edge, { [A]: 5 }, false);
    expect(edge.opened).toEqual([`${A} 5`]);
    relayed(edge, [6]);
    expect(seqsOf(edge)).toEqual([5, 6]);
  });
});
