/** What a message to a group costs on the platform: counted, never timed. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { relaysFor, type GroupState } from "../../src/durable-objects/conversation/group-rules.ts";
import type { Cost } from "../../src/durable-objects/cost.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import { services } from "../../src/workers/env.ts";
import { crowd, group, headOf } from "../support/crowd.ts";
import { PATIENCE_MS, type Device } from "../support/device.ts";
import { abort, advance } from "../support/faults.ts";
import { connect, conversationStub, range, relayStub, rows, user, userStub } from "../support/workers.ts";

/** Members of one row of watermarks. */
const CHUNK = 512;
/** Longer than an object puts anything off, ms. */
const PUT_OFF = 15_000;
/** A WebSocket message that arrives at an object, as a part of a request. */
const LINK_MESSAGE = 1 / 20;
const NOTHING: Cost = { rowsWritten: 0, rowsRead: 0, requests: 0, linkMessages: 0 };
const patience = { timeout: PATIENCE_MS, interval: 20 };

interface Chat {
  readonly cid: Cid;
  /** Alice, who writes, and three who listen. */
  readonly people: readonly [Uid, Uid, Uid, Uid];
  /** Some who are not there. */
  readonly others: readonly Uid[];
}

function costOf(stub: DurableObjectStub): Promise<Cost> {
  return runInDurableObject<DurableObject & { cost: Cost }, Cost>(stub, ({ cost }) => ({ ...cost }));
}

type Parts = ReadonlyMap<string, Cost>;

/** What these objects cost while something happened; none of them may restart meanwhile. */
async function spent(stubs: ReadonlyMap<string, DurableObjectStub>, work: () => Promise<void>): Promise<Parts> {
  const before = new Map<string, Cost>();
  for (const [name, stub] of stubs) before.set(name, await costOf(stub));
  await work();
  const parts = new Map<string, Cost>();
  for (const [name, stub] of stubs) parts.set(name, minus(await costOf(stub), before.get(name) ?? NOTHING));
  return parts;
}

function minus(a: Cost, b: Cost): Cost {
  return {
    rowsWritten: a.rowsWritten - b.rowsWritten,
    rowsRead: a.rowsRead - b.rowsRead,
    requests: a.requests - b.requests,
    linkMessages: a.linkMessages - b.linkMessages,
  };
}

function sum(parts: Parts, names: Iterable<string> = parts.keys()): Cost {
  let all: Cost = NOTHING;
  for (const name of names) all = minus(all, minus(NOTHING, parts.get(name) ?? NOTHING));
  return all;
}

/** Nobody has to be told anything any more, and no alarm is set. */
async function settled(cid: Cid): Promise<void> {
  const told = "SELECT value ->> '$.toldSlot' = value ->> '$.nextSlot' AS told FROM state";
  await vi.waitFor(async () => expect(await rows(conversationStub(cid), told)).toEqual([{ told: 1 }]), patience);
  await vi.waitUntil(async () => !(await runDurableObjectAlarm(conversationStub(cid))), patience);
}

async function people(): Promise<Chat["people"]> {
  return [await user("alice"), await user("bob"), await user("carol"), await user("dave")];
}

/** A pull group of such a size whose members have long been told; all but the first fifty exist in its tables only. */
async function large(size: number): Promise<Chat> {
  const here = await people();
  const cid = await crowd(here, 46);
  await settled(cid);
  await runInDurableObject<DurableObject, void>(conversationStub(cid), (_, { storage: { sql } }) => {
    const [row] = sql.exec<{ value: string }>("SELECT value FROM state").toArray();
    const state = JSON.parse(row?.value ?? "") as GroupState;
    const told = { members: size, nextSlot: size, toldSlot: size, relays: relaysFor(size, 2000) };
    sql.exec("UPDATE state SET value = ?", JSON.stringify({ ...state, ...told }));
    for (const slot of range(50, size - 1)) {
      sql.exec("INSERT INTO group_member VALUES (?, 'member', 0, 0, 0, 0, ?, 2, 0)", extra(slot), slot);
    }
    // Everybody of them has joined before the first entry and read nothing.
    for (const chunk of range(0, Math.ceil(size / CHUNK) - 1)) {
      const numbers = new Float64Array(CHUNK * 3);
      for (let at = 0; at < numbers.length; at += 3) if (chunk * CHUNK + at / 3 >= size) numbers[at] = -1;
      sql.exec("INSERT OR REPLACE INTO mark VALUES (?, ?)", chunk, new Uint8Array(numbers.buffer));
    }
  });
  await abort(conversationStub(cid));
  const first = await group(cid).members(here[0], undefined, 1000);
  const others = first.ok ? first.value.members.map(({ user: uid }) => uid).filter((uid) => !here.includes(uid)) : [];
  return { cid, people: here, others };
}

function extra(slot: number): Uid {
  return `extra-${String(slot).padStart(5, "0")}` as Uid;
}

const table: string[] = [];

/** One line of the table: rows, calls and link messages of each part, and of all. */
function report(name: string, parts: readonly (readonly [string, Cost])[]): void {
  const { rowsWritten, requests, linkMessages } = sum(new Map(parts));
  const each = parts.map(([part, c]) => `${part} ${c.rowsWritten}/${c.requests}/${c.linkMessages}`).join(", ");
  const all = (requests + linkMessages * LINK_MESSAGE).toFixed(2);
  table.push(`${name.padEnd(36)} rows ${String(rowsWritten).padStart(2)}  requests ${all}  (${each})`);
  console.log(table.join("\n"));
}

/** Waits until a writer was told that three others have an entry. */
async function receipts(writer: Device, seq: number): Promise<void> {
  const have = (): Uid[] => writer.all("receipt").flatMap((frame) => (frame.delivered === seq ? frame.user : []));
  await writer.until(() => new Set(have()).size === 3, "three receipts");
}

/** The relay of each of them. */
function nodesOf(uids: readonly Uid[], relays: number): number[] {
  return uids.map((uid) => services(env).routes.relay(uid, relays).node);
}

describe("a message to a group in pull mode, with three listeners who acknowledge", () => {
  const written: number[] = [];

  test.each([50, 500, 5000])(
    "of %d members: the same rows, one call for each relay in use, nothing at members' objects",
    async (size) => {
      const { cid, people: here, others } = await large(size);
      const devices: Device[] = [];
      const head = await headOf(cid, here[0]);
      for (const uid of here) devices.push(await connect(uid));
      const [a, ...listeners] = devices as [Device, ...Device[]];
      for (const device of devices) await device.head(cid, head);
      const nodes = nodesOf(here, relaysFor(size, 2000));
      const active = [...new Set(nodes)];
      const reporting = new Set(nodes.slice(1)).size;
      const listening = async (): Promise<void> => {
        const query = "SELECT n FROM relay";
        await vi.waitFor(
          async () => expect(await rows(conversationStub(cid), query)).toHaveLength(active.length),
          patience,
        );
      };
      await listening();
      // One to warm up: everybody listens, and what comes first has come.
      const { seq: before } = await a.sent(cid, "is everybody there?");
      for (const device of devices) await device.reached(cid, before);
      await settled(cid);
      const relays = active.map((n) => `relay ${n}`);
      const absent = [...others.slice(0, 3), ...(size > 50 ? [extra(50), extra(size - 1)] : [])];
      const stubs = new Map<string, DurableObjectStub>([
        ["group", conversationStub(cid)],
        ...[...here, ...absent].map((uid) => [uid, userStub(uid)] as const),
        ...active.map((n) => [`relay ${n}`, relayStub(cid, n)] as const),
      ]);
      // In a small one the writer is told who has it.
      const told = size <= services(env).config.groups.receipts;
      const parts = await spent(stubs, async () => {
        const from = await costOf(conversationStub(cid));
        const { seq } = await a.sent(cid, "hello");
        for (const device of listeners) {
          await device.reached(cid, seq);
          device.write({ t: "ack", cid, seq });
        }
        // The message itself, and one report of each relay that has heard of watermarks.
        const reported = async (): Promise<void> => {
          expect((await costOf(conversationStub(cid))).requests - from.requests).toBe(1 + reporting);
        };
        await vi.waitFor(reported, patience);
        if (told) await receipts(a, seq);
        await settled(cid);
      });
      const [own, conversation, carried] = [sum(parts, [here[0]]), sum(parts, ["group"]), sum(parts, relays)];
      report(`pull, ${size} members, relays in use: ${active.length}`, [
        ["group", conversation],
        ["sender", own],
        ["relays", carried],
      ]);
      // Entry, alarm, one row of watermarks.
      written.push(sum(parts).rowsWritten);
      expect(written).toEqual(written.map(() => 3));
      expect(conversation).toMatchObject({ requests: 1 + reporting + 1, linkMessages: 0 });
      expect(carried).toMatchObject({ rowsWritten: 0, requests: active.length, linkMessages: listeners.length });
      expect(own).toMatchObject({ rowsWritten: 0, requests: told ? 1 : 0, linkMessages: 1 });
      for (const uid of [...here.slice(1), ...absent]) expect(parts.get(uid)).toEqual(NOTHING);
    },
    3 * PATIENCE_MS,
  );
});

describe("watermarks in pull mode", () => {
  test("[RCP1] are a row for 512 members, however many of them report", async () => {
    const { cid, people: here } = await large(1200);
    const head = await headOf(cid, here[0]);
    await settled(cid);
    const reported = range(50, 1199).map((slot) => ({ user: extra(slot), delivered: head, read: 0 }));
    const parts = await spent(new Map([["group", conversationStub(cid)]]), async () => {
      await group(cid).marks(0, reported);
      expect(await group(cid).receipts(here[0], head)).toMatchObject({ value: { delivered: reported.length } });
    });
    expect(sum(parts)).toMatchObject({ rowsWritten: Math.ceil(1200 / CHUNK), requests: 2 });
  });
});

describe("a message to a group in push mode", () => {
  test(
    "of 10 members, three of whom listen and acknowledge: a call and a row for each member",
    async () => {
      const here = await people();
      const others = await Promise.all(range(1, 6).map((n) => user(`away${n}`)));
      const cid = await crowd([...here, ...others]);
      const devices: Device[] = [];
      for (const uid of here) devices.push(await connect(uid));
      const [a, ...listeners] = devices as [Device, ...Device[]];
      const { seq: before } = await a.sent(cid, "is everybody there?");
      for (const device of devices) await device.reached(cid, before);
      await settled(cid);
      const members = [...here, ...others];
      let nudges = 0;
      /** Lets everything that was put off happen; events make an object look at its clock. */
      const quiet = async (): Promise<void> => {
        for (let last = ""; ;) {
          advance(PUT_OFF);
          nudges += 1;
          for (const uid of members) await userStub(uid).signal({ t: "typing", cid, user: uid, on: false });
          await settled(cid);
          const now = JSON.stringify(
            await Promise.all([...stubs.values()].map(async (stub) => (await costOf(stub)).rowsWritten)),
          );
          if (now === last) return;
          last = now;
        }
      };
      const stubs = new Map<string, DurableObjectStub>([
        ["group", conversationStub(cid)],
        ...members.map((uid) => [uid, userStub(uid)] as const),
      ]);
      await quiet();
      nudges = 0;
      const parts = await spent(stubs, async () => {
        const { seq } = await a.sent(cid, "hello");
        for (const device of listeners) {
          await device.reached(cid, seq);
          device.write({ t: "ack", cid, seq });
        }
        await receipts(a, seq);
        await quiet();
      });
      const real = new Map(
        [...parts].map(([name, cost]) => [
          name,
          name === "group" ? cost : minus(cost, { ...NOTHING, requests: nudges }),
        ]),
      );
      report("push, 10 members, 3 listen", [
        ["group", sum(real, ["group"])],
        ["sender", sum(real, here.slice(0, 1))],
        ["listeners", sum(real, here.slice(1))],
        ["others", sum(real, others)],
      ]);
      for (const uid of others) expect(real.get(uid)).toMatchObject({ rowsWritten: 1, requests: 1, linkMessages: 0 });
    },
    3 * PATIENCE_MS,
  );
});
