/** A device that does not acknowledge. */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import type { Device } from "../support/device.ts";
import { connect, pair, range, userStub } from "../support/workers.ts";

const WINDOW = 512;

/** Sends from a fresh device of the user, whose connection has its own allowance. */
async function pour(uid: Uid, cid: Cid, messages: number): Promise<void> {
  for (let left = messages; left > 0; left -= 150) {
    const device = await connect(uid, { device: `d${left}` });
    const ids = range(1, Math.min(left, 150)).map((n) => device.send(cid, `${n}`));
    for (const id of ids) await device.answered(id);
    await device.close();
  }
}

async function lagging(): Promise<{ alice: Uid; bob: Uid; cid: Cid; b: Device; quick: Device }> {
  const users = await pair();
  const [b, quick] = [await connect(users.bob), await connect(users.bob, { device: "quick" })];
  for (let sent = 0; sent < WINDOW + 40;) {
    const count = Math.min(150, WINDOW + 40 - sent);
    await pour(users.alice, users.cid, count);
    sent += count;
    await quick.reached(users.cid, sent);
    quick.write({ t: "ack", cid: users.cid, seq: sent });
  }
  return { ...users, b, quick };
}

describe("beyond the window", () => {
  test("[FLW1] a device is handed no more than its window, then heads, and messages again once it acknowledges", async () => {
    const { alice, cid, b, quick } = await lagging();
    await b.until(() => b.all("heads").some(({ heads }) => heads[0]?.head === WINDOW + 40), "heads");
    expect(b.seqs(cid)).toEqual(range(1, WINDOW));
    expect(quick.seqs(cid)).toEqual(range(1, WINDOW + 40));
    // Half of it acknowledged: the window opens.
    b.write({ t: "ack", cid, seq: WINDOW / 2 - 1 });
    await pour(alice, cid, 1);
    await quick.reached(cid, WINDOW + 41);
    await b.sync();
    expect(b.seqs(cid)).toHaveLength(WINDOW);
    b.write({ t: "ack", cid, seq: WINDOW / 2 });
    await b.sync();
    await pour(alice, cid, 1);
    expect(await b.next("message", ({ seq }) => seq === WINDOW + 42)).toMatchObject({ cid });
    expect((await b.history(cid, WINDOW)).map(({ seq }) => seq)).toEqual(range(WINDOW + 1, WINDOW + 42));
    expect(b.seqs(cid)).toEqual([...range(1, WINDOW), WINDOW + 42]);
  });

  test("[FLW1] the state of a device that lags outlives its object's sleep", async () => {
    const { bob, alice, cid, b, quick } = await lagging();
    await evictDurableObject(userStub(bob));
    await pour(alice, cid, 2);
    await quick.reached(cid, WINDOW + 42);
    await b.sync();
    expect(b.seqs(cid)).toEqual(range(1, WINDOW));
    b.write({ t: "ack", cid, seq: WINDOW + 42 });
    await b.sync();
    await pour(alice, cid, 1);
    await b.reached(cid, WINDOW + 43);
    expect(b.seqs(cid).at(-1)).toBe(WINDOW + 43);
  });

  test("[FLW1] a read opens the window as an ack does", async () => {
    const { alice, cid, b } = await lagging();
    b.write({ t: "read", cid, seq: WINDOW + 40 });
    await b.sync();
    await pour(alice, cid, 1);
    expect(await b.next("message", ({ seq }) => seq === WINDOW + 41)).toMatchObject({ cid });
  });
});
