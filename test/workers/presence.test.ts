/** Who is there, who types, and what blocks keep away. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { abort, advance } from "../support/faults.ts";
import { connect, pair, rows, user, userStub } from "../support/workers.ts";

const GRACE_MS = 10_000;

describe("presence", () => {
  test("is told at once and at every change: online at the first connection, offline after the grace", async () => {
    const { alice, bob } = await pair();
    const a = await connect(alice);
    a.write({ t: "watch", users: [bob, alice, "nobody" as never] });
    const first = [await a.next("presence"), await a.next("presence"), await a.next("presence")];
    expect(first.toSorted((x, y) => x.user.localeCompare(y.user))).toEqual([
      { t: "presence", user: alice, state: "online" },
      { t: "presence", user: bob, state: "offline" },
      { t: "presence", user: "nobody", state: "offline" },
    ]);
    const b = await connect(bob);
    expect(await a.next("presence")).toEqual({ t: "presence", user: bob, state: "online" });
    await b.close();
    await expect.poll(() => storedLastSeen(bob), WRITTEN).toBeGreaterThan(0);
    advance(GRACE_MS);
    expect(await runDurableObjectAlarm(userStub(bob))).toBe(true);
    const gone = await a.next("presence");
    expect(gone).toMatchObject({ user: bob, state: "offline" });
    expect(gone.last_seen).toBe(await storedLastSeen(bob));
  });

  test("does not flap when a device comes back within the grace", async () => {
    const { alice, bob } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    a.write({ t: "watch", users: [bob] });
    await a.next("presence");
    await b.close();
    await expect.poll(() => storedLastSeen(bob), WRITTEN).toBeGreaterThan(0);
    await connect(bob);
    advance(GRACE_MS);
    await runDurableObjectAlarm(userStub(bob));
    a.write({ t: "watch", users: [bob] });
    await a.next("presence");
    expect(a.all("presence").map(({ state }) => state)).toEqual(["online", "online"]);
  });

  test("an alarm that comes too early waits for the rest of the grace", async () => {
    const { alice, bob } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    a.write({ t: "watch", users: [bob] });
    await a.next("presence");
    await b.close();
    await expect.poll(() => storedLastSeen(bob), WRITTEN).toBeGreaterThan(0);
    expect(await runDurableObjectAlarm(userStub(bob))).toBe(true);
    a.write({ t: "watch", users: [bob] });
    expect((await a.next("presence")).state).toBe("online");
    advance(GRACE_MS);
    expect(await runDurableObjectAlarm(userStub(bob))).toBe(true);
    expect((await a.next("presence")).state).toBe("offline");
  });

  test("is not told to a device that no longer watches, but still to another that does", async () => {
    const { alice, bob } = await pair();
    const [phone, desk] = [await connect(alice), await connect(alice, { device: "desk" })];
    for (const device of [phone, desk]) {
      device.write({ t: "watch", users: [bob] });
      await device.next("presence");
    }
    phone.write({ t: "unwatch", users: [bob] });
    await phone.sync();
    await connect(bob);
    expect((await desk.next("presence")).state).toBe("online");
    await phone.sync();
    expect(phone.all("presence")).toHaveLength(1);
  });

  test("[RES1] watching goes on after either object slept or died", async () => {
    const { alice, bob } = await pair();
    const a = await connect(alice);
    a.write({ t: "watch", users: [bob] });
    await a.next("presence");
    await evictDurableObject(userStub(alice));
    await abort(userStub(bob));
    await connect(bob);
    expect(await a.next("presence")).toMatchObject({ user: bob, state: "online" });
    await abort(userStub(alice));
    // The new link watches again by itself, and so the state comes once more.
    expect(await a.next("presence")).toMatchObject({ user: bob, state: "online" });
    expect(a.closed).toBeUndefined();
  });

  test("[SEC1] to somebody who is blocked one is offline", async () => {
    const { alice, bob } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    await userStub(bob).setBlock(alice, true);
    a.write({ t: "watch", users: [bob] });
    expect(await a.next("presence")).toEqual({ t: "presence", user: bob, state: "offline" });
    await b.close();
    await connect(bob);
    await userStub(bob).setBlock(alice, false);
    a.write({ t: "watch", users: [bob] });
    expect((await a.next("presence")).state).toBe("online");
    expect(a.all("presence")).toHaveLength(2);
  });

  test("[SEC1] to a watcher who is blocked afterwards one has gone, whatever one does", async () => {
    const { alice, bob } = await pair();
    const carol = await user("carol");
    const [a, b, c] = [await connect(alice), await connect(bob), await connect(carol)];
    for (const device of [a, c]) {
      device.write({ t: "watch", users: [bob] });
      await device.next("presence");
    }
    await userStub(bob).setBlock(alice, true);
    expect(await a.next("presence")).toEqual({ t: "presence", user: bob, state: "offline" });
    await b.close();
    await expect.poll(() => storedLastSeen(bob), WRITTEN).toBeGreaterThan(0);
    advance(GRACE_MS);
    await runDurableObjectAlarm(userStub(bob));
    expect((await c.next("presence")).state).toBe("offline");
    await connect(bob);
    expect((await c.next("presence")).state).toBe("online");
    await a.sync();
    expect(a.all("presence").map(({ state }) => state)).toEqual(["online", "offline"]);
    await userStub(bob).setBlock(alice, false);
    expect(await a.next("presence")).toEqual({ t: "presence", user: bob, state: "online" });
  });
});

describe("typing", () => {
  test("is told to the other's devices, and lapses when it is not renewed", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b, b2] = [await connect(alice), await connect(bob), await connect(bob, { device: "desk" })];
    await a.sent(cid, "hi");
    a.write({ t: "typing", cid, on: true });
    for (const device of [b, b2])
      expect(await device.next("typing")).toEqual({ t: "typing", cid, user: alice, on: true });
    a.write({ t: "typing", cid, on: false });
    for (const device of [b, b2]) expect((await device.next("typing")).on).toBe(false);
    a.write({ t: "typing", cid, on: true });
    expect((await b.next("typing")).on).toBe(true);
    advance(6000);
    // Any event makes the object look at its clock.
    await b.sync();
    expect(await b.next("typing")).toEqual({ t: "typing", cid, user: alice, on: false });
    expect(a.all("typing")).toEqual([]);
  });

  test("goes to nobody where nobody has written yet", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    a.write({ t: "typing", cid, on: true });
    await a.sent(cid, "the sentinel");
    await b.reached(cid, 1);
    expect(b.all("typing")).toEqual([]);
  });
});

describe("quality of service 0", () => {
  test("reaches who is online on both sides, is stored nowhere and answered by nothing", async () => {
    const { alice, bob, cid } = await pair();
    const [a, a2, b] = [await connect(alice), await connect(alice, { device: "desk" }), await connect(bob)];
    const id = a.send(`@${bob}`, "now or never", { qos: 0, mentions: [bob] });
    for (const device of [a2, b]) {
      const message = await device.next("message");
      expect(message).toMatchObject({
        cid,
        id,
        from: alice,
        ephemeral: true,
        body: { text: "now or never" },
        mentions: [bob],
      });
      expect(message).not.toHaveProperty("seq");
    }
    expect((await a.sent(cid, "kept")).seq).toBe(1);
    expect(a.all("message")).toEqual([]);
    expect((await b.history(cid)).map(({ body }) => body)).toEqual([{ text: "kept" }]);
    expect(await b.head(cid)).toMatchObject({ head: 1, unread: 1 });
  });
});

describe("blocks", () => {
  test("who is blocked is told so, on every way; who blocks hears nothing; others are not concerned", async () => {
    const { alice, bob, cid } = await pair();
    const carol = await user("carol");
    const [a, b, c] = [await connect(alice), await connect(bob), await connect(carol)];
    await a.sent(cid, "before");
    await userStub(bob).setBlock(alice, true);
    expect(await a.refused({ t: "send", id: a.id(), to: cid, body: { text: "x" } })).toBe("blocked");
    expect(await a.refused({ t: "send", id: a.id(), to: `@${bob}`, body: { text: "x" }, qos: 2 })).toBe("blocked");
    expect(await a.refused({ t: "amend", id: a.id(), cid, target: 1, op: "edit", body: { text: "x" } })).toBe(
      "blocked",
    );
    a.send(cid, "x", { qos: 0 });
    a.write({ t: "typing", cid, on: true });
    await a.sync();
    await c.sent(`@${bob}`, "the sentinel");
    await b.next("message", ({ from }) => from === carol);
    expect(b.all("message").map(({ body }) => (body as { text: string }).text)).toEqual(["before", "the sentinel"]);
    expect(b.all("typing")).toEqual([]);
  });

  test("a block before the first message holds, after sleep too, and ends when it is lifted", async () => {
    const { alice, bob, cid } = await pair();
    const a = await connect(alice);
    await userStub(bob).setBlock(alice, true);
    const id = a.id();
    const frame = { t: "send", id, to: cid, body: { text: "hi" } };
    expect(await a.refused(frame)).toBe("blocked");
    await abort(userStub(bob));
    expect(await a.refused(frame)).toBe("blocked");
    await userStub(bob).setBlock(alice, false);
    expect((await a.sent(cid, "hi", { id })).seq).toBe(1);
  });
});

const WRITTEN = { timeout: 20_000 };

async function storedLastSeen(uid: Parameters<typeof userStub>[0]): Promise<number> {
  const [row] = await rows(userStub(uid), "SELECT value FROM setting WHERE key = 'last_seen'");
  return Number(row?.["value"] ?? 0);
}
