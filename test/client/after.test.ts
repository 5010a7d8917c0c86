/** Who reads a conversation by place, while a server is put back to a backup. */
import { expect, test } from "vitest";
import { messagesAfter } from "../../client/src/after.ts";
import type { Engine } from "../../client/src/engine.ts";
import type { Message } from "../../client/src/message.ts";
import type { FakeDevice } from "../unit/client/device.ts";
import { again, CID, entries, entry, frames, head, holding, paged, told } from "../unit/client/said.ts";

const other = (seq: number): { id: string } => ({ id: `other-${seq}` });

/** What comes after a place, on a device whose user is told of each event as the engine does. */
function reading(device: FakeDevice, seq: number): { next: () => Promise<string | undefined>; look: () => void } {
  const looks = new Set<() => void>();
  const wait = async (probe: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!probe()) return;
        looks.delete(look);
        resolve();
      };
      looks.add(look);
      look();
    });
  const engine = {
    core: device.core,
    mustLive: () => {},
    known: async () => {
      device.messages(CID);
      await wait(() => device.core.state.knows(CID));
    },
    wait,
  };
  const messages = messagesAfter(CID, seq, engine as unknown as Engine, () => {
    throw new Error("all of it is here");
  });
  let seen = device.told.length;
  return {
    next: async () => ((await messages.next()) as { value: Message | undefined }).value?.id,
    look: () => {
      // Only an event says that there is something to look at.
      if (device.told.length === seen) return;
      seen = device.told.length;
      for (const look of looks) look();
    },
  };
}

/** All of the new log, which is the same up to the sixth place. */
function proven(device: FakeDevice): void {
  paged(device, [...entries(1, 6), ...entries(7, 12, other)], 12, false, 20_000);
}

/** Handled up to 9 of 10, when it shows that the server was put back to 6, and has 6 others. */
function putBack(): FakeDevice {
  const device = holding(10);
  device.act(({ state }) => state.handled(CID, 9), 0);
  told(device, [{ t: "message", ...entry(10, other(10)), version: 5 }]);
  again(device, 20_000);
  return device;
}

const newHead = (): Parameters<typeof told>[1] => [{ t: "heads", version: 9, heads: [head({ head: 12 })] }];

test("[RES1] after a backup, who begins to read where it had got to, before the new log is here, misses nothing of it", async () => {
  const device = putBack();
  const { handled } = device.core.state.room(CID);
  expect(handled).toBe(9);
  const { next, look } = reading(device, handled);
  const first = next();
  told(device, newHead(), 20_000);
  look();
  proven(device);
  look();
  expect([await first, await next(), await next(), await next()]).toEqual([7, 8, 9, 10].map((n) => other(n).id));
});

test("[RES1] after a backup and a start of the application, it misses nothing of the new log", async () => {
  const device = putBack();
  told(device, newHead(), 20_000);
  device.crash(20_000, 0);
  const { next, look } = reading(device, device.core.state.room(CID).handled);
  const first = next();
  again(device, 20_000);
  look();
  proven(device);
  look();
  expect([await first, await next()]).toEqual([7, 8].map((n) => other(n).id));
});

test("[RES1] that nothing more is given of a log that is not known to be the same is told, so that nobody waits for it", () => {
  const device = putBack();
  told(device, newHead(), 20_000);
  device.told = [];
  const { req = "" } = frames(device, "pull").at(-1) ?? {};
  told(device, [{ t: "error", code: "not_member", message: "", ref: req, request_id: "r" }], 20_000);
  expect(device.core.state.room(CID).unproven).toBe(false);
  expect(device.told).toEqual([{ type: "room", cid: CID }]);
});
