/** Groups whose objects die or sleep under live connections, in both modes. */
import { describe, expect, test } from "vitest";
import type { Uid } from "../../src/protocol/ids.ts";
import { group, headOf, insist, LARGE, op, write } from "../support/crowd.ts";
import { abort, evict, hold } from "../support/faults.ts";
import { RelayListener } from "../support/relay-listener.ts";
import { expectWhole, room, type Room } from "../support/room.ts";
import { connect, conversationStub, range, relayStub, userStub } from "../support/workers.ts";

const MODES = [
  { mode: "push", others: 0 },
  { mode: "pull", others: LARGE },
] as const;

const VICTIMS: [string, (here: Room) => DurableObjectStub][] = [
  ["the conversation", ({ cid }) => conversationStub(cid)],
  ["the sender's object", ({ alice }) => userStub(alice)],
  ["a receiver's object", ({ bob }) => userStub(bob)],
  ["the relay", ({ cid }) => relayStub(cid)],
];

const ENDS: [string, (stub: DurableObjectStub) => Promise<void>][] = [
  ["dies", abort],
  ["is evicted with its links", (stub) => evict(stub)],
  ["sleeps, its links hibernated", (stub) => evict(stub, "hibernate")],
];

const FAULTS = MODES.flatMap(({ mode, others }) =>
  VICTIMS.filter(([victim]) => mode === "pull" || victim !== "the relay").flatMap(([victim, stub]) =>
    ENDS.map(([end, kill]) => ({ mode, others, victim, stub, end, kill })),
  ),
);

describe("between messages that are on their way", () => {
  test.each(FAULTS)(
    "[RES1] [DUP1] [ORD2] [DUR1] $mode: $victim $end: nothing is missing or doubled",
    async ({ mode, others, stub, kill }) => {
      const here = await room(others);
      const { cid, first } = here;
      const [a, b] = here.writers;
      const sends: [typeof a, string][] = [];
      for (const round of range(1, 4)) {
        for (const n of range(1, 6)) sends.push([a, a.send(cid, `${round}.${n}`)]);
        sends.push([b, b.send(cid, `${round}, says bob`)]);
        if (round % 2 === 0) await a.answered(sends.at(-4)?.[1] ?? "");
        await kill(stub(here));
      }
      const sent = [];
      for (const [device, id] of sends) sent.push(await device.answered(id));
      expect(sent.map(({ seq }) => seq).toSorted((x, y) => x - y)).toEqual(range(first + 1, first + 28));
      await expectWhole(here, mode);
      const log = await b.history(cid, first);
      for (const { id, seq } of sent) expect(log[seq - first - 1]).toMatchObject({ id, seq });
      expect(await here.devices[3]?.head(cid, first + 29)).toMatchObject({ unread: 0, read: first + 29 });
    },
  );
});

test("[RCP1] [RES1] a writer is told of a receipt although the group died since the message", async () => {
  const here = await room();
  const { cid, bob } = here;
  const [a, b] = here.writers;
  const { seq } = await a.sent(cid, "who has it?");
  await b.reached(cid, seq);
  await abort(conversationStub(cid));
  b.write({ t: "read", cid, seq });
  expect(await a.next("receipt", ({ read }) => read === seq)).toMatchObject({ user: bob, delivered: seq });
});

describe("who leaves while something is down", () => {
  /** Links of members to a relay, as their edges have them. */
  async function listening({ cid, first }: Room, ...uids: Uid[]): Promise<RelayListener[]> {
    const links: RelayListener[] = [];
    for (const uid of uids) {
      const link = await RelayListener.attach(relayStub(cid), cid, uid, first, 1, "listener");
      await link.until((words) => words.includes(`admitted ${first}`));
      links.push(link);
    }
    return links;
  }

  const heard = (link: RelayListener | undefined): string => JSON.stringify(link?.heard);

  test("[SEC1] pull: nothing follows a removal that no relay heard of, because the group died right after it", async () => {
    const here = await room(LARGE);
    const { cid, alice, bob, carol, first } = here;
    const [b, c] = await listening(here, bob, carol);
    const held = await hold(relayStub(cid));
    await group(cid).remove(alice, op(), carol);
    await write(cid, alice, 3);
    await abort(conversationStub(cid));
    await held.release();
    const last = await insist(() => write(cid, alice));
    await b?.until((words) => words.some((word) => word.endsWith(`–${last}`)));
    await c?.end();
    expect(heard(c)).not.toContain("text");
    expect(c?.words.at(-1)).toBe("ended gone");
    expect(last).toBe(first + 5);
  });

  test("[SEC1] pull: who was removed and is back gets nothing from between, whatever the relay missed", async () => {
    const here = await room(LARGE);
    const { cid, alice, bob, carol, first } = here;
    const [b, c] = await listening(here, bob, carol);
    const held = await hold(relayStub(cid));
    await group(cid).remove(alice, op(), carol);
    const secret = await write(cid, alice, 3);
    await group(cid).add(alice, op(), [carol]);
    await abort(conversationStub(cid));
    await held.release();
    const last = await insist(() => write(cid, alice));
    await b?.until((words) => words.some((word) => word.endsWith(`–${last}`)));
    expect(heard(b)).toContain(`${alice} 3 1`);
    expect(heard(c)).not.toContain(`${alice} 3 1`);
    expect([secret, last]).toEqual([first + 4, first + 6]);
  });

  test.each(MODES)("[SEC1] [ORD2] $mode: removed and added again while her object is down", async ({ others }) => {
    const here = await room(others);
    const { cid, alice, carol, first } = here;
    const [a, , c] = here.writers;
    await a.sent(cid, "before");
    await c.reached(cid, first + 1);
    const held = await hold(userStub(carol));
    await group(cid).remove(alice, op(), carol);
    await a.sent(cid, "the secret");
    await group(cid).add(alice, op(), [carol]);
    await held.kill();
    const { seq } = await a.sent(cid, "after");
    await c.reached(cid, seq);
    await c.sync();
    expect(JSON.stringify(c.frames)).not.toContain("the secret");
    expect(c.disorder(cid, first)).toEqual([]);
    expect((await c.history(cid)).map(({ seq: own }) => own)).toEqual([seq - 1, seq]);
    expect(await c.head(cid, seq)).toMatchObject({ first: seq - 1, unread: 1 });
    expect((await c.sent(cid, "here again")).seq).toBe(seq + 1);
  });

  test("[ORD2] [SEC1] push: removed and added again, and her object hears of neither until it is over", async () => {
    const here = await room();
    const { cid, alice, carol, first } = here;
    const [a, , c] = here.writers;
    await a.sent(cid, "before");
    await c.reached(cid, first + 1);
    const held = await hold(userStub(carol));
    await group(cid).remove(alice, op(), carol);
    await abort(conversationStub(cid));
    await a.sent(cid, "the secret");
    await group(cid).add(alice, op(), [carol]);
    await abort(conversationStub(cid));
    await held.release();
    const { seq } = await a.sent(cid, "after");
    await c.reached(cid, seq);
    await c.sync();
    expect(JSON.stringify(c.frames)).not.toContain("the secret");
    expect(c.disorder(cid, first)).toEqual([]);
    expect(c.seqs(cid)).toContain(seq);
  });

  test("[SEC1] [RES1] pull: removed and added again while the relay is down", async () => {
    const here = await room(LARGE);
    const { cid, alice, carol, first } = here;
    const [a, , c] = here.writers;
    await a.sent(cid, "before");
    await c.reached(cid, first + 1);
    const held = await hold(relayStub(cid));
    await group(cid).remove(alice, op(), carol);
    await a.sent(cid, "the secret");
    await group(cid).add(alice, op(), [carol]);
    const joined = await headOf(cid, alice);
    await held.kill();
    const { seq } = await a.sent(cid, "after");
    await c.reached(cid, seq);
    await c.sync();
    expect(JSON.stringify(c.frames)).not.toContain("the secret");
    expect(c.disorder(cid, first)).toEqual([]);
    expect((await c.history(cid)).map(({ seq: own }) => own)).toEqual(range(joined, seq));
    const desk = await connect(carol, { device: "desk", since: 0 });
    expect(await desk.head(cid, seq)).toMatchObject({ first: joined });
  });
});
