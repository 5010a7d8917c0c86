/** The store of Node on disks that are full, and with files that were damaged. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { Orphans } from "../../../client/src/orphans.ts";
import { Shell } from "../../../client/src/shell.ts";
import { file, fileTokens } from "../../../client/src/store/file.ts";
import { memory, type Store } from "../../../client/src/store/store.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const clean of cleanups.splice(0)) await clean();
});

function folder(): { path: string; journal: string } {
  const path = mkdtempSync(join(tmpdir(), "mpim-store-"));
  cleanups.push(() => rmSync(path, { recursive: true }));
  return { path, journal: join(path, "journal.jsonl") };
}

async function opened(path: string): Promise<Store> {
  const store = file(path);
  await store.open();
  return store;
}

const keys = async (store: Store): Promise<string[]> => [...(await store.read("")).keys()];

/** What a handle does, done by something else once. */
async function handles(): Promise<FileHandle> {
  const one = await open(import.meta.filename);
  await one.close();
  return Object.getPrototypeOf(one) as FileHandle;
}

/** The disk takes half of the next line, and no more. */
async function fillDisk(): Promise<void> {
  const { appendFile } = await handles();
  vi.spyOn(await handles(), "appendFile").mockImplementationOnce(async function (this: FileHandle, data) {
    const bytes = data as Buffer;
    await appendFile.call(this, bytes.subarray(0, bytes.length / 2));
    throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  });
}

test("a line that the disk did not take leaves nothing for those that follow", async () => {
  const { path } = folder();
  const store = await opened(path);
  await store.write(new Map([["a", 1]]));
  await fillDisk();
  await expect(store.write(new Map([["b", 2]]))).rejects.toThrow("no space");
  expect(await keys(store)).toEqual(["a"]);
  await store.write(new Map([["c", 3]]));
  // Neither the line nor taking it away again.
  await fillDisk();
  vi.spyOn(await handles(), "truncate").mockRejectedValueOnce(new Error("read-only"));
  await expect(store.write(new Map([["d", 4]]))).rejects.toThrow("no space");
  await store.write(new Map([["e", 5]]));
  await store.close();
  const again = await opened(path);
  expect(await keys(again)).toEqual(["a", "c", "e"]);
  expect(again.faults?.()).toEqual([]);
  await again.close();
});

test.each(["5", "null", "{}", "[5]", '[["k"', "[[1,2]]", '[["k",1,2]]', "\0\0\0"])(
  "a line of %j in the middle is told and costs nothing else; as the last one it never happened",
  async (junk) => {
    const { path, journal } = folder();
    writeFileSync(journal, `[["a",1]]\n${junk}\n[["b",2]]\n${junk}`);
    const store = await opened(path);
    expect(await keys(store)).toEqual(["a", "b"]);
    expect(store.faults?.()).toMatchObject([
      { code: "store_failed", message: `${journal} has lines that cannot be read, and are passed over: 2` },
    ]);
    expect(store.faults?.()).toEqual([]);
    await store.close();
    appendFileSync(journal, `${junk}\n`);
    const again = await opened(path);
    expect(await keys(again)).toEqual(["a", "b"]);
    expect(again.faults?.()).toEqual([]);
    await again.close();
  },
);

test("a journal that cannot be written anew is used as it is", async () => {
  const { path, journal } = folder();
  writeFileSync(journal, '[["a",1]]\n[["b",');
  await fillDisk();
  const store = await opened(path);
  expect(await keys(store)).toEqual(["a"]);
  await store.write(new Map([["c", 3]]));
  expect(readFileSync(journal, "utf8")).toBe('[["a",1]]\n[["c",3]]\n');

  // In the middle of its life: the write that was the reason is kept all the same.
  vi.spyOn(await handles(), "sync").mockRejectedValueOnce(new Error("no space left on device"));
  for (let n = 0; n < 2_000; n += 1) await store.write(new Map([["n", n]]));
  expect(readFileSync(journal, "utf8").split("\n").length).toBeGreaterThan(2_000);
  for (let n = 0; n < 2_000; n += 1) await store.write(new Map([["n", n]]));
  expect(readFileSync(journal, "utf8").split("\n").length).toBeLessThan(2_000);
  await store.close();
  const again = await opened(path);
  expect(Object.fromEntries(await again.read(""))).toEqual({ a: 1, c: 3, n: 1_999 });
  await again.close();
});

test("a folder that cannot be is named by the error", async () => {
  const { path, journal } = folder();
  writeFileSync(journal, "");
  const store = file(join(journal, "below"));
  await expect(store.open()).rejects.toMatchObject({
    name: "MpimError",
    code: "store_failed",
    message: expect.stringContaining(`file("${path}`),
  });
});

/** A chat without a server, on what is in the store. */
async function shell(store: Store): Promise<{ shell: Shell; told: unknown[] }> {
  class Silent {
    readyState = 0;
    send(): void {}
    close(): void {}
    addEventListener(): void {}
  }
  const core = { catchUp: 1_000, keep: 100, backoff: { least: 1, most: 1 } };
  const options = {
    url: "http://server",
    token: () => "t",
    store,
    WebSocket: Silent,
    device: {},
    timeout: 30_000,
    core,
  };
  const one = await Shell.open(options);
  const told: unknown[] = [];
  one.storeFailed = (error) => told.push(error);
  cleanups.push(() => one.close());
  return { shell: one, told };
}

const CID = "d.a.b";
const out = (key: string): unknown => ({
  key,
  cid: CID,
  order: 1,
  created: 1,
  tried: false,
  frame: { t: "send", id: key, to: CID, kind: "text", body: { text: key } },
});

test("what a store has that cannot be read is told, dropped, and keeps nobody from the rest", async () => {
  const store = memory();
  const me = { user: "a", version: 5, synced: true };
  await store.write(
    new Map<string, unknown>([
      ["me", me],
      ["chat/x", null],
      ["out/m", out("m")],
      ["out/n", 5],
    ]),
  );
  const { shell: one, told } = await shell(store);
  one.complain();
  expect(told).toMatchObject([{ code: "store_failed", message: expect.stringContaining("chat/x, out/n") }]);
  expect(one.core.state.outbox.waiting).toBe(1);
  expect(one.core.state.me).toEqual({ user: "a", version: 0, synced: false });
  await one.kept();
  expect(await keys(store)).toEqual(["me", "out/m"]);
});

test("stored messages with one that cannot be read are put aside: a log has no holes", async () => {
  const store = memory();
  const me = { user: "a", version: 5, synced: true };
  const { shell: before } = await shell(store);
  await store.write(new Map<string, unknown>([["me", me]]));
  await before.close();
  const { shell: one, told } = await shell(store);
  one.turn((core) => {
    core.state.skip(core.state.room(CID), 3);
    core.state.settle();
  });
  await one.kept();
  const entry = { cid: CID, seq: 3, id: "m", from: "b", ts: 1, kind: "text", body: { text: "x" }, priority: 1 };
  await store.write(
    new Map<string, unknown>([
      [`msg/${CID}/3`, { entry, folded: 3 }],
      [`msg/${CID}/2`, null],
    ]),
  );
  const { shell: again, told: complaints } = await shell(store);
  await again.load(CID);
  expect(again.core.state.messages(again.core.state.room(CID))).toEqual([]);
  expect(complaints).toMatchObject([{ code: "store_failed", message: expect.stringContaining(`msg/${CID}/2`) }]);
  await again.kept();
  expect(await keys(store)).not.toContain(`msg/${CID}/2`);
  expect(told).toEqual([]);
});

test("what others have left in a store that is shared is looked for now and then", async () => {
  vi.useFakeTimers();
  cleanups.push(() => vi.useRealTimers());
  const left: ReadonlyMap<string, unknown>[] = [
    new Map(),
    new Map([
      ["out/o", out("o")],
      ["out/p", null],
    ]),
  ];
  const fault = new Error("a database that cannot be read");
  const faults: unknown[] = [];
  const store: Store = {
    ...memory(),
    adopt() {
      const next = left.shift();
      if (next === undefined) return Promise.reject(new Error("gone"));
      return Promise.resolve(next);
    },
    faults: () => faults.splice(0),
  };
  await store.write(new Map([["me", { user: "a", version: 5, synced: true }]]));
  const { shell: one, told } = await shell(store);
  const orphans = new Orphans(store, one);
  orphans.watch();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(one.core.state.outbox.waiting).toBe(0);
  faults.push(fault);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(one.core.state.outbox.waiting).toBe(1);
  const failure = { name: "MpimError", code: "store_failed", cause: fault };
  expect(told).toMatchObject([failure]);
  await orphans.take();
  expect(told).toMatchObject([failure, { code: "store_failed", cause: { message: "gone" } }]);
  orphans.end();
  await one.close();
  await orphans.take();
  expect(told).toHaveLength(2);
});

test("tokens that cannot be read are not none", async () => {
  const { path: place } = folder();
  await expect(fileTokens(place).load()).rejects.toMatchObject({ code: "store_failed" });
  writeFileSync(join(place, "tokens"), "{");
  await expect(fileTokens(join(place, "tokens")).load()).rejects.toMatchObject({ code: "store_failed" });
});

test("who opens a folder last has it: what another writes there fails, and is not lost unseen", async () => {
  const { path } = folder();
  const one = await opened(path);
  await one.write(new Map([["a", 1]]));
  const two = await opened(path);
  await expect(one.write(new Map([["b", 2]]))).rejects.toMatchObject({ code: "store_failed" });
  await two.write(new Map([["c", 3]]));
  await one.close();
  await two.close();
  expect(await (await opened(path)).read("")).toEqual(
    new Map([
      ["a", 1],
      ["c", 3],
    ]),
  );
});
