/** Time of the client: whatever is done to the clock of a device, it only moves on. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Clock } from "../../../client/src/clock.ts";
import { timeOf } from "../../../client/src/core/ulid.ts";
import type { ClientFrame } from "../../../client/src/wire.ts";
import { FakeDevice } from "./device.ts";
import { FakeServer } from "./server.ts";

const HOUR = 3_600_000;
const CID = "d.a.b";

test("time never runs backwards, never loses any, and gains only what the wall clock has jumped", () => {
  const steps = fc.array(fc.record({ passed: fc.nat(10_000), set: fc.integer({ min: -9 * HOUR, max: 9 * HOUR }) }));
  fc.assert(
    fc.property(steps, (all) => {
      let [steady, wall] = [5, 1e12];
      const clock = new Clock(
        () => steady,
        () => wall,
      );
      expect(clock.now()).toBe(1e12);
      for (const { passed, set } of all) {
        const before = clock.now();
        steady += passed;
        wall += passed + set;
        const after = clock.now();
        expect(after - before).toBe(passed + (set > 1000 ? set : 0));
        expect(clock.wall(after + 7)).toBe(wall + 7);
      }
    }),
  );
});

test("a clock that ticks a little faster or slower than the steady one is not taken for sleep", () => {
  let steady = 0;
  const clock = new Clock(
    () => steady,
    () => 1e12 + Math.floor(steady * 1.001),
  );
  for (let n = 0; n < 10_000; n += 1) {
    steady += 100.4;
    clock.now();
  }
  expect(Math.round(clock.now() - 1e12)).toBe(1_004_000);
});

function connected(skew: number): { device: FakeDevice; server: FakeServer } {
  const server = new FakeServer({ calm: true, once: () => false });
  server.chat(CID, ["a", "b"]);
  server.now = 1e10;
  const device = new FakeDevice("a", "a1", server, () => 0, { catchUp: 1_000, keep: 100 });
  device.skew = skew;
  device.crash(1e10, 0);
  online(device, 1e10);
  return { device, server };
}

function online(device: FakeDevice, now: number): void {
  device.tick(now);
  device.open(now);
  device.sendUp(10);
  device.down(10, now);
}

function write(device: FakeDevice, now: number, ttl?: number): string {
  device.now = now;
  const id = device.newId();
  const frame = {
    t: "send",
    id,
    to: CID,
    kind: "text",
    body: { text: "hi" },
    ...(ttl !== undefined && { ttl }),
  } as const;
  device.act((core, at) => core.send(CID, frame, at), now);
  return id;
}

const sends = (device: FakeDevice): ClientFrame[] => device.up.filter(({ t }) => t === "send");

test.each([-48, -1, 1, 48])("a clock that is set by %i hours stops nothing", (hours) => {
  const { device } = connected(0);
  device.skew = hours * HOUR;
  // More than may be written at once; acknowledgements and pings go on, too.
  for (let n = 0; n < 3; n += 1) write(device, 1e10 + 10 + n);
  expect(sends(device)).toHaveLength(3);
  device.cut(1e10 + 20);
  const { state, retryAt = 0 } = device.core.link.connection;
  expect(state).toBe("offline");
  // Shown by the clock as it is set now.
  expect(retryAt - device.skew).toBeGreaterThan(1e10);
  expect(retryAt - device.skew).toBeLessThan(1e10 + 1_000);
  device.skew = -hours * HOUR;
  device.tick(1e10 + 1_000);
  device.open(1e10 + 1_000);
  expect(device.link).toBeDefined();
});

test("a time to live is as long as was said, however the clock is set", () => {
  const { device } = connected(0);
  device.cut(1e10);
  device.skew = -HOUR;
  const id = write(device, 1e10 + 1, 10);
  device.tick(1e10 + 9_000);
  expect(device.core.state.outbox.get(id)?.record.failure).toBeUndefined();
  expect(device.messages(CID)[0]?.ts).toBe(1e10 + 1 - HOUR);
  device.tick(1e10 + 10_001);
  expect(device.core.state.outbox.get(id)?.record.failure?.code).toBe("deadline_exceeded");
});

test("ids carry the server's time, however wrong the clock is, also after a start without a connection", () => {
  for (const skew of [-48 * HOUR, 0, 48 * HOUR]) {
    const { device } = connected(skew);
    expect(timeOf(write(device, 1e10 + 5))).toBe(1e10 + 5);
    device.flush();
    device.crash(1e10 + 10, 0);
    expect(timeOf(write(device, 1e10 + 20))).toBe(1e10 + 20);
  }
});

test("what was written by a wrong clock gets a new id before it goes, or once when it is refused and was never sent before", () => {
  const { device, server } = connected(0);
  device.cut(1e10);
  device.flush();
  device.skew = -48 * HOUR;
  device.crash(1e10 + 1, 0);
  const old = write(device, 1e10 + 2);
  server.now = 1e10 + 10;
  online(device, 1e10 + 10);
  const [sent] = sends(device) as { id: string }[];
  expect([timeOf(old), timeOf(sent?.id ?? "")]).toEqual([1e10 + 2 - 48 * HOUR, 1e10 - (1e10 % (10 * HOUR))]);

  const refused = (id: string): void => {
    device.up = [];
    device.link?.down.push({ t: "error", code: "id_expired", message: "", ref: id, request_id: "r" });
    device.down(1, 1e10 + 20);
  };
  refused(sent?.id ?? "");
  const [again] = sends(device) as { id: string }[];
  expect(again?.id).toBeDefined();
  expect(again?.id).not.toBe(sent?.id);
  refused(again?.id ?? "");
  expect(sends(device)).toEqual([]);
  expect(device.core.state.outbox.get(old)?.record.failure?.code).toBe("id_expired");

  // The first attempt of this one may have arrived: under another id it could be there twice.
  const id = write(device, 1e10 + 30);
  device.cut(1e10 + 31);
  online(device, 1e10 + 2_000);
  refused(id);
  expect(device.core.state.outbox.get(id)?.record.failure?.code).toBe("id_expired");
});
