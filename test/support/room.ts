/** A group with people in it who write and acknowledge, and what must hold of it whatever happens meanwhile. */
import { expect } from "vitest";
import type { GroupChange } from "../../src/durable-objects/group-rpc.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import { crowd, group, headOf, insist } from "./crowd.ts";
import type { Device } from "./device.ts";
import { connect, range, user } from "./workers.ts";

export interface Room {
  readonly cid: Cid;
  readonly alice: Uid;
  readonly bob: Uid;
  readonly carol: Uid;
  /** The newest entry before anybody wrote. */
  readonly first: number;
  /** One device of each, and a second of alice's. */
  readonly devices: readonly Device[];
  /** The first three of them. */
  readonly writers: readonly [Device, Device, Device];
}

/** A new group, alice its owner, whose devices know of it; it has so many other members. */
export async function room(others = 0, change: Omit<GroupChange, "name"> = {}): Promise<Room> {
  const [alice, bob, carol] = [await user("alice"), await user("bob"), await user("carol")];
  const cid = await crowd([alice, bob, carol], others, change);
  const first = await headOf(cid, alice);
  const writers = [await connect(alice), await connect(bob), await connect(carol)] as const;
  const devices = [...writers, await connect(alice, { device: "desk" })];
  for (const device of devices) await device.head(cid, first);
  return { cid, alice, bob, carol, first, devices, writers };
}

/** The writers write so much, a few at a time, and acknowledge what came. */
export async function traffic({ cid, writers }: Room, messages: number): Promise<void> {
  const talk = async (writer: Device, w: number): Promise<void> => {
    for (const n of range(1, messages / 2)) {
      const ids = [writer.send(cid, `${w} says ${n}`), writer.send(cid, `${w} says ${n} again`)];
      for (const id of ids) await writer.answered(id);
      writer.write({ t: "ack", cid, seq: Math.max(...writer.seqs(cid)) });
    }
  };
  await Promise.all(writers.map(talk));
}

export async function modeOf({ cid, alice }: Room): Promise<string> {
  const card = await insist(() => group(cid).card(alice));
  return card.ok ? card.value.mode : card.error.code;
}

/** After a last word every device has all of the log once, in order, and was told the mode. `devices`: with what they had. */
export async function expectWhole(
  here: Room,
  mode: string,
  devices: readonly (readonly [Device, number])[] = here.devices.map((device) => [device, here.first]),
): Promise<void> {
  const { cid, writers } = here;
  const { seq: head } = await writers[0].sent(cid, "the last word");
  for (const [device, top] of devices) {
    expect(await device.everything(cid, head)).toEqual(range(1, head));
    expect(device.disorder(cid, top)).toEqual([]);
    expect(device.closed).toBeUndefined();
    expect(await device.head(cid, head)).toMatchObject({ head, mode });
  }
}
