/** Groups inside the runtime, small ones and such that are multicast, made at the conversation itself. */
import { vi } from "vitest";
import type { GroupChange } from "../../src/durable-objects/group-rpc.ts";
import type { ConversationRpc, Draft } from "../../src/durable-objects/rpc.ts";
import { makeUlid, type Cid, type DeviceId, type Uid } from "../../src/protocol/ids.ts";
import { PATIENCE_MS } from "./device.ts";
import { conversationStub, range } from "./workers.ts";

/** From so many members on a group is in pull mode here (vitest.config.ts). */
export const LARGE = 40;
/** Drafts of one call. */
const BATCH = 128;

let made = 0;

/** The calls of a group; a fresh stub each time, so that one whose object died does no harm. */
export function group(cid: Cid): ConversationRpc {
  return conversationStub(cid);
}

/** Members who never connect, so many. */
export function fillers(count: number): Uid[] {
  made += 1;
  return range(1, count).map((n) => `filler-${made}-${String(n).padStart(5, "0")}` as Uid);
}

/** An id for an operation. */
export function op(): string {
  return makeUlid(Date.now(), crypto.getRandomValues(new Uint8Array(16)));
}

/** A new group of these people, and so many others; its mode follows from its size. */
export async function crowd(
  [owner, ...members]: readonly [Uid, ...Uid[]],
  others = 0,
  change: Omit<GroupChange, "name"> = {},
): Promise<Cid> {
  const cid = `g.${op()}` as Cid;
  const answer = await group(cid).createGroup(owner, "Group", change, [...members, ...fillers(others)]);
  if (!answer.ok) throw new Error(answer.error.message);
  return cid;
}

/** The newest entry there is, asked by a member. */
export async function headOf(cid: Cid, uid: Uid): Promise<number> {
  const head = await insist(() => group(cid).headOf(uid));
  if (!head.ok) throw new Error(head.error.message);
  return head.value.head;
}

/** Makes a call until it is answered, as callers of an object that may die do: the call must be repeatable. */
export async function insist<T>(call: () => Promise<T>): Promise<T> {
  return vi.waitFor(call, { timeout: PATIENCE_MS, interval: 20 });
}

/** Puts messages into the log past the writer's object, so many; the newest seq. `device`: what they are answers to. */
export async function write(cid: Cid, uid: Uid, count = 1, device = "elsewhere"): Promise<number> {
  let newest = 0;
  for (let left = count; left > 0; left -= BATCH) {
    const drafts = range(1, Math.min(left, BATCH)).map((n): Draft => {
      const body = JSON.stringify({ text: `${uid} ${left} ${n}` });
      return { id: op(), device: device as DeviceId, kind: "text", body, priority: 1, qos: 1 };
    });
    const { results } = await group(cid).append(uid, Number.MAX_SAFE_INTEGER, 0, drafts);
    const last = results.at(-1);
    if (last === undefined || !("seq" in last)) throw new Error(`refused: ${JSON.stringify(last)}`);
    newest = last.seq;
  }
  return newest;
}

/** Adds so many others; who they are. The group is in pull mode then, if they are enough. */
export async function swell(cid: Cid, owner: Uid, count: number): Promise<Uid[]> {
  const [more, id] = [fillers(count), op()];
  const answer = await insist(() => group(cid).add(owner, id, more));
  if (!answer.ok) throw new Error(answer.error.message);
  return more;
}

/** Removes others. The group is in push mode then, if few are left. */
export async function shrink(cid: Cid, owner: Uid, others: readonly Uid[]): Promise<void> {
  await Promise.all(
    others.map(async (uid) => {
      const id = op();
      const answer = await insist(() => group(cid).remove(owner, id, uid));
      if (!answer.ok) throw new Error(answer.error.message);
    }),
  );
}
