/** A group's disk that refuses: operations are refused and change nothing, or are done later; memory is what the disk is. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, test } from "vitest";
import type { Cid } from "../../src/protocol/ids.ts";
import { group, headOf, LARGE, op, swell, write } from "../support/crowd.ts";
import { abort, breakDisk, hold, SECRET } from "../support/faults.ts";
import { expectWhole, modeOf, room, type Room } from "../support/room.ts";
import { connect, conversationStub, rows, user, userStub } from "../support/workers.ts";

/** In pull mode, so many that no writer is told receipts: watermarks are kept in memory for a while. */
const MODES = [
  { mode: "push", others: 0 },
  { mode: "pull", others: LARGE + 20 },
] as const;

let here: Room;

afterEach(() => {
  const told = JSON.stringify(here.devices.map(({ frames }) => frames));
  for (const word of [SECRET, "SQLITE", "RAISE", "TRIGGER"]) expect(told).not.toContain(word);
});

/** All that the group answers its owner. */
async function answers({ cid, alice, first }: Room): Promise<unknown[]> {
  return [
    await group(cid).card(alice),
    await group(cid).members(alice, undefined, 1000),
    await group(cid).receipts(alice, first),
    await group(cid).headOf(alice),
  ];
}

async function expectMemoryIsDisk(): Promise<void> {
  const before = await answers(here);
  await abort(conversationStub(here.cid));
  expect(await answers(here)).toEqual(before);
}

/** An operation of an object whose disk refuses; whether it was refused. */
const refused = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => false,
    () => true,
  );

function toldSlots(cid: Cid): Promise<Record<string, SqlStorageValue>[]> {
  const query = "SELECT value ->> '$.toldSlot' = value ->> '$.nextSlot' AS told FROM state";
  return rows(conversationStub(cid), query);
}

const patience = { timeout: 20_000 };

describe.each(MODES)("the disk of a group in $mode mode refuses", ({ mode, others }) => {
  test.each([
    ["the entry", "INSERT ON log"],
    ["the member", "INSERT ON group_member"],
    ["the state", "INSERT ON state"],
    ["the watermarks", "INSERT ON mark"],
  ])(
    "[ORD1] [DUP1] [RCP1] %s of somebody who is added: nothing has changed; later the same is done once",
    async (_, what) => {
      here = await room(others);
      const { cid, alice, bob, first } = here;
      const [a] = here.writers;
      const dave = await user("dave");
      // Written when it was told, or in memory only: in no case is it lost.
      await group(cid).mark(bob, first, first);
      const id = op();
      const before = await group(cid).members(alice, undefined, 1000);
      const mend = await breakDisk(() => conversationStub(cid), what);
      expect(await refused(group(cid).add(alice, id, [dave]))).toBe(true);
      expect(await headOf(cid, alice)).toBe(first);
      expect(await group(cid).members(alice, undefined, 1000)).toEqual(before);
      expect(await group(cid).card(dave)).toMatchObject({ error: { code: "not_member" } });
      await mend();
      expect(await group(cid).receipts(alice, first)).toMatchObject({ value: { read: 1, members: 2 + others } });
      // Who was not added is not counted either.
      const { seq } = await a.sent(cid, "meanwhile");
      expect(await group(cid).receipts(alice, seq)).toMatchObject({ value: { members: 2 + others } });
      await expectMemoryIsDisk();
      const done = await group(cid).add(alice, id, [dave]);
      expect(done).toMatchObject({ ok: true, value: { members: 4 + others } });
      expect(await group(cid).add(alice, id, [dave])).toEqual(done);
      await a.reached(cid, seq + 1);
      expect(await (await connect(dave)).head(cid, seq + 1)).toMatchObject({ head: seq + 1, unread: 0 });
      await expectMemoryIsDisk();
      await expectWhole(here, mode);
    },
  );

  test("[DUR1] an entry: no `sent`, nothing kept; the same id gets through afterwards, once", async () => {
    here = await room(others);
    const { cid, first } = here;
    const [a] = here.writers;
    const mend = await breakDisk(() => conversationStub(cid), "INSERT ON log");
    const id = a.send(cid, "tried");
    await a.sync();
    expect(a.all("sent")).toEqual([]);
    await mend();
    expect(await a.answered(id)).toMatchObject({ seq: first + 1 });
    await expectMemoryIsDisk();
    await expectWhole(here, mode);
  });

  test("[SEC1] to forget who has left: is no member all the same, and is forgotten later", async () => {
    here = await room(others);
    const { cid, alice, carol } = here;
    const [a, , c] = here.writers;
    const mend = await breakDisk(() => conversationStub(cid), "DELETE ON group_member");
    await group(cid).remove(alice, op(), carol);
    await c.until(() => c.all("heads").some(({ heads }) => heads.some(({ left }) => left)), "the end");
    await a.sent(cid, "without her");
    expect(await group(cid).card(carol)).toMatchObject({ error: { code: "not_member" } });
    await expectMemoryIsDisk();
    expect(await group(cid).card(carol)).toMatchObject({ error: { code: "not_member" } });
    await mend();
    await abort(conversationStub(cid));
    const left = `SELECT uid FROM group_member WHERE uid = '${carol}'`;
    await a.sent(cid, "still without her");
    await expect.poll(() => rows(conversationStub(cid), left), patience).toEqual([]);
    await c.sync();
    expect(JSON.stringify(c.frames)).not.toContain("without her");
  });
});

describe("the disk of a group refuses", () => {
  test("[RCP1] watermarks: the writer is not told, and nobody who asks; later both are", async () => {
    here = await room();
    const { cid, alice, bob } = here;
    const [a, b] = here.writers;
    const { seq } = await a.sent(cid, "who has it?");
    await b.reached(cid, seq);
    const mend = await breakDisk(() => conversationStub(cid), "INSERT ON mark");
    expect(await group(cid).mark(bob, seq, seq)).toBe(false);
    expect(await group(cid).receipts(alice, seq)).toMatchObject({ ok: false, error: { code: "unavailable" } });
    await a.sync();
    expect(a.all("receipt")).toEqual([]);
    await mend();
    expect(await a.next("receipt")).toMatchObject({ user: bob, delivered: seq, read: seq });
    expect(await group(cid).receipts(alice, seq)).toMatchObject({ value: { read: 1 } });
    await expectMemoryIsDisk();
  });

  test("[DUR3] watermarks, when the alarm comes: what was not taken is offered all the same", async () => {
    here = await room();
    const { cid, bob } = here;
    const [a, b] = here.writers;
    const held = await hold(userStub(bob));
    const { seq } = await a.sent(cid, "one");
    await abort(conversationStub(cid));
    await held.kill();
    const mend = await breakDisk(() => conversationStub(cid), "INSERT ON mark");
    const marked = group(cid).mark(here.carol, seq, seq);
    expect(await runDurableObjectAlarm(conversationStub(cid))).toBe(true);
    await b.reached(cid, seq);
    expect(await marked).toBe(false);
    await mend();
    await expectWhole(here, "push");
  });

  test("[RES1] a relay: nobody listens to it before it is noted, so that it is called after a wake, too", async () => {
    here = await room();
    const { cid, alice, bob } = here;
    await swell(cid, alice, LARGE);
    const free = 7;
    const head = await headOf(cid, alice);
    const mend = await breakDisk(() => conversationStub(cid), "INSERT ON relay", `NEW.n = ${free}`);
    expect(await refused(group(cid).admit(free, bob, head))).toBe(true);
    await mend();
    expect(await group(cid).admit(free, bob, head)).toMatchObject({ ok: true });
    expect(await rows(conversationStub(cid), "SELECT n FROM relay ORDER BY n DESC LIMIT 1")).toEqual([{ n: free }]);
  });

  test("to note that everybody was told: it is noted later", async () => {
    here = await room();
    const { cid, alice } = here;
    const dave = await user("dave");
    const d = await connect(dave);
    const held = await hold(userStub(dave));
    await group(cid).add(alice, op(), [dave]);
    const mend = await breakDisk(() => conversationStub(cid), "INSERT ON state");
    await held.release();
    const head = await headOf(cid, alice);
    await d.head(cid, head);
    // It is over when all have answered.
    await runDurableObjectAlarm(conversationStub(cid));
    expect(await toldSlots(cid)).toEqual([{ told: 0 }]);
    await mend();
    await write(cid, alice);
    await expect.poll(() => toldSlots(cid), patience).toEqual([{ told: 1 }]);
    await expectWhole(here, "push");
  });

  test("[ORD2] a change of mode: the group goes on as it was, and changes with the next message", async () => {
    here = await room();
    const { cid, alice } = here;
    const mend = await breakDisk(() => conversationStub(cid), "INSERT ON state", `NEW.value LIKE '%"mode":"pull"%'`);
    await swell(cid, alice, LARGE);
    expect(await modeOf(here)).toBe("push");
    const [a] = here.writers;
    await a.sent(cid, "still pushed");
    await mend();
    await a.sent(cid, "the last that is pushed");
    expect(await modeOf(here)).toBe("pull");
    await expectMemoryIsDisk();
    await expectWhole(here, "pull");
  });
});
