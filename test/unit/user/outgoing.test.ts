import { describe, expect, test } from "vitest";
import { Outgoing, type Item } from "../../../src/durable-objects/user/outgoing.ts";
import type { Draft, Entry } from "../../../src/durable-objects/rpc.ts";
import type { Cid } from "../../../src/protocol/ids.ts";

const CHAT = "d.alice.bob" as Cid;
const OTHER = "d.alice.carol" as Cid;

function item(id: string, change: Partial<Item> = {}): Item {
  const draft: Draft = { id, device: "phone" as Draft["device"], kind: "text", body: "{}", priority: 1, qos: 1 };
  return { draft, session: "s1", cid: CHAT, deadline: 1000, answered: false, ...change };
}

function entry(id: string): Entry {
  return { seq: 1, id, from: "alice" as Entry["from"], ts: 0, kind: "text", body: "{}", priority: 1, count: 1 };
}

const ids = (drafts: readonly Draft[] | undefined): string[] | undefined => drafts?.map(({ id }) => id);

describe("drafts on their way", () => {
  test("are answered once per time they were sent, in their order", () => {
    const outgoing = new Outgoing();
    for (const one of [item("message-1"), item("message-2"), item("message-1", { session: "s2" })]) outgoing.add(one);
    expect(ids(outgoing.start(CHAT, 0))).toEqual(["message-1", "message-2", "message-1"]);
    const results = [
      { id: "message-1", seq: 1, ts: 0 },
      { id: "message-2", seq: 2, ts: 0 },
      { id: "message-1", seq: 1, ts: 0, duplicate: true as const },
    ];
    const open = outgoing.done(CHAT, results).map(({ item: one, result }) => [one.session, result]);
    expect(open).toEqual([
      ["s1", results[0]],
      ["s1", results[1]],
      ["s2", results[2]],
    ]);
    expect(outgoing.done(CHAT, [])).toEqual([]);
  });

  test("an entry that comes before the answer is claimed once, and not answered again", () => {
    const outgoing = new Outgoing();
    const [first, second] = [item("message-1"), item("message-1", { session: "s2" })];
    expect(outgoing.claim(CHAT, entry("message-1"))).toBeUndefined();
    outgoing.add(first);
    outgoing.add(second);
    outgoing.start(CHAT, 0);
    expect(outgoing.claim(OTHER, entry("message-1"))).toBeUndefined();
    expect(outgoing.claim(CHAT, entry("message-9"))).toBeUndefined();
    expect(outgoing.claim(CHAT, entry("message-1"))).toBe(first);
    expect(outgoing.claim(CHAT, entry("message-1"))).toBe(second);
    expect(outgoing.claim(CHAT, entry("message-1"))).toBeUndefined();
    const result = { id: "message-1", seq: 1, ts: 0 };
    expect(outgoing.done(CHAT, [result, result])).toEqual([]);
  });

  test("a failed call is made again with the same ids, also those that were answered meanwhile", () => {
    const outgoing = new Outgoing();
    outgoing.add(item("message-1"));
    outgoing.add(item("message-2"));
    outgoing.start(CHAT, 0);
    outgoing.claim(CHAT, entry("message-1"));
    outgoing.failed(CHAT, 0, 0);
    const due = outgoing.nextDue() ?? 0;
    expect([due > 0, outgoing.due(due - 1), outgoing.due(due)]).toEqual([true, [], [CHAT]]);
    expect(ids(outgoing.start(CHAT, due))).toEqual(["message-1", "message-2"]);
    const results = ["message-1", "message-2"].map((id, i) => ({ id, seq: i + 1, ts: 0 }));
    expect(outgoing.done(CHAT, results).map(({ item: one }) => one.draft.id)).toEqual(["message-2"]);
  });

  test("past their deadline they leave their lane, unless they are in flight or answered", () => {
    const outgoing = new Outgoing();
    const [answered, flying, late, early] = [
      item("message-1", { deadline: 10 }),
      item("message-2", { deadline: 10, cid: OTHER }),
      item("message-3", { deadline: 10 }),
      item("message-4", { deadline: 99 }),
    ];
    for (const one of [answered, flying, late, early]) outgoing.add(one);
    outgoing.start(CHAT, 0);
    outgoing.claim(CHAT, entry("message-1"));
    outgoing.failed(CHAT, 0, 0);
    outgoing.start(OTHER, 0);
    expect(outgoing.expired(9)).toEqual([]);
    expect(outgoing.expired(10)).toEqual([late]);
    expect(ids(outgoing.start(CHAT, 1000))).toEqual(["message-4"]);
  });

  test("a call takes at most 128, the rest follows", () => {
    const outgoing = new Outgoing();
    for (let n = 0; n < 200; n += 1) outgoing.add(item(`message-${n}`));
    expect(outgoing.start(CHAT, 0)?.length).toBe(128);
    outgoing.done(CHAT, []);
    expect(outgoing.start(CHAT, 0)?.[0]?.id).toBe("message-128");
  });

  test("too many of them are refused for now", () => {
    const outgoing = new Outgoing();
    let refusal = outgoing.add(item("message-0"));
    let taken = 0;
    while (refusal === undefined) {
      taken += 1;
      refusal = outgoing.add(item(`message-${taken}`, { cid: taken % 2 === 0 ? CHAT : OTHER }));
    }
    expect(taken).toBe(20_000);
    expect(refusal).toMatchObject({ code: "overloaded", retryAfter: 1000 });
    outgoing.start(CHAT, 0);
    outgoing.done(CHAT, []);
    expect(outgoing.add(item("message-x"))).toBeUndefined();
  });
});
