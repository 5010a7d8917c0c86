import { describe, expect, test } from "vitest";
import type { GroupHead, Membership } from "../../../src/durable-objects/group-rpc.ts";
import type { PushCall } from "../../../src/durable-objects/rpc.ts";
import type { Cid } from "../../../src/protocol/ids.ts";
import { makeEntries } from "../../support/arbitraries.ts";
import { accepted, Alice, ALICE, BOB, send, START } from "./fixture.ts";

const GROUP = "g.01jd8z6v9g0000000000000001" as Cid;

/** What bob's group says of alice, who joined behind entry 10. */
function told(change: Partial<Membership> = {}): Membership {
  const marks = { delivered: 10, read: 10, readCount: 7 };
  return { at: 12, name: "Crew", mode: "push", relays: 1, first: 11, base: { seq: 10, count: 7 }, marks, ...change };
}

/** A push of bob's entries, `first` to `last`, each countable. */
function push(first: number, last: number, membership: Membership, change: Partial<PushCall> = {}): PushCall {
  const count = last - first + 1;
  const entries =
    count > 0
      ? makeEntries(
          Array.from({ length: count }, () => ({ from: BOB })),
          first,
          first - 4,
        )
      : [];
  return { cid: GROUP, entries, settle: false, skip: false, membership, ...change };
}

function member(membership = told()): { alice: Alice; phone: ReturnType<Alice["connect"]> } {
  const alice = new Alice();
  const phone = alice.connect("phone");
  phone.take();
  alice.user.push(push(11, 12, membership), alice.now);
  return { alice, phone };
}

function headOf(change: Partial<GroupHead> = {}): GroupHead {
  const marks = { delivered: 10, read: 10, readCount: 7 };
  return { head: 40, count: 37, ...marks, name: "Crew", mode: "pull", relays: 2, ...change };
}

describe("joining", () => {
  test("[SEC1] a new group begins behind its base: a head first, then the entries, and no hole", () => {
    const { alice, phone } = member();
    expect(phone.words()).toEqual([`heads ${GROUP}:10/0`, "message 11 of bob", "message 12 of bob"]);
    expect(alice.head(GROUP)).toMatchObject({ first: 11, name: "Crew", unread: 2, read: 10, mode: "push" });
  });

  test("entries on two ways say which they are", () => {
    const { phone } = member();
    expect(phone.notes.map(({ span }) => span)).toEqual([`${GROUP} 0 10`, `${GROUP} 11 12`]);
    expect(phone.notes.at(-1)?.version).toBeGreaterThan(0);
  });

  test("[SEC1] the end: what was before it, then a head that says so, and nothing is taken for a part in it", () => {
    const { alice, phone } = member();
    phone.take();
    alice.user.push(push(13, 13, told({ left: 13 })), alice.now);
    expect(phone.words()).toEqual(["message 13 of bob", `heads ${GROUP}:13/3`]);
    expect(alice.head(GROUP).left).toBe(true);
    expect(phone.controls.at(-1)).toEqual({ do: "left", cid: GROUP });
    for (const frame of [send("message-1", { to: GROUP as never }), { t: "ack", cid: GROUP, seq: 12 } as const]) {
      alice.up(phone, frame);
      expect(phone.words()).toEqual([expect.stringContaining("error not_member")]);
    }
    // Only who was away learns of it; who begins anew has never heard of the group.
    const tablet = alice.connect("tablet", { since: 0 });
    expect(tablet.words()).toEqual(["synced undefined"]);
  });

  test("who comes back begins behind a new base, and what was before is gone from the list", () => {
    const { alice, phone } = member();
    alice.user.push(push(13, 13, told({ left: 13 })), alice.now);
    phone.take();
    const marks = { delivered: 20, read: 20, readCount: 17 };
    alice.user.push(push(21, 21, told({ base: { seq: 20, count: 17 }, first: 21, marks })), alice.now);
    expect(phone.words()).toEqual([`heads ${GROUP}:20/0`, "message 21 of bob"]);
    expect(alice.head(GROUP)).toMatchObject({ first: 21, unread: 1 });
    expect(alice.head(GROUP).left).toBeUndefined();
  });

  test("[DUR3] what is said of the membership counts as taken when it is on disk", () => {
    const { alice } = member();
    alice.wait(2000);
    const notice = push(13, 12, told({ name: "Crew of two" }), { settle: true });
    expect(alice.user.push(notice, alice.now)).toMatchObject({ have: 12, taken: 11 });
    alice.wait(2000);
    expect(alice.user.taken(notice)).toMatchObject({ have: 12, taken: 12 });
  });
});

describe("pull mode", () => {
  function large(): { alice: Alice; phone: ReturnType<Alice["connect"]> } {
    const { alice, phone } = member();
    alice.user.push(push(13, 13, told({ mode: "pull", relays: 2 })), alice.now);
    phone.take();
    return { alice, phone };
  }

  test("[ORD2] the edge is told after the last entry that was pushed", () => {
    const { phone } = large();
    expect(phone.controls.at(-1)).toEqual({
      do: "pull",
      groups: [{ cid: GROUP, seq: 13, relays: 2 }],
      whole: false,
    });
  });

  test("own sends are answered here; their entries come by relays", () => {
    const { alice, phone } = large();
    alice.up(phone, send("message-1", { to: GROUP as never }));
    const { drafts, answer } = alice.call("append");
    answer({ ...accepted(drafts, 20), entries: [], pull: true }, alice.now);
    expect(phone.words()).toEqual(["sent message-1 20"]);
    expect(phone.notes.at(-1)).toMatchObject({ done: ["message-1"], span: `${GROUP} 20 20`, version: 0 });
  });

  test("[RES1] a device that comes back is told the head as the group says it is, then `synced`", () => {
    const { alice } = large();
    const tablet = alice.connect("tablet", { since: alice.user.heads.version });
    expect(tablet.words()).toEqual([]);
    alice.call("headOf").answer({ ok: true, value: headOf() }, alice.now);
    expect(tablet.words()).toEqual([`heads ${GROUP}:40/30`, "synced undefined"]);
    expect(tablet.controls.at(-1)).toEqual({ do: "pull", groups: [{ cid: GROUP, seq: 40, relays: 2 }], whole: true });
  });

  test("an edge that asks is told what has moved beyond its client, or everything", () => {
    const { alice, phone } = large();
    const ask = (seq: number, must: boolean): void => {
      alice.up(phone, { t: "poll", cids: [GROUP], seqs: [seq], must });
      alice.call("headOf").answer({ ok: true, value: headOf() }, alice.now);
    };
    ask(40, false);
    expect(phone.words()).toEqual([]);
    // Nothing has moved here since, but for this client.
    ask(39, false);
    ask(40, true);
    expect(phone.words()).toEqual([`heads ${GROUP}:40/30`, `heads ${GROUP}:40/30`]);
    expect(phone.notes.at(-1)?.span).toBe(`${GROUP} 0 40`);
  });

  test("[SEC1] an edge that asks about somebody else's group learns that it is none of its user's", () => {
    const { alice, phone } = large();
    const other = GROUP.replace("1", "2") as Cid;
    alice.up(phone, { t: "poll", cids: [other], seqs: [0], must: true });
    expect([phone.words(), phone.controls.at(-1)]).toEqual([[], { do: "left", cid: other }]);
  });

  test("[ORD2] back in push mode the object goes on from where relays end, and says so before it pushes", () => {
    const { alice, phone } = large();
    const marks = { delivered: 60, read: 50, readCount: 47 };
    alice.user.push(push(61, 61, told({ base: { seq: 60, count: 57 }, marks })), alice.now);
    expect(phone.controls.at(-1)).toEqual({ do: "push", cid: GROUP, seq: 60 });
    expect(phone.words()).toEqual(["message 61 of bob"]);
    expect(alice.head(GROUP)).toMatchObject({ head: 61, read: 50, unread: 11, mode: "push" });
  });

  test("typing is not told where members are many, else the group passes it on", () => {
    const { alice, phone } = member();
    alice.up(phone, { t: "typing", cid: GROUP, on: true });
    expect(alice.call("groupSignal").signal).toMatchObject({ t: "typing", user: ALICE, on: true });
    const { alice: far, phone: there } = large();
    far.up(there, { t: "typing", cid: GROUP, on: true });
    expect(far.calls.groupSignal).toEqual([]);
  });

  test("[RCP1] watermarks go to the group, several as one", () => {
    const { alice, phone } = member();
    alice.up(
      phone,
      { t: "ack", cid: GROUP, seq: 11 },
      { t: "ack", cid: GROUP, seq: 12 },
      { t: "read", cid: GROUP, seq: 12 },
    );
    alice.wait(alice.config.groups.mark_ms + 1);
    expect(alice.calls.mark).toHaveLength(1);
    expect(alice.call("mark")).toMatchObject({ cid: GROUP, delivered: 12, read: 12 });
  });

  test("memory is gone, the disk knows mode, beginning and end", () => {
    const { alice } = large();
    alice.wait(2000);
    alice.restart();
    expect(alice.head(GROUP)).toMatchObject({ mode: "pull", first: 11, head: 13 });
    expect(alice.now).toBeGreaterThan(START);
  });
});
