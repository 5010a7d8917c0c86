/** What is held of a conversation: older pages, parts elsewhere, and a server that gives nothing more, or has lost some. */
import { expect, test } from "vitest";
import type { FakeDevice } from "./device.ts";
import { Part } from "../../../client/src/core/part.ts";
import type { ServerFrame } from "../../../client/src/wire.ts";
import { again, CID, connected, entries, entry, frames, head, holding, paged, told } from "./said.ts";

const texts = (device: FakeDevice): string[] => device.messages(CID).map(({ text }) => text);
const resets = (device: FakeDevice): number => device.told.filter(({ type }) => type === "reset").length;
const refused = (code: string, ref: string | number): ServerFrame => ({
  t: "error",
  code,
  message: "",
  ref,
  request_id: "r",
});

test("[ORD2] an amendment that comes before the page of its message is in it, whoever asks for older messages meanwhile", () => {
  const device = connected();
  told(device, [{ t: "heads", version: 1, heads: [head({ head: 5, first: 6 })] }]);
  device.act((core, at) => core.older(CID, 3, 1, at), 0);
  const recall = { kind: "amend", op: "recall", body: undefined } as const;
  told(device, [{ t: "message", ...entry(6, { ...recall, target: 3 }), version: 2 }]);
  device.act((core, at) => core.older(CID, 3, 2, at), 0);
  told(device, [{ t: "message", ...entry(7, { ...recall, target: 2 }), version: 3 }]);
  const [first, second] = frames(device, "pull");
  expect([first, second]).toMatchObject([{ before: 6 }, { before: 6 }]);
  const page = { t: "page", cid: CID, head: 5 } as const;
  told(device, [{ ...page, req: first?.req ?? "", messages: entries(3, 5), more: true }]);
  expect(texts(device)).toEqual(["", "4", "5"]);
  // What was asked for before the log had so much of it is asked for anew.
  told(device, [{ ...page, req: second?.req ?? "", messages: entries(3, 5), more: true }]);
  paged(device, entries(1, 2), 5);
  expect(texts(device)).toEqual(["1", "", "", "4", "5"]);
  expect(device.core.state.room(CID).log.paging).toBe(0);
});

test("a page that is refused takes nothing away of what is held, and nothing more is asked until the server says how it stands", () => {
  const device = holding(2);
  told(device, [{ t: "heads", version: 2, heads: [head({ head: 4, unread: 4 })] }]);
  told(device, [refused("not_member", frames(device, "pull").at(-1)?.req ?? "")]);
  device.act((core, at) => core.look(CID, true, at), 0);
  device.tick(100_000);
  expect([texts(device), resets(device), frames(device, "pull").length]).toEqual([["1", "2"], 0, 1]);
  device.crash(100_000, 0);
  expect(texts(device)).toEqual(["1", "2"]);
  // A member again.
  again(device, 105_000);
  told(device, [{ t: "heads", version: 3, heads: [head({ head: 4 })] }], 105_000);
  paged(device, entries(3, 4), 4, false, 105_000);
  expect(texts(device)).toEqual(["1", "2", "3", "4"]);
});

test("what is skipped is told, ends the parts that were held of it, and leaves out nothing that waits behind it", () => {
  const device = holding(2);
  const room = device.core.state.room(CID);
  const part = new Part(1);
  room.parts.add(part);
  told(device, [{ t: "message", ...entry(9), version: 2 }]);
  device.told = [];
  told(device, [{ t: "heads", version: 3, heads: [head({ head: 9, first: 9 })] }]);
  expect([texts(device), resets(device), part.ended, room.parts.size]).toEqual([["9"], 1, true, 0]);
  expect(device.told.flatMap((event) => (event.type === "message" ? [event.message.seq] : []))).toEqual([9]);
  device.crash(0, 0);
  expect(texts(device)).toEqual(["9"]);
});

/** The server says of a place that something else is there, and has a log of so many entries that are the same up to one place. */
function restored(device: FakeDevice, at: number, same: number, end: number): void {
  const other = (seq: number): { id: string } => ({ id: seq <= same ? `id-${seq}` : `other-${seq}` });
  told(device, [{ t: "message", ...entry(at, other(at)), version: 9 }]);
  again(device, 20_000);
  told(device, [{ t: "heads", version: 9, heads: [head({ head: end })] }], 20_000);
  const [first, ...rest] = entries(Math.max(1, end - 49), end, other);
  if (first !== undefined) paged(device, [first, ...rest], end, false, 20_000);
}

test("[RES1] after a backup, what waited beyond a hole of the old log is not of the new one", () => {
  const device = holding(1);
  told(device, [{ t: "message", ...entry(3, { id: "old" }), version: 2 }, refused("invalid_argument", CID)]);
  again(device, 20_000);
  told(device, [{ t: "heads", version: 1, heads: [head({ head: 1 })] }], 20_000);
  paged(device, [entry(1)], 1, false, 20_000);
  told(device, [{ t: "message", ...entry(2, { id: "new" }), version: 2 }], 20_000);
  expect(device.messages(CID).map(({ id }) => id)).toEqual(["id-1", "new"]);
});

test("[RES1] after a backup, what took the places of what was handled is not handled", () => {
  const device = holding(10);
  const { state } = device.core;
  device.act(() => state.handled(CID, 10), 0);
  // Back to 6, and six others have come since: at once nothing from the place on that is another, then nothing that is not the same.
  told(device, [{ t: "message", ...entry(10, { id: "other" }), version: 5 }]);
  expect(state.room(CID).handled).toBe(9);
  again(device, 20_000);
  told(device, [{ t: "heads", version: 9, heads: [head({ head: 12 })] }], 20_000);
  expect(state.room(CID).unproven).toBe(true);
  paged(device, [...entries(1, 6), ...entries(7, 12, (seq) => ({ id: `other-${seq}` }))], 12, false, 20_000);
  expect([state.room(CID).handled, state.room(CID).same, state.room(CID).unproven]).toEqual([6, 6, false]);
});

test("[RES1] where a backup has lost all that was known, it is handled again from there; where it has lost nothing, it stays handled", () => {
  const lost = holding(120, { catchUp: 1_000, keep: 10 });
  lost.act(({ state }) => state.handled(CID, 120), 0);
  const first = lost.core.state.room(CID).log.held[0]?.entry.seq ?? 0;
  restored(lost, 120, 50, 130);
  expect(lost.core.state.room(CID).handled).toBe(first - 1);

  const kept = holding(10);
  kept.act(({ state }) => state.handled(CID, 8), 0);
  // Another conversation was the one that showed it.
  kept.act(({ state }) => state.anew(), 0);
  again(kept, 20_000);
  told(kept, [{ t: "heads", version: 9, heads: [head({ head: 12 })] }], 20_000);
  paged(kept, entries(1, 12), 12, false, 20_000);
  expect([kept.core.state.room(CID).handled, kept.core.state.room(CID).same]).toEqual([8, Infinity]);
});

test("[RES1] a start of the application amid the pages of a new log goes on with the next one, and takes nothing of it for the old log", () => {
  const device = connected({ catchUp: Infinity, keep: 1_000 });
  told(device, [{ t: "heads", version: 1, heads: [head({ head: 400, first: 101 })] }]);
  paged(device, entries(101, 400), 400);
  device.act(({ state }) => state.handled(CID, 400), 0);
  told(device, [{ t: "message", ...entry(400, { id: "other" }), version: 5 }]);
  again(device, 20_000);
  told(device, [{ t: "heads", version: 9, heads: [head({ head: 400 })] }], 20_000);
  const other = (seq: number): { id: string } => ({ id: `other-${seq}` });
  paged(device, [...entries(1, 100), ...entries(101, 200, other)], 400, true, 20_000);
  device.crash(20_000, 0);
  again(device, 20_000);
  expect(device.core.state.room(CID).anew).toBe(false);
  expect(frames(device, "pull")).toMatchObject([{ after: 199 }]);
  paged(device, entries(200, 400, other), 400, false, 20_000);
  expect(device.core.state.room(CID).same).toBe(100);
});

test("[RES1] what came of a new log before a start of the application is not of the old one", () => {
  const device = connected();
  told(device, [{ t: "heads", version: 1, heads: [head({ head: 10, first: 6 })] }]);
  paged(device, entries(6, 10), 10);
  device.act(({ state }) => state.handled(CID, 10), 0);
  told(device, [{ t: "message", ...entry(10, { id: "other" }), version: 5 }]);
  again(device, 20_000);
  told(device, [{ t: "message", ...entry(1), version: 6 }], 20_000);
  expect([device.core.state.room(CID).handled, device.core.state.room(CID).unproven]).toEqual([5, false]);
  device.crash(20_000, 0);
  expect(texts(device)).toEqual(["1"]);
  expect(device.core.state.room(CID).unproven).toBe(false);
});
