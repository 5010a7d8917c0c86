/** A long log that is there before anything happens: written by its two users, with amendments, longer ago than any window. */
import { Conversation } from "../../../src/durable-objects/conversation/conversation.ts";
import { ConversationStore } from "../../../src/durable-objects/conversation/conversation-store.ts";
import type { Draft } from "../../../src/durable-objects/rpc.ts";
import { directPair, type Cid, type DeviceId, type Uid } from "../../../src/protocol/ids.ts";
import type { Sim } from "../sim.ts";

/** How long ago it ends, ms, and entries of one call. */
const AGO_MS = 600_000;
const AT_ONCE = 100;

/** Writes `count` entries. The object is not in memory, and not woken by this. */
export function writePast(sim: Sim, cid: Cid, count: number): void {
  const host = sim.conversation(cid);
  const { sql, transact } = host.disk;
  const core = new Conversation(cid, new ConversationStore(sql, transact), sim.config, sim.clock.now, false);
  const pair = directPair(cid);
  core.create(pair, "main");
  const writers: Uid[] = [];
  for (let now = sim.clock.now - AGO_MS; core.head < count; now += 100) {
    const uid = sim.chance.pick(pair);
    const drafts = Array.from({ length: Math.min(AT_ONCE, count - core.head) }, () => draftOf(sim, uid, writers));
    const { results } = core.append(uid, core.head, 0, drafts, now).reply;
    for (const [i, result] of results.entries()) {
      if ("seq" in result) writers[result.seq] = drafts[i]?.kind === "amend" ? ("" as Uid) : uid;
    }
  }
  host.offersLater();
}

/** A text; now and then an answer, or an amendment of what was written before this call. */
function draftOf(sim: Sim, uid: Uid, writers: readonly Uid[]): Draft {
  const { chance } = sim;
  const id = sim.name("past-");
  const text: Draft = {
    id,
    device: "old" as DeviceId,
    kind: "text",
    body: JSON.stringify({ text: id }),
    priority: 1,
    qos: 1,
  };
  if (writers.length < 2 || chance.hit(0.85)) return text;
  const seq = chance.between(1, writers.length - 1);
  if (writers[seq] !== uid) return { ...text, reply_to: seq };
  const op = chance.pick(["edit", "recall", "react"] as const);
  const body = op === "recall" ? "" : JSON.stringify(op === "edit" ? { text: `edit ${id}` } : { emoji: "👍" });
  return { ...text, kind: "amend", op, target: seq, body };
}
