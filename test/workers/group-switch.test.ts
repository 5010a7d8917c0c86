/** A group that goes from push to pull mode and back while people write: nobody notices. */
import { describe, expect, test } from "vitest";
import { headOf, LARGE, shrink, swell, write } from "../support/crowd.ts";
import { abort } from "../support/faults.ts";
import { expectWhole, modeOf, room, traffic, type Room } from "../support/room.ts";
import { connect, conversationStub, range, relayStub, userStub } from "../support/workers.ts";

describe("a group that grows and shrinks while everybody writes", () => {
  test("[ORD2] [RES1] [FLW1] push → pull → push → pull: nothing is lost, doubled or out of order", async () => {
    const here = await room();
    const { cid, alice, bob, first } = here;
    const silent = await connect(bob, { device: "silent" });
    // Who acknowledges nothing has a window that is nearly full, and falls behind between two modes.
    const full = await write(cid, alice, 480);
    for (const device of here.devices) {
      await device.reached(cid, full);
      device.write({ t: "ack", cid, seq: full });
    }
    const [, others] = await Promise.all([traffic(here, 20), swell(cid, alice, LARGE)]);
    expect(await modeOf(here)).toBe("pull");
    const top = await headOf(cid, alice);
    const [, desk] = await Promise.all([traffic(here, 20), connect(bob, { device: "desk", since: 0 })]);
    await Promise.all([traffic(here, 20), shrink(cid, alice, others.slice(5))]);
    expect(await modeOf(here)).toBe("push");
    await Promise.all([traffic(here, 20), swell(cid, alice, LARGE)]);
    const all = [...here.devices, silent].map((device) => [device, first] as const);
    await expectWhole(here, "pull", [...all, [desk, top]]);
  });

  const VICTIMS: [string, (here: Room) => DurableObjectStub][] = [
    ["the conversation", ({ cid }) => conversationStub(cid)],
    ["the relay", ({ cid }) => relayStub(cid)],
    ["a writer's object", ({ bob }) => userStub(bob)],
  ];

  test.each(VICTIMS)("[ORD2] [RES1] [DUP1] %s dies while it goes to pull mode and back", async (_, victim) => {
    const here = await room();
    const { cid, alice, writers } = here;
    const dying = async (): Promise<void> => {
      for (const death of range(1, 3)) {
        await writers[0].sent(cid, `before death ${death}`);
        await abort(victim(here));
      }
    };
    const [others] = await Promise.all([swell(cid, alice, LARGE), traffic(here, 20), dying()]);
    expect(await modeOf(here)).toBe("pull");
    await Promise.all([shrink(cid, alice, others.slice(5)), traffic(here, 20), dying()]);
    expect(await modeOf(here)).toBe("push");
    await expectWhole(here, "push");
  });
});
