/** What a device is told when it comes back, and how it fetches what it lacks. */
import { describe, expect, test } from "vitest";
import { FRAME_BYTES, type HeadView } from "../../src/protocol/frames.ts";
import { directCid, type Cid } from "../../src/protocol/ids.ts";
import type { Device } from "../support/device.ts";
import { connect, dial, pair, range, token, user } from "../support/workers.ts";

async function fill(device: Device, cid: Cid, messages: number, text = ""): Promise<void> {
  const ids = range(1, messages).map((n) => device.send(cid, `${n}${text}`));
  for (const id of ids) await device.answered(id);
}

/** The heads that `hello` with `since` brought. */
async function greeted(device: Device): Promise<HeadView[]> {
  const { req, version } = await device.next("synced");
  expect(req).toBeUndefined();
  expect(version).toBe(device.version);
  return device.all("heads").flatMap(({ heads }) => heads);
}

describe("hello with since", () => {
  test("[RES1] tells what changed since, and nothing else", async () => {
    const { alice, bob, cid } = await pair();
    const carol = await user("carol");
    const [a, c, b] = [await connect(alice), await connect(carol), await connect(bob)];
    await a.sent(cid, "before");
    await c.sent(`@${bob}`, "before");
    await b.sync();
    await b.close();
    await a.sent(cid, "meanwhile");
    const again = await connect(bob, { since: b.version });
    expect(await greeted(again)).toMatchObject([{ cid, type: "direct", head: 2, read: 0, unread: 2, mode: "push" }]);
    expect((await again.history(cid, 1)).map(({ body }) => body)).toEqual([{ text: "meanwhile" }]);
    await a.sent(cid, "live");
    expect(await again.next("message")).toMatchObject({ cid, seq: 3 });
    await again.close();
    const third = await connect(bob, { since: again.version });
    expect(await greeted(third)).toEqual([]);
  });

  test("[RES1] since 0 tells everything; without since only what is new comes", async () => {
    const { alice, bob, cid } = await pair();
    const a = await connect(alice);
    await a.sent(cid, "before");
    const all = await connect(bob, { device: "all", since: 0 });
    expect((await greeted(all)).map((head) => head.cid)).toEqual([cid]);
    const none = await connect(bob, { device: "none" });
    await a.sent(cid, "after");
    await none.reached(cid, 2);
    expect(none.seqs(cid)).toEqual([2]);
    expect([none.all("heads"), none.all("synced")]).toEqual([[], []]);
  });

  test("[RES1] a version that cannot be is as good as 0", async () => {
    const { alice, bob, cid } = await pair();
    await (await connect(alice)).sent(cid, "before");
    const b = await connect(bob, { since: Number.MAX_SAFE_INTEGER });
    const { version } = await b.next("synced");
    expect(b.all("heads").flatMap(({ heads }) => heads)).toMatchObject([{ cid, head: 1 }]);
    expect(version).toBeLessThan(Number.MAX_SAFE_INTEGER);
  });

  test("[RES1] what other devices did meanwhile is told: sends, reads, amendments", async () => {
    const { alice, bob, cid } = await pair();
    const [a, a2, b] = [await connect(alice), await connect(alice, { device: "desk" }), await connect(bob)];
    await b.sent(cid, "one");
    await a.reached(cid, 1);
    await a2.sync();
    await a2.close();
    await a.sent(cid, "two");
    b.write({ t: "read", cid, seq: 2 });
    await a.next("receipt");
    const id = a.id();
    a.write({ t: "amend", id, cid, target: 2, op: "edit", body: { text: "two, edited" } });
    await a.answered(id);
    const again = await connect(alice, { device: "desk", since: a2.version });
    expect(await greeted(again)).toMatchObject([
      {
        cid,
        head: 3,
        read: 2,
        unread: 0,
        peer: { uid: bob, read: 2 },
        last: { seq: 2, body: { text: "two, edited" } },
      },
    ]);
  });
});

describe("sync", () => {
  test("pages heads by 100 to a frame, in the order of their changes, before synced", async () => {
    const alice = await user("alice");
    const a = await connect(alice);
    const peers = await Promise.all(range(1, 120).map((n) => user(`peer${n}x`)));
    const ids = peers.map((peer) => a.send(`@${peer}`, "hi"));
    for (const id of ids) await a.answered(id);
    await expect
      .poll(async () => (await a.sync()).filter(({ peer }) => peer?.name === ""), { timeout: 20_000 })
      .toEqual([]);
    const from = a.frames.length;
    const heads = await a.sync();
    expect(new Set(heads.map(({ cid }) => cid))).toEqual(new Set(peers.map((peer) => directCid(alice, peer))));
    expect(a.frames.slice(from).map((frame) => frame.t)).toEqual(["heads", "heads", "synced"]);
    const versions = heads.map(({ version }) => version);
    expect(versions).toEqual(versions.toSorted((x, y) => x - y));
    expect(await a.sync(versions[59])).toEqual(heads.slice(60));
    expect(await a.sync(a.version)).toEqual([]);
  });

  test("shortens long texts in heads and says so", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    const text = "😀".repeat(4000);
    await a.sent(cid, text);
    await b.reached(cid, 1);
    const { last } = await b.head(cid);
    expect(last).toMatchObject({ seq: 1, truncated: true });
    const { text: shown = "" } = (last?.body ?? {}) as { text?: string };
    expect(text.startsWith(shown) && shown.length > 100 && shown.isWellFormed()).toBe(true);
    expect((await b.history(cid))[0]?.body).toEqual({ text });
  });
});

describe("pull", () => {
  test("gives the newest by default, and pages in both directions", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    await fill(a, cid, 130);
    await b.reached(cid, 130);
    const seqs = async (query: Record<string, unknown>): Promise<[number[], number, boolean]> => {
      const page = await b.pull(cid, query);
      return [page.messages.map(({ seq }) => seq ?? 0), page.head, page.more];
    };
    expect(await seqs({})).toEqual([range(81, 130), 130, true]);
    expect(await seqs({ before: 81 })).toEqual([range(31, 80), 130, true]);
    expect(await seqs({ before: 31 })).toEqual([range(1, 30), 130, false]);
    expect(await seqs({ before: 1 })).toEqual([[], 130, false]);
    expect(await seqs({ after: 0, limit: 200 })).toEqual([range(1, 130), 130, false]);
    expect(await seqs({ after: 10, limit: 3 })).toEqual([[11, 12, 13], 130, true]);
    expect(await seqs({ after: 127, limit: 3 })).toEqual([[128, 129, 130], 130, false]);
    expect(await seqs({ after: 130 })).toEqual([[], 130, false]);
    expect(await seqs({ after: 9999 })).toEqual([[], 130, false]);
    expect(await seqs({ after: 10, before: 13, limit: 5 })).toEqual([[11, 12], 130, false]);
    expect(await seqs({ before: 9999, limit: 1 })).toEqual([[130], 130, true]);
  });

  test("cuts a page to fit one WebSocket message", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    await fill(a, cid, 12, "ü".repeat(7000));
    await b.reached(cid, 12);
    const page = await b.pull(cid, { after: 0 });
    expect(page.more).toBe(true);
    expect(new TextEncoder().encode(JSON.stringify(page)).byteLength).toBeLessThanOrEqual(FRAME_BYTES);
    expect((await b.history(cid)).map(({ seq }) => seq)).toEqual(range(1, 12));
    const newest = await b.pull(cid);
    expect(newest.messages.at(-1)?.seq).toBe(12);
    expect(newest.more).toBe(true);
  });

  test("refuses what is out of range, and the connection stays", async () => {
    const { alice, cid } = await pair();
    const a = await connect(alice);
    await a.sent(cid, "one");
    for (const query of [{ limit: 0 }, { limit: -1 }, { limit: 201 }, { after: -1 }, { before: 0 }]) {
      expect(await a.refused({ t: "pull", req: a.req(), cid, ...query })).toBe("invalid_argument");
    }
    expect((await a.pull(cid)).messages).toHaveLength(1);
  });

  test("of a chat that nobody has written in is empty", async () => {
    const { alice, cid } = await pair();
    expect(await (await connect(alice)).pull(cid)).toMatchObject({ messages: [], head: 0, more: false });
  });
});

describe("connections", () => {
  test("the same device again replaces the older connection, which is told so and gets nothing more", async () => {
    const { alice, bob, cid } = await pair();
    const [a, old] = [await connect(alice), await connect(bob)];
    const desk = await connect(bob, { device: "desk" });
    const fresh = await connect(bob);
    expect(await old.end()).toBe(4409);
    await a.sent(cid, "hello");
    await Promise.all([fresh.reached(cid, 1), desk.reached(cid, 1)]);
    expect(old.seqs(cid)).toEqual([]);
    expect(old.all("error")).toEqual([]);
    expect([fresh.closed, desk.closed]).toEqual([undefined, undefined]);
  });

  test("frames right behind hello are served after welcome", async () => {
    const { alice, bob, cid } = await pair();
    const a = await dial();
    const hello = { t: "hello", v: 1, token: await token(alice), device: { id: "phone" } };
    a.write(
      hello,
      { t: "send", id: "quick-off-the-mark", to: `@${bob}`, body: { text: "hi" } },
      { t: "sync", req: 1, since: 0 },
    );
    expect((await a.answered("quick-off-the-mark")).cid).toBe(cid);
    expect(a.frames[0]).toMatchObject({ t: "welcome", user: alice, device: "phone" });
  });

  test("without a good token the connection ends with 4401", async () => {
    const a = await dial();
    a.write({ t: "hello", v: 1, token: "not-a-token", device: { id: "phone" } });
    expect(await a.end()).toBe(4401);
    expect(a.all("error")).toMatchObject([{ code: "unauthenticated" }]);
  });
});
