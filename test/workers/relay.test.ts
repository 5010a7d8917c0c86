/** The relay object on real WebSockets, of real groups in pull mode. */
import { describe, expect, test, vi } from "vitest";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import { crowd, group, headOf, LARGE, op, shrink, write } from "../support/crowd.ts";
import type { Device } from "../support/device.ts";
import { abort, evict } from "../support/faults.ts";
import { RelayListener } from "../support/relay-listener.ts";
import { connect, conversationStub, relayStub, rows, user } from "../support/workers.ts";

const patience = { timeout: 20_000, interval: 20 };

interface Here {
  readonly cid: Cid;
  readonly head: number;
  readonly carol: Uid;
  readonly alice: Uid;
  readonly bob: Uid;
}

/** A large group of carol's, who writes; alice and bob are in it, and so many others. */
async function made(others = LARGE): Promise<Here> {
  const [carol, alice, bob] = [await user("carol"), await user("alice"), await user("bob")];
  const cid = await crowd([carol, alice, bob], others);
  return { cid, head: await headOf(cid, carol), carol, alice, bob };
}

/** Links that listen from the head on. */
async function listening({ cid, head }: Here, ...uids: Uid[]): Promise<RelayListener[]> {
  const links: RelayListener[] = [];
  for (const uid of uids) {
    const link = await RelayListener.attach(relayStub(cid), cid, uid, head);
    await link.until((words) => words.length === 1);
    expect(link.words).toEqual([`admitted ${head}`]);
    link.heard.length = 0;
    links.push(link);
  }
  return links;
}

/** Links the relay has: it is told nothing new, and answers. */
async function linksOf({ cid, head }: Here): Promise<number> {
  const nothing = { cid, from: undefined, entries: [], skip: false, gone: [], head };
  return (await relayStub(cid).multicast(nothing)).links;
}

describe("a relay", () => {
  test("[SEC1] tells nothing of a group to who is no member, and closes", async () => {
    const here = await made();
    const { cid, carol } = here;
    const link = await RelayListener.attach(relayStub(cid), cid, await user("mallory"));
    await link.end();
    await write(cid, carol, 2);
    expect(link.words).toEqual(["ended gone"]);
    expect(await linksOf(here)).toBe(0);
  });

  test("hands who is admitted what was missed, then what is multicast", async () => {
    const here = await made();
    const { cid, alice, carol, head } = here;
    await write(cid, carol, 2);
    const link = await RelayListener.attach(relayStub(cid), cid, alice, head);
    await link.until((words) => words.length === 2);
    await write(cid, carol);
    const [missed, admitted, then] = await link.until((words) => words.length === 3);
    expect(missed).toBe(`${head + 1}–${head + 2}`);
    expect(admitted).toBe(`admitted ${head + 2}`);
    expect(then).toBe(`${head + 3}–${head + 3}`);
  });

  test("[RES1] wakes with its links, and hands them what is multicast, again and again", async () => {
    const here = await made();
    const { cid, carol, head } = here;
    const both = await listening(here, here.alice, here.bob);
    for (const n of [1, 2]) {
      await evict(relayStub(cid), "hibernate");
      await write(cid, carol);
      for (const link of both) await link.until((words) => words.at(-1) === `${head + n}–${head + n}`);
    }
    expect(await linksOf(here)).toBe(2);
    for (const link of both) {
      expect(link.words).toEqual([`${head + 1}–${head + 1}`, `${head + 2}–${head + 2}`]);
      expect(link.closed).toBe(false);
    }
  });

  test("answers a device with what it sent, and shows it to others", async () => {
    const here = await made();
    const { cid, alice, bob, carol, head } = here;
    const [own, other] = (await listening(here, alice, bob)) as [RelayListener, RelayListener];
    await write(cid, alice, 1, "phone");
    for (const link of [own, other]) await link.until((words) => words.length === 1);
    await group(cid).signal(alice, { t: "message", cid, user: alice, frame: '{"t":"typing"}' });
    await other.until((words) => words.length === 2);
    await write(cid, carol);
    await Promise.all([own, other].map((link) => link.until((words) => words.includes(`${head + 2}–${head + 2}`))));
    expect(own.heard[0]).toMatchObject({
      note: { done: [expect.stringMatching(/^\w{26}$/)] },
      payload: expect.stringContaining('"sent"'),
    });
    expect(other.heard[0]).toMatchObject({ note: { done: [] }, payload: expect.stringContaining('"message"') });
    expect([own.words, other.words]).toEqual([
      [`${head + 1}–${head + 1}`, `${head + 2}–${head + 2}`],
      [`${head + 1}–${head + 1}`, "typing", `${head + 2}–${head + 2}`],
    ]);
  });

  test("[SEC1] lets a member who left have what was before, and closes; and everybody when the group is pushed", async () => {
    const here = await made();
    const { cid, alice, bob, carol, head } = here;
    const [left, stays] = (await listening(here, alice, bob)) as [RelayListener, RelayListener];
    await write(cid, carol);
    await group(cid).remove(alice, op(), alice);
    await left.end();
    await write(cid, carol);
    const end = head + 3;
    await stays.until((words) => words.at(-1) === `${end}–${end}`);
    expect(JSON.stringify(left.heard)).not.toContain(`"seq\\":${end}`);
    expect(left.words.at(-1)).toBe("ended gone");
    expect(await linksOf(here)).toBe(1);
    const { value } = (await group(cid).members(carol, undefined, 100)) as { value: { members: { user: Uid }[] } };
    const fillers = value.members.map(({ user: uid }) => uid).filter((uid) => uid !== carol && uid !== bob);
    await shrink(cid, carol, fillers.slice(14));
    await stays.end();
    expect(stays.words.at(-1)).toBe("ended push");
  });

  test("[RCP1] reports watermarks to the conversation, and tells the user's other devices what was read", async () => {
    const here = await made();
    const { cid, alice, bob, carol, head } = here;
    const [phone, other] = (await listening(here, alice, bob)) as [RelayListener, RelayListener];
    const laptop = await RelayListener.attach(relayStub(cid), cid, alice, head, 1, "laptop");
    await laptop.until((words) => words.length === 1);
    const seq = await write(cid, carol);
    for (const link of [phone, other, laptop]) await link.until((words) => words.includes(`${seq}–${seq}`));
    phone.write({ t: "read", cid, seq });
    other.write({ t: "ack", cid, seq });
    await laptop.until((words) => words.includes("receipt"));
    await vi.waitFor(
      async () => expect(await group(cid).receipts(carol, seq)).toMatchObject({ value: { delivered: 2, read: 1 } }),
      patience,
    );
    expect(await group(cid).receiptList(carol, seq, "read", undefined, 10)).toMatchObject({
      value: { users: [alice] },
    });
    expect([phone.words, other.words]).toEqual([[`${seq}–${seq}`], [`${seq}–${seq}`]]);
  });

  test("a newer link of a device puts the older out", async () => {
    const here = await made();
    const { cid, alice, carol, head } = here;
    const [older] = (await listening(here, alice)) as [RelayListener];
    const [newer] = (await listening(here, alice)) as [RelayListener];
    await older.end();
    expect(await linksOf(here)).toBe(1);
    await write(cid, carol);
    await newer.until((words) => words.includes(`${head + 1}–${head + 1}`));
    expect(older.words).toEqual([]);
  });
});

describe("an edge connection", () => {
  async function connected(): Promise<Here & { device: Device }> {
    const here = await made();
    const device = await connect(here.alice);
    await device.head(here.cid, here.head);
    await vi.waitFor(async () => expect(await linksOf(here)).toBe(1), patience);
    return { ...here, device };
  }

  test("[ORD2] gets a large group's entries from its relay", async () => {
    const { cid, carol, head, device } = await connected();
    await write(cid, carol, 2);
    await write(cid, carol);
    await device.reached(cid, head + 3);
    expect(device.seqs(cid)).toEqual([head + 1, head + 2, head + 3]);
    // Its user's object had nothing to do with it.
    for (const { version } of device.all("message")) expect(version).toBe(0);
  });

  test("[RES1] attaches anew when the relay dies, from where the client is", async () => {
    const { cid, carol, head, device } = await connected();
    await write(cid, carol, 2);
    await device.reached(cid, head + 2);
    await abort(relayStub(cid));
    await write(cid, carol, 2);
    await device.reached(cid, head + 4);
    expect(device.seqs(cid)).toEqual([head + 1, head + 2, head + 3, head + 4]);
    expect(device.closed).toBeUndefined();
  });

  test("closes its relay links when the client goes; the group calls its relay no more", async () => {
    const here = await connected();
    await here.device.close();
    await vi.waitFor(async () => expect(await linksOf(here)).toBe(0), patience);
    await write(here.cid, here.carol);
    await vi.waitFor(
      async () => expect(await rows(conversationStub(here.cid), "SELECT n FROM relay")).toEqual([]),
      patience,
    );
  });
});
