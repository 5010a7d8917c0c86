import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ack, Edge, send, sent, START, VERSION, welcomed, wordsOf } from "./fixture.ts";
import { history } from "../../support/arbitraries.ts";

/** Waits until the next link is asked for; how long that took, ms. Undefined when the client was sent away instead. */
function untilLink(edge: Edge): number | undefined {
  const from = edge.now;
  while (edge.links.length === 0 && edge.closed === undefined && edge.now < from + 120_000) edge.wait(1);
  return edge.links.length === 0 ? undefined : edge.now - from;
}

describe("[RES1] a link that breaks", () => {
  test("is made anew, and the client notices nothing", () => {
    const edge = welcomed();
    edge.broken();
    untilLink(edge);
    expect(edge.links).toMatchObject([
      { session: "session-1", device: "phone", started: START, again: true, since: VERSION },
    ]);
    edge.attached();
    edge.client(send(1));
    expect([edge.words(), edge.closed, edge.forwarded()]).toEqual([[], undefined, ["send message-1"]]);
  });

  test("is tried again after growing waits, for half a minute; then the client is sent away", () => {
    const edge = welcomed({}, {}, 0.99);
    const from = edge.now;
    edge.broken();
    const waits: number[] = [];
    for (;;) {
      const wait = untilLink(edge);
      if (wait === undefined) break;
      waits.push(wait);
      edge.links = [];
      edge.client({ t: "ping" });
      edge.take();
      edge.broken();
    }
    expect(waits.slice(0, 8)).toEqual([50, 100, 199, 398, 796, 1592, 3184, 4975]);
    expect(edge.now - from).toBeGreaterThanOrEqual(30_000);
    expect(edge.now - from).toBeLessThan(36_000);
    expect(edge.take()).toMatchObject([{ t: "goaway", reason: "restart" }]);
    expect(edge.closed?.code).toBe(1012);
  });

  test("is given up in time also when the new one neither opens nor fails", () => {
    const edge = welcomed();
    edge.broken();
    untilLink(edge);
    for (let i = 0; i < 40; i += 1) {
      edge.wait(1000);
      if (edge.closed === undefined) edge.client({ t: "ping" });
    }
    expect(edge.closed?.code).toBe(1012);
    expect(edge.words().at(-1)).toBe("goaway");
  });

  test("the first link has as long, and no longer", () => {
    const edge = new Edge();
    edge.hello();
    edge.authenticated();
    for (let i = 0; i < 40; i += 1) {
      edge.wait(1000);
      if (edge.closed === undefined) edge.client({ t: "ping" });
    }
    expect([edge.closed?.code, edge.words().at(-1)]).toEqual([1012, "goaway"]);
  });

  test("that could not be opened the first time is tried again as the first", () => {
    const edge = new Edge();
    edge.hello({ since: 5 });
    edge.authenticated();
    edge.broken();
    edge.links = [];
    untilLink(edge);
    expect(edge.links).toMatchObject([{ again: false, since: 5 }]);
    edge.attached();
    expect(edge.words()).toEqual(["welcome"]);
  });

  test("breaks again as a new break: the time to mend it begins anew", () => {
    const edge = welcomed();
    for (let i = 0; i < 10; i += 1) {
      edge.broken();
      expect(untilLink(edge)).toBeLessThan(100);
      edge.links = [];
      edge.attached();
      edge.wait(10_000);
      edge.client({ t: "ping" });
    }
    expect(edge.closed).toBeUndefined();
  });

  test("is announced twice and counts once", () => {
    const edge = welcomed();
    edge.broken();
    edge.broken();
    untilLink(edge);
    edge.wait(10_000);
    expect(edge.links).toHaveLength(1);
  });

  test("asks for what came after what the client was told", () => {
    const edge = welcomed();
    edge.down({ version: VERSION + 5, seen: "d.alice.bob 7" }, { t: "synced", version: VERSION + 5 });
    edge.down({ version: 0 }, sent(1));
    edge.down({ version: VERSION + 3 }, sent(2));
    edge.broken();
    untilLink(edge);
    expect(edge.links).toMatchObject([{ since: VERSION + 5, seen: { "d.alice.bob": 7 } }]);
  });

  test("[ORD2] says all that the client had, although the object died and was told some of it again", () => {
    const edge = welcomed();
    edge.down({ version: VERSION + 5, seen: "d.alice.bob 7" });
    edge.broken();
    untilLink(edge);
    edge.links = [];
    edge.attached();
    // It lost 5 to 7, and learns them again in two steps.
    edge.down({ version: VERSION + 8, seen: "d.alice.bob 6" });
    edge.broken();
    untilLink(edge);
    expect(edge.links).toMatchObject([{ seen: { "d.alice.bob": 7 } }]);
  });

  test("before the heads that hello asked for had all come, they are asked for again, with their end", () => {
    const edge = welcomed({}, { since: 5 });
    edge.broken();
    untilLink(edge);
    expect(edge.links).toMatchObject([{ since: 5, again: false }]);
    edge.links = [];
    edge.attached();
    expect(edge.words()).toEqual([]);
    edge.down({ version: 9, done: ["="] }, { t: "synced", version: 9 });
    edge.broken();
    untilLink(edge);
    expect(edge.links).toMatchObject([{ since: 9, again: true }]);
  });
});

describe("[RES1] what a new link is told again", () => {
  test("requests without an answer, in their order; none that was answered", () => {
    const edge = welcomed();
    edge.client([send(1), send(2), { t: "pull", req: "r1", cid: "d.alice.bob" }, { ...send(3), qos: 0 }]);
    edge.client([
      { t: "release", ids: ["message-9"] },
      { t: "sync", req: 1, since: 0 },
    ]);
    edge.down({ done: ["message-1", '="r1"'] }, sent(1));
    edge.forwarded();
    edge.broken();
    edge.client([send(4), { t: "pull", req: "r2", cid: "d.alice.bob" }]);
    expect(edge.forwarded()).toEqual([]);
    untilLink(edge);
    edge.attached();
    expect(edge.forwarded()).toEqual(["send message-2", "release", "sync 1", "send message-4", "pull r2"]);
    edge.down({ done: ["message-2", "message-4", "=r=message-9", "=1", '="r2"'] }, sent(2));
    edge.broken();
    edge.links = [];
    untilLink(edge);
    edge.attached();
    expect(edge.forwarded()).toEqual([]);
  });

  test("whom it watches, and frames without an answer that came meanwhile", () => {
    const edge = welcomed();
    edge.client([
      { t: "watch", users: ["bob", "carol"] },
      { t: "unwatch", users: ["bob"] },
    ]);
    edge.broken();
    edge.forwarded();
    edge.client({ t: "typing", cid: "d.alice.bob", on: true });
    untilLink(edge);
    edge.attached();
    expect(edge.forwarded()).toEqual(["watch carol", "typing"]);
  });

  test("the watermarks of the last seconds before the break: the newest of each sort and chat", () => {
    const edge = welcomed();
    edge.client(ack(1, "d.alice.carol"));
    edge.wait(6000);
    edge.client([ack(1), ack(2), { t: "read", cid: "d.alice.bob", seq: 1 }]);
    edge.wait(1000);
    edge.forwarded();
    edge.broken();
    untilLink(edge);
    edge.attached();
    expect(edge.forwarded().toSorted()).toEqual(["ack d.alice.bob 2", "read d.alice.bob 1"]);
  });

  test("also when mending takes longer than those seconds", () => {
    const edge = welcomed();
    edge.client(ack(2));
    edge.wait(1000);
    edge.forwarded();
    edge.broken();
    untilLink(edge);
    edge.wait(8000);
    edge.broken();
    edge.links = [];
    untilLink(edge);
    edge.attached();
    expect(edge.forwarded()).toEqual(["ack d.alice.bob 2"]);
  });

  test("and again over the next one, when the new link breaks soon", () => {
    const edge = welcomed();
    edge.client(ack(2));
    edge.broken();
    untilLink(edge);
    edge.wait(8000);
    edge.attached();
    edge.wait(1000);
    edge.forwarded();
    edge.links = [];
    edge.broken();
    untilLink(edge);
    edge.attached();
    expect(edge.forwarded()).toEqual(["ack d.alice.bob 2"]);
  });

  test("watermarks that came while there was none, however long ago and of however many chats", () => {
    const edge = welcomed();
    edge.broken();
    const expected: string[] = [];
    for (let n = 0; n < 100; n += 1) {
      edge.client({ t: "read", cid: `d.alice.u${n}`, seq: 1 });
      expected.push(`read d.alice.u${n} 1`);
      if (n === 0) edge.wait(10);
    }
    untilLink(edge);
    edge.wait(8000);
    edge.attached();
    expect(edge.forwarded()).toEqual(expected);
  });

  test("in batches that the object takes", () => {
    const edge = welcomed({ limits: { rate: 1e6, burst: 1e6 } });
    edge.broken();
    for (let n = 0; n < 300; n += 1) edge.client(send(n));
    untilLink(edge);
    edge.attached();
    expect(edge.ups.map((batch) => batch.length)).toEqual([128, 128, 44]);
  });
});

describe("any weather", () => {
  type Act = "send" | "answer" | "break" | "link" | "fail" | "wait";
  const act = fc.constantFrom<Act>("send", "send", "answer", "break", "link", "fail", "wait");

  test("[RES1] every request reaches the object over the last link, in the order of the client, until it is answered", () => {
    fc.assert(
      fc.property(history(act, 60), fc.double({ min: 0, max: 0.99, noNaN: true }), (acts, chance) => {
        const edge = welcomed({ timeouts: { reattach_ms: 10_000_000 } }, {}, chance);
        let [linked, sends] = [true, 0];
        const open: string[] = [];
        /** Over the link that stands. */
        const received: string[] = [];
        const collect = (): void => {
          const words = edge.ups.splice(0).flat().map(wordsOf);
          if (linked) received.push(...words.filter((word) => !received.includes(word)));
          else expect(words).toEqual([]);
        };
        for (const one of acts) {
          if (one === "send") {
            sends += 1;
            edge.client(send(sends));
            open.push(`send message-${sends}`);
          } else if (one === "answer") {
            const id = open.find((word) => linked && received.includes(word))?.slice("send ".length);
            if (id !== undefined) {
              edge.down({ done: [id] }, sent(Number(id.slice("message-".length))));
              open.shift();
            }
          } else if (one === "break" && linked) {
            linked = false;
            received.length = 0;
            edge.broken();
          } else if (!linked && (one === "link" || one === "fail")) {
            if (untilLink(edge) === undefined) throw new Error("no link is asked for");
            edge.links = [];
            if (one === "fail") edge.broken();
            else {
              linked = true;
              edge.attached();
            }
          } else if (one === "wait") edge.wait(1000);
          collect();
          if (edge.words().includes("error")) throw new Error("refused");
          edge.client({ t: "ping" });
          if (linked) expect(received.filter((word) => open.includes(word))).toEqual(open);
        }
        expect(edge.closed).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });
});
