/** Groups, pushed and multicast: what each member sees of the log, and what nobody else does. */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import { crowd, fillers, group, LARGE, op } from "../support/crowd.ts";
import type { Device } from "../support/device.ts";
import { connect, conversationStub, range, user, userStub } from "../support/workers.ts";

const MODES = [
  { mode: "push", others: 0 },
  { mode: "pull", others: LARGE },
] as const;

interface Here {
  readonly cid: Cid;
  readonly alice: Uid;
  readonly bob: Uid;
  readonly carol: Uid;
}

async function people(others: number, change = {}): Promise<Here> {
  const [alice, bob, carol] = [await user("alice"), await user("bob"), await user("carol")];
  return { cid: await crowd([alice, bob, carol], others, change), alice, bob, carol };
}

/** The newest entry there is. */
async function headOf({ cid, alice }: Pick<Here, "cid" | "alice">): Promise<number> {
  const head = await group(cid).headOf(alice);
  if (!head.ok) throw new Error(head.error.code);
  return head.value.head;
}

const events = async (device: Device, cid: Cid): Promise<unknown[]> =>
  (await device.history(cid)).filter(({ kind }) => kind === "system").map(({ body }) => body);

describe.each(MODES)("a group in $mode mode", ({ mode, others }) => {
  test("[ORD1] [ORD2] what everybody writes reaches every device of every member once, in order", async () => {
    const here = await people(others);
    const { cid, alice, bob, carol } = here;
    const first = await headOf(here);
    const devices = [
      await connect(alice),
      await connect(alice, { device: "desk" }),
      await connect(bob),
      await connect(carol),
    ];
    for (const device of devices) expect((await device.head(cid, first)).mode).toBe(mode);
    const writers = [devices[0], devices[2], devices[3]] as Device[];
    const ids = range(1, 20).flatMap((n) => writers.map((writer, w) => writer.send(cid, `${w} says ${n}`)));
    for (const [i, id] of ids.entries()) await writers[i % 3]?.answered(id);
    for (const device of devices) {
      expect(await device.everything(cid, first + 60)).toEqual(range(1, first + 60));
      expect(device.disorder(cid, first)).toEqual([]);
    }
  });

  test("[ORD2] changes are entries of the log: all devices learn them in one order", async () => {
    const here = await people(others);
    const { cid, alice, bob, carol } = here;
    const [a, b] = [await connect(alice), await connect(bob)];
    const dave = await user("dave");
    await group(cid).change(alice, op(), { name: "Crew", description: "who rows" });
    await group(cid).setMember(alice, op(), bob, { role: "admin" });
    await group(cid).add(bob, op(), [dave]);
    await group(cid).setMember(bob, op(), carol, { muted_until: 4_000_000_000_000 });
    await group(cid).remove(bob, op(), carol);
    await group(cid).setMember(alice, op(), bob, { role: "owner" });
    const head = await headOf(here);
    const expected = [
      { event: "renamed", name: "Crew" },
      { event: "changed", description: "who rows" },
      { event: "role_changed", user: bob, role: "admin" },
      { event: "member_added", users: [dave] },
      { event: "member_muted", user: carol, until: 4_000_000_000_000 },
      { event: "member_removed", users: [carol] },
      { event: "owner_changed", user: bob },
    ];
    for (const device of [a, b]) {
      expect((await events(device, cid)).slice(-expected.length)).toEqual(expected);
      await device.reached(cid, head);
      expect(device.disorder(cid, head - expected.length)).toEqual([]);
      expect(await device.head(cid, head)).toMatchObject({ name: "Crew", unread: 0 });
    }
  });

  test("[SEC1] a new member sees from the own joining on, and is there at once", async () => {
    const here = await people(others);
    const { cid, alice } = here;
    const a = await connect(alice);
    const dave = await user("dave");
    const d = await connect(dave);
    await a.sent(cid, "before");
    const before = await headOf(here);
    await group(cid).add(alice, op(), [dave]);
    await a.sent(cid, "after");
    await d.reached(cid, before + 2);
    expect(d.disorder(cid, before)).toEqual([]);
    expect((await d.history(cid)).map(({ seq }) => seq)).toEqual([before + 1, before + 2]);
    expect(await d.head(cid, before + 2)).toMatchObject({ first: before + 1, unread: 1, name: "Group" });
    expect((await d.sent(cid, "and writes")).seq).toBe(before + 3);
    await a.reached(cid, before + 3);
  });

  test("[UNR1] where the group says so, a new member sees everything, and has nothing unread of it", async () => {
    const here = await people(others, { history: "all" });
    const { cid, alice } = here;
    const a = await connect(alice);
    await a.sent(cid, "before");
    const dave = await user("dave");
    await group(cid).add(alice, op(), [dave]);
    await a.sent(cid, "after");
    const head = await headOf(here);
    const d = await connect(dave);
    expect(await d.head(cid, head)).toMatchObject({ head, unread: 1 });
    expect((await d.history(cid)).map(({ seq }) => seq)).toEqual(range(1, head));
  });

  test("[SEC1] who is removed sees that, and nothing after it", async () => {
    const here = await people(others);
    const { cid, alice, carol } = here;
    const [a, c, sleeping] = [await connect(alice), await connect(carol), await connect(carol, { device: "desk" })];
    await a.sent(cid, "all of us");
    await group(cid).remove(alice, op(), carol);
    const end = await headOf(here);
    for (const n of range(1, 5)) await a.sent(cid, `without her ${n}`);
    for (const device of [c, sleeping]) {
      await device.until(
        () => device.all("heads").some(({ heads }) => heads.some((head) => head.cid === cid && head.left)),
        "the end",
      );
      // A sentinel through the same object: whatever was on its way has come.
      await device.sync();
      expect(device.seqs(cid).filter((seq) => seq > end)).toEqual([]);
      expect(JSON.stringify(device.frames)).not.toContain("without her");
      expect(await device.refused({ t: "pull", req: "x", cid })).toBe("not_member");
      expect(await device.refused({ t: "send", id: device.id(), to: cid, body: { text: "me?" } })).toBe("not_member");
    }
    expect((await c.sync()).some((head) => head.cid === cid)).toBe(false);
    expect(await a.everything(cid, end + 5)).toEqual(range(1, end + 5));
  });

  test("[SEC1] who comes back sees what came before and after, but not what was between", async () => {
    const here = await people(others, { join: "open" });
    const { cid, alice, carol } = here;
    const [a, c] = [await connect(alice), await connect(carol)];
    await group(cid).remove(carol, op(), carol);
    await a.sent(cid, "between");
    await group(cid).join(carol, op());
    const joined = await headOf(here);
    await a.sent(cid, "again");
    await c.reached(cid, joined + 1);
    await c.sync();
    expect(JSON.stringify(c.frames)).not.toContain("between");
    expect((await c.history(cid)).map(({ seq }) => seq)).toEqual([joined, joined + 1]);
    expect(await c.head(cid, joined + 1)).toMatchObject({ unread: 1 });
  });

  test("[DUP1] [DUP2] a message sent again is the same one", async () => {
    const here = await people(others);
    const { cid, alice, bob } = here;
    const [a, b] = [await connect(alice), await connect(bob)];
    const first = await a.sent(cid, "once", { id: "message-once" });
    a.write({ t: "send", id: "message-once", to: cid, body: { text: "once" } });
    await a.until(() => a.all("sent").length === 2, "the second answer");
    expect(a.all("sent").map(({ seq }) => seq)).toEqual([first.seq, first.seq]);
    expect(await a.refused({ t: "send", id: "message-once", to: cid, body: { text: "twice" } })).toBe("id_conflict");
    await b.reached(cid, first.seq);
    expect(await headOf(here)).toBe(first.seq);
  });

  test("[SEC1] the muted may not write, but take back; in a group for announcements only its owner and admins write", async () => {
    const here = await people(others);
    const { cid, alice, bob } = here;
    const [a, b] = [await connect(alice), await connect(bob)];
    const { seq } = await b.sent(cid, "oh no");
    const write = { t: "send", to: cid, body: { text: "hm" } };
    await group(cid).setMember(alice, op(), bob, { muted_until: Date.now() + 60_000 });
    expect(await b.refused({ ...write, id: b.id() })).toBe("muted");
    b.write({ t: "amend", id: "amend-one", cid, target: seq, op: "recall" });
    await b.answered("amend-one");
    await group(cid).setMember(alice, op(), bob, { muted_until: 0 });
    await b.sent(cid, "again");
    await group(cid).change(alice, op(), { muted: true });
    expect(await b.refused({ ...write, id: b.id() })).toBe("muted");
    await group(cid).change(alice, op(), { muted: false, read_only: true });
    expect(await b.refused({ ...write, id: b.id() })).toBe("permission_denied");
    await a.sent(cid, "I may");
  });

  test("[RCP1] writers learn who has got and read what they wrote; counts say it of all", async () => {
    const here = await people(others);
    const { cid, alice, bob, carol } = here;
    const [a, b, c] = [await connect(alice), await connect(bob), await connect(carol)];
    const { seq } = await a.sent(cid, "who is there?");
    for (const device of [b, c]) await device.reached(cid, seq);
    b.write({ t: "read", cid, seq });
    c.write({ t: "ack", cid, seq });
    const counts = await vi.waitUntil(
      async () => {
        const answer = await group(cid).receipts(alice, seq);
        return answer.ok && answer.value.delivered === 2 && answer.value.read === 1 && answer.value;
      },
      { timeout: 20_000, interval: 50 },
    );
    expect(counts).toEqual({ delivered: 2, read: 1, members: 2 + others });
    const list = await group(cid).receiptList(alice, seq, "read", undefined, 10);
    expect(list).toEqual({ ok: true, value: { users: [bob] } });
    if (others + 3 > 50) return;
    await a.until(() => a.all("receipt").some(({ user: who, read }) => who === bob && read === seq), "bob's receipt");
    await a.until(() => a.all("receipt").some(({ user: who }) => who === carol), "carol's receipt");
    expect(c.all("receipt").filter(({ user: who }) => who === bob)).toEqual([]);
  });

  test("[UNR1] who was away finds exactly what is unread, and pages of it", async () => {
    const here = await people(others);
    const { cid, alice, bob } = here;
    const before = await headOf(here);
    const a = await connect(alice);
    const sent = range(1, 30).map((n) => a.send(cid, `${n}`));
    for (const id of sent) await a.answered(id);
    const b = await connect(bob);
    expect(await b.head(cid, before + 30)).toMatchObject({ unread: 30, read: 0, head: before + 30 });
    const page = await b.pull(cid, { after: before, limit: 20 });
    expect(page.messages.map(({ seq }) => seq)).toEqual(range(before + 1, before + 20));
    b.write({ t: "read", cid, seq: before + 20 });
    await vi.waitFor(async () => expect(await b.head(cid)).toMatchObject({ unread: 10 }), { timeout: 20_000 });
    // In the user's own object it is the same.
    const desk = await connect(bob, { device: "desk" });
    expect(await desk.head(cid, before + 30)).toMatchObject({ unread: 10, read: before + 20 });
  });

  test("what is of the moment reaches who is there: QoS 0; typing only where members are few", async () => {
    const here = await people(others);
    const { cid, alice, bob } = here;
    const [a, b] = [await connect(alice), await connect(bob)];
    const { seq } = await a.sent(cid, "hello");
    await b.reached(cid, seq);
    a.write({ t: "typing", cid, on: true });
    a.write({ t: "send", id: "ephemeral-1", to: cid, qos: 0, body: { text: "psst" } });
    const frame = await b.next("message", ({ ephemeral }) => ephemeral === true);
    expect(frame).toMatchObject({ from: alice, body: { text: "psst" } });
    if (mode === "push")
      await b.until(() => b.all("typing").some(({ user: who, on }) => who === alice && on), "typing");
    else expect(b.all("typing")).toEqual([]);
    expect(a.all("message").some(({ ephemeral }) => ephemeral)).toBe(false);
  });

  test("[SEC1] a dismissed group is nobody's any more", async () => {
    const here = await people(others);
    const { cid, alice, bob } = here;
    const [a, b] = [await connect(alice), await connect(bob)];
    await a.sent(cid, "good bye");
    expect(await group(cid).dismiss(alice, op())).toEqual({ ok: true });
    for (const device of [a, b]) {
      await device.until(() => device.all("heads").some(({ heads }) => heads.some(({ left }) => left)), "the end");
      expect(await device.refused({ t: "pull", req: "x", cid })).toBe("not_member");
      expect((await device.sync()).some((head) => head.cid === cid)).toBe(false);
    }
    expect(await group(cid).card(alice)).toMatchObject({ ok: false, error: { code: "not_member" } });
  });

  test("[RES1] members, roles, mutes and watermarks outlive the memory of the group and of its members", async () => {
    const here = await people(others);
    const { cid, alice, bob, carol } = here;
    await group(cid).setMember(alice, op(), bob, { role: "admin", muted_until: 5 });
    const a = await connect(alice);
    const { seq } = await a.sent(cid, "one");
    await group(cid).mark(carol, seq, seq);
    await group(cid).receipts(alice, seq);
    await a.close();
    for (const stub of [conversationStub(cid), userStub(alice), userStub(bob)]) await evictDurableObject(stub);
    expect(await group(cid).members(alice, undefined, 3)).toMatchObject({ ok: true });
    expect(await group(cid).receipts(alice, seq)).toMatchObject({
      value: { delivered: 1, read: 1, members: 2 + others },
    });
    expect(await group(cid).card(bob)).toMatchObject({ value: { role: "admin", mode, members: 3 + others } });
    const b = await connect(bob);
    expect(await b.head(cid, seq)).toMatchObject({ head: seq, mode, unread: 1 });
    expect((await b.sent(cid, "two")).seq).toBe(seq + 1);
  });
});

describe("operations", () => {
  test("[DUP1] the same operation again changes nothing; the same id for another is refused", async () => {
    const here = await people(0);
    const { cid, alice } = here;
    const [one, other] = fillers(2) as [Uid, Uid];
    const id = op();
    const done = await group(cid).add(alice, id, [one]);
    const head = await headOf(here);
    await evictDurableObject(conversationStub(cid));
    expect(await group(cid).add(alice, id, [one])).toEqual(done);
    expect(await group(cid).add(alice, id, [other])).toMatchObject({ ok: false, error: { code: "id_conflict" } });
    expect(await headOf(here)).toBe(head);
    const leaving = op();
    expect(await group(cid).remove(one, leaving, one)).toEqual({ ok: true });
    expect(await group(cid).remove(one, leaving, one)).toEqual({ ok: true });
  });
});
