/** Changes between two users whose chat dies between two steps, whose store is down, or whose disk refuses: all is done, once. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemCid } from "../../src/protocol/ids.ts";
import { answered, asked, removed, shownTo, strangers, toldTo, type Pair } from "../support/contacts.ts";
import { abort, breakDisk, hold, makeTables, SECRET } from "../support/faults.ts";
import { as, once, type Person } from "../support/groups.ts";
import { codeOf } from "../support/http.ts";
import { connect, conversationStub, rows, userStub } from "../support/workers.ts";

let lines: string[];
beforeEach(() => {
  lines = [];
  const keep = (line: unknown): void => void lines.push(String(line));
  for (const level of ["warn", "error"] as const) vi.spyOn(console, level).mockImplementation(keep);
});
const mends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const mend of mends.splice(0)) await mend();
  // Whose disk refused, and why, is nobody's text.
  expect(lines.join("\n")).not.toContain("RAISE");
});

/** A step has failed. */
const failed = (): Promise<unknown> => vi.waitUntil(() => lines.some((line) => line.includes("a step failed")), 20_000);

/** The store refuses rows of one user, or all; the result mends it. */
async function breakStore(uid?: string): Promise<() => Promise<void>> {
  const when = uid === undefined ? "1" : `NEW.uid = '${uid}'`;
  const sql = `CREATE TRIGGER down BEFORE INSERT ON contacts WHEN ${when} BEGIN SELECT RAISE(ABORT, '${SECRET}'); END`;
  await env.DB.prepare(sql).run();
  const mend = async (): Promise<void> => void (await env.DB.prepare("DROP TRIGGER IF EXISTS down").run());
  mends.push(mend);
  return mend;
}

async function breakSystem({ uid }: Person): Promise<() => Promise<void>> {
  const stub = (): DurableObjectStub => conversationStub(systemCid(uid));
  await makeTables(stub());
  return breakDisk(stub, "INSERT ON log");
}

/** Whoever was told something, but nobody noted that it was. */
function breakNote({ cid }: Pair): Promise<() => Promise<void>> {
  return breakDisk(() => conversationStub(cid), "INSERT ON contact", `NEW.value LIKE '%"notices":[]%'`);
}

const STEPS: [string, (pair: Pair, who: Person, whom: Person) => Promise<() => Promise<void>>][] = [
  ["the own side is stored", (_pair, who) => breakStore(who.uid)],
  ["the other side is stored", (_pair, _who, whom) => breakStore(whom.uid)],
  ["the other is told", (_pair, _who, whom) => breakSystem(whom)],
  ["it is noted that the other was told", (pair) => breakNote(pair)],
];

describe("[CON1] the chat of two users dies", () => {
  test.each(STEPS)("before %s: a request and its acceptance are done once", async (_what, fault) => {
    const pair = await strangers();
    const { alice, bob, cid } = pair;
    const [a, b] = [await connect(alice.uid), await connect(bob.uid)];
    const stub = (): ReturnType<typeof conversationStub> => conversationStub(cid);
    // Makes the tables.
    await removed(alice, bob);
    for (const [who, whom, work, state] of [
      [alice, bob, () => asked(alice, bob, "hi"), "incoming"],
      [bob, alice, () => answered(bob, "accept", alice), "contact"],
    ] as const) {
      lines = [];
      const mend = await fault(pair, who, whom);
      expect((await work()).status).toBeLessThan(300);
      await failed();
      await abort(stub());
      await mend();
      expect(await runDurableObjectAlarm(stub())).toBe(true);
      const [told, device] = whom === bob ? [bob, b] : [alice, a];
      await once(
        () => toldTo(told, device),
        (bodies) => bodies.length === 1,
      );
      expect(await shownTo(whom)).toEqual([`${who.uid} ${state}`]);
      expect(await shownTo(who)).toHaveLength(1);
      await expect
        .poll(() => rows(stub(), "SELECT value ->> '$.notices' AS left FROM contact"), { timeout: 20_000 })
        .toEqual([{ left: "[]" }]);
      await abort(stub());
      await runDurableObjectAlarm(stub());
    }
    expect(await toldTo(bob, b)).toEqual([{ event: "contact_request", user: alice.uid, message: "hi" }]);
    expect(await toldTo(alice, a)).toEqual([{ event: "contact_accepted", user: bob.uid }]);
    await a.sent(cid, "and the chat goes on");
    await b.reached(cid, 1);
  });
});

describe("[CON1] the store is down", () => {
  test("while a request is accepted: it is so, is told later, and nobody has to do anything", async () => {
    const { alice, bob } = await strangers();
    const a = await connect(alice.uid);
    await asked(alice, bob);
    const mend = await breakStore();
    const accepted = await answered(bob, "accept", alice);
    expect([accepted.status, accepted.json]).toMatchObject([200, { contact: { state: "contact" } }]);
    await failed();
    expect(await toldTo(alice, a)).toEqual([]);
    await mend();
    expect((await a.next("message")).body).toEqual({ event: "contact_accepted", user: bob.uid });
    expect(await shownTo(alice)).toEqual([`${bob.uid} contact`]);
    expect(await shownTo(bob)).toEqual([`${alice.uid} contact`]);
  });

  test("for long: the alarm comes back as often as it takes", async () => {
    const { alice, bob, cid } = await strangers();
    const mend = await breakStore();
    expect((await asked(alice, bob)).status).toBe(202);
    await abort(conversationStub(cid));
    for (let n = 0; n < 3; n += 1) {
      expect(await runDurableObjectAlarm(conversationStub(cid))).toBe(true);
      await abort(conversationStub(cid));
    }
    await mend();
    expect(await runDurableObjectAlarm(conversationStub(cid))).toBe(true);
    expect(
      await once(
        () => shownTo(bob),
        (shown) => shown.length > 0,
      ),
    ).toEqual([`${alice.uid} incoming`]);
  });

  test("until the object has given up trying by itself: then its alarm does", async () => {
    const { alice, bob, cid } = await strangers();
    const mend = await breakStore();
    expect((await asked(alice, bob)).status).toBe(202);
    await vi.waitUntil(() => lines.filter((line) => line.includes("a step failed")).length > 5, 20_000);
    await mend();
    expect(await runDurableObjectAlarm(conversationStub(cid))).toBe(true);
    expect(
      await once(
        () => shownTo(bob),
        (shown) => shown.length > 0,
      ),
    ).toEqual([`${alice.uid} incoming`]);
  });

  test("while both change their minds: only the end is shown", async () => {
    const { alice, bob, cid } = await strangers();
    const mend = await breakStore();
    await Promise.all([asked(alice, bob), answered(bob, "accept", alice)]);
    await removed(bob, alice);
    await asked(bob, alice, "after all");
    await abort(conversationStub(cid));
    await mend();
    await runDurableObjectAlarm(conversationStub(cid));
    expect(
      await once(
        () => shownTo(alice),
        (shown) => shown.length > 0,
      ),
    ).toEqual([`${bob.uid} incoming`]);
    expect(await shownTo(bob)).toEqual([`${alice.uid} requested`]);
  }, 60_000);
});

test("[DUR3] one alarm stands behind messages and contacts: neither forgets the other", async () => {
  const { alice, bob, cid } = await strangers();
  const [a, b] = [await connect(alice.uid), await connect(bob.uid)];
  await a.sent(cid, "one");
  await b.reached(cid, 1);
  const mend = await breakStore();
  await asked(alice, bob);
  const held = await hold(userStub(bob.uid));
  await a.sent(cid, "two");
  await abort(conversationStub(cid));
  await held.kill();
  // The message comes with the first alarm, the request with one that was set because of it.
  expect(await runDurableObjectAlarm(conversationStub(cid))).toBe(true);
  await b.reached(cid, 2);
  await failed();
  await mend();
  await abort(conversationStub(cid));
  expect(await runDurableObjectAlarm(conversationStub(cid))).toBe(true);
  expect((await b.next("message", ({ kind }) => kind === "system")).from).toBe(alice.uid);
  expect(b.disorder(cid)).toEqual([]);
});

describe("the disk refuses", () => {
  test("an operation: nothing has changed; the same request gets through afterwards, once", async () => {
    const { alice, bob, cid } = await strangers();
    const b = await connect(bob.uid);
    await removed(alice, bob);
    const headers = { "idempotency-key": crypto.randomUUID() };
    for (const write of ["INSERT ON contact", "INSERT ON contact_operation"]) {
      const mend = await breakDisk(() => conversationStub(cid), write);
      const answer = await asked(alice, bob, "hi", { headers });
      expect(codeOf(answer)).toBe("503 unavailable");
      expect(answer.text).not.toContain(SECRET);
      expect(await shownTo(alice)).toEqual([]);
      await mend();
    }
    for (let n = 0; n < 2; n += 1) expect((await asked(alice, bob, "hi", { headers })).status).toBe(202);
    await b.next("message");
    expect(await toldTo(bob, b)).toHaveLength(1);
  });

  test("the end of a request by a block: the block is told again, and the request ends", async () => {
    const { alice, bob, cid } = await strangers();
    await asked(alice, bob);
    const mend = await breakDisk(() => conversationStub(cid), "INSERT ON contact", `NEW.value LIKE '%"state":"none"%'`);
    expect((await as(bob, `PUT /v1/blocks/${alice.uid}`)).status).toBe(204);
    expect(await shownTo(bob)).toEqual([`${alice.uid} incoming`]);
    await mend();
    expect(await runDurableObjectAlarm(userStub(bob.uid))).toBe(true);
    await once(
      () => shownTo(bob),
      (shown) => shown.length === 0,
    );
    await once(
      () => shownTo(alice),
      (shown) => shown.length === 0,
    );
  });
});
