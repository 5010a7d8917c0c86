/** A device at a server that says what a test wants it to. */
import type { ClientFrame, Entry, ServerFrame, WireHead } from "../../../client/src/wire.ts";
import { FakeDevice } from "./device.ts";
import { FakeServer } from "./server.ts";

export const CID = "g.00000000000000000000000001";

/** A server that refuses nothing. */
export function calm(): FakeServer {
  return new FakeServer({ calm: true, once: () => false });
}

/** A device of `a` that is welcome, and has written nothing since. */
export function connected(options = { catchUp: 1_000, keep: 100 }, cid = CID, server = calm()): FakeDevice {
  server.chat(cid, ["a"]);
  const device = new FakeDevice("a", "a1", server, () => 0, options);
  device.start(0);
  device.open(0);
  device.sendUp(10);
  device.down(10, 0);
  device.up = [];
  return device;
}

/** The connection breaks, and there is another one, on which nothing is known yet. */
export function again(device: FakeDevice, now: number): void {
  device.cut(now - 10_000);
  device.tick(now);
  device.open(now);
  device.sendUp(1);
  // The welcome: nothing that the server knows by itself is said.
  device.down(1, now);
  device.link?.down.splice(0);
}

export function told(device: FakeDevice, said: readonly ServerFrame[], now = device.now): void {
  device.link?.down.push(...said);
  device.down(said.length, now);
}

export function head(more: Partial<WireHead>): WireHead {
  return {
    cid: CID,
    type: "group",
    head: 3,
    read: 0,
    unread: 0,
    version: 1,
    muted: false,
    pinned: false,
    mode: "push",
    ...more,
  };
}

export function entry(seq: number, more: Partial<Entry> = {}): Entry {
  const id = `id-${seq}`;
  return { cid: CID, seq, id, from: "b", ts: 1, kind: "text", body: { text: `${seq}` }, priority: 1, ...more };
}

/** Entries from one place to another. */
export function entries(from: number, to: number, more: (seq: number) => Partial<Entry> = () => ({})): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, n) => entry(from + n, more(from + n)));
}

/** What was written of one kind and has not arrived. */
export function frames<T extends ClientFrame["t"]>(device: FakeDevice, t: T): Extract<ClientFrame, { t: T }>[] {
  return device.up.filter((frame): frame is Extract<ClientFrame, { t: T }> => frame.t === t);
}

/** The server answers the newest request for a page. */
export function paged(
  device: FakeDevice,
  messages: readonly Entry[],
  end: number,
  more = false,
  now = device.now,
): void {
  const { req = "", cid = CID } = frames(device, "pull").at(-1) ?? {};
  told(device, [{ t: "page", req, cid, messages, head: end, more }], now);
}

/** A device that holds all of a log of so many entries. */
export function holding(count: number, options?: { catchUp: number; keep: number }): FakeDevice {
  const device = connected(options);
  told(device, [{ t: "heads", version: 1, heads: [head({ head: count })] }]);
  paged(device, entries(1, count), count);
  device.up = [];
  return device;
}
