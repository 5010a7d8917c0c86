/** An account's end whose object dies between two steps, whose store is down, or on whose way a disk refuses: all is done, once. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Cid } from "../../src/protocol/ids.ts";
import { friends, shownTo, type Pair } from "../support/contacts.ts";
import { partOf, reached, settle } from "../support/deletion.ts";
import { abort, advance, breakDisk, hold, SECRET } from "../support/faults.ts";
import { as, group, once, stateOf } from "../support/groups.ts";
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
});

const failed = (): Promise<unknown> => vi.waitUntil(() => lines.some((line) => line.includes("a step failed")), 20_000);

/** The store refuses to write down the end of any account. */
async function breakStore(write: string): Promise<() => Promise<void>> {
  await env.DB.prepare(`CREATE TRIGGER down BEFORE ${write} BEGIN SELECT RAISE(ABORT, '${SECRET}'); END`).run();
  const mend = async (): Promise<void> => void (await env.DB.prepare("DROP TRIGGER IF EXISTS down").run());
  mends.push(mend);
  return mend;
}

interface Life extends Pair {
  /** A group of alice and bob, hers. */
  readonly shared: Cid;
}

/** Alice has a chat, a contact and a group with bob. */
async function life(): Promise<Life> {
  const pair = await friends();
  const shared = await group(pair.alice, [pair.bob]);
  const [a, b] = [await connect(pair.alice.uid), await connect(pair.bob.uid)];
  await a.sent(pair.cid, "hello");
  await b.reached(pair.cid, 1);
  await once(
    () => rows(userStub(pair.alice.uid), "SELECT cid FROM head"),
    (heads) => heads.length >= 2,
  );
  return { ...pair, shared };
}

const STEPS: [string, (life: Life) => Promise<() => Promise<void>>][] = [
  ["the account is deleted in the store", () => breakStore("UPDATE ON users")],
  ["its logins are", () => breakStore("DELETE ON logins")],
  ["it is noted that both are", ({ alice }) => breakNote(alice.uid, "blocks")],
  ["a chat knows", ({ cid }) => breakDisk(() => conversationStub(cid), "UPDATE ON member")],
  ["contacts have ended", ({ cid }) => breakDisk(() => conversationStub(cid), "INSERT ON contact")],
  [
    "a group is handed over",
    ({ shared, alice }) =>
      breakDisk(() => conversationStub(shared), "INSERT ON group_member", `NEW.uid = '${alice.uid}'`),
  ],
  [
    "a group is left that was handed over",
    ({ shared, alice }) =>
      breakDisk(
        () => conversationStub(shared),
        "INSERT ON group_member",
        `NEW.uid = '${alice.uid}' AND NEW.left_seq > 0`,
      ),
  ],
  ["it is noted that all is left", ({ alice }) => breakNote(alice.uid, "settle")],
];

function breakNote(uid: Life["alice"]["uid"], part: string): Promise<() => Promise<void>> {
  return breakDisk(() => userStub(uid), "INSERT ON setting", `NEW.value LIKE '%"part":"${part}"%'`);
}

/** All that the end of alice's account is, once each. */
async function ended({ alice, bob, cid, shared }: Life): Promise<void> {
  const card = await as(bob, `GET /v1/users/${alice.uid}`, undefined, { env: { ...env } });
  expect(card.json).toMatchObject({ name: "", deleted: true });
  await once(
    () => shownTo(bob),
    (shown) => shown.length === 0,
  );
  const b = await connect(bob.uid, { device: "tablet" });
  b.write({ t: "send", id: "message-to-nobody", to: cid, body: { text: "hi" } });
  expect(await b.next("error")).toMatchObject({ code: "not_found" });
  expect(await stateOf(bob, shared)).toMatchObject({ card: { owner: bob.uid, members: 1 } });
  expect((await b.history(shared)).map(({ body }) => body).slice(-2)).toEqual([
    { event: "owner_changed", user: bob.uid },
    { event: "member_removed", users: [alice.uid] },
  ]);
  expect(await rows(userStub(alice.uid), "SELECT * FROM head")).toEqual([]);
}

describe("the object of an account that is deleted dies", () => {
  test.each(STEPS)("before %s: all is done once", async (_what, fault) => {
    const mine = await life();
    const { uid } = mine.alice;
    const mend = await fault(mine);
    expect((await as(mine.alice, "DELETE /v1/me")).status).toBe(202);
    await failed();
    await abort(userStub(uid));
    await mend();
    await reached(uid, "1 settle");
    await abort(userStub(uid));
    await settle(uid);
    await ended(mine);
    expect(lines.join("\n")).not.toContain(SECRET);
  });

  test("before everything is wiped: it is then, at once", async () => {
    const mine = await life();
    const { uid } = mine.alice;
    expect((await as(mine.alice, "DELETE /v1/me")).status).toBe(202);
    await reached(uid, "1 settle");
    const mend = await breakDisk(() => userStub(uid), "DELETE ON head");
    advance(61_000);
    await reached(uid, "2 wipe");
    expect((await rows(userStub(uid), "SELECT * FROM head")).length).toBeGreaterThan(0);
    await abort(userStub(uid));
    await mend();
    await reached(uid, "2 done");
    await ended(mine);
  });
});

test("an end that the disk refuses to begin has not begun; nobody is put out", async () => {
  const mine = await life();
  const device = await connect(mine.alice.uid, { device: "tablet" });
  const mend = await breakNote(mine.alice.uid, "account");
  mends.push(mend);
  const answer = await as(mine.alice, "DELETE /v1/me");
  expect([codeOf(answer), answer.text.includes(SECRET)]).toEqual(["503 unavailable", false]);
  await device.sent(mine.cid, "still here");
  expect(await rows(userStub(mine.alice.uid), "SELECT * FROM setting WHERE key = 'deletion'")).toEqual([]);
});

describe("the store is down", () => {
  test("for long: connections end at once, the alarm comes back as often as it takes", async () => {
    const mine = await life();
    const { uid } = mine.alice;
    const device = await connect(uid, { device: "tablet" });
    const mend = await breakStore("UPDATE ON users");
    expect((await as(mine.alice, "DELETE /v1/me")).status).toBe(202);
    expect(await device.end()).toBe(4401);
    for (let n = 0; n < 3; n += 1) {
      await abort(userStub(uid));
      expect(await runDurableObjectAlarm(userStub(uid))).toBe(true);
    }
    expect(await partOf(uid)).toBe("1 account");
    await mend();
    await reached(uid, "1 settle");
    await settle(uid);
    await ended(mine);
  });

  test("until the object has given up trying by itself: then its alarm does", async () => {
    const mine = await life();
    const { uid } = mine.alice;
    const mend = await breakStore("UPDATE ON users");
    expect((await as(mine.alice, "DELETE /v1/me")).status).toBe(202);
    await vi.waitUntil(() => lines.filter((line) => line.includes("a step failed")).length > 5, 20_000);
    await mend();
    await reached(uid, "1 settle");
    await settle(uid);
    await ended(mine);
  });
});

test("a chat that does not answer holds up what is behind it, and nothing for ever", async () => {
  const mine = await life();
  const { uid } = mine.alice;
  const held = await hold(conversationStub(mine.shared));
  expect((await as(mine.alice, "DELETE /v1/me")).status).toBe(202);
  await once(
    () => partOf(uid),
    (part) => part === "1 chats",
  );
  await held.kill();
  await reached(uid, "1 settle");
  await settle(uid);
  await ended(mine);
});
