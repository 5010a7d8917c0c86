/**
 * What this user's devices send, on its way to the conversations: one lane per conversation, retried with the same ids
 * until the conversation answers or the deadline passes. Every draft is answered once per time it was sent.
 */
import { refuse, type Refusal } from "../../protocol/codes.ts";
import type { Cid } from "../../protocol/ids.ts";
import { Lanes } from "../lanes.ts";
import type { Draft, DraftResult, Entry } from "../rpc.ts";

export interface Item {
  readonly draft: Draft;
  /** The session that waits for the answer. */
  readonly session: string;
  readonly cid: Cid;
  readonly deadline: number;
  answered: boolean;
}

/** Drafts of one call, and drafts waiting in all. */
const BATCH = 128;
const WAITING = 20_000;

export class Outgoing {
  readonly #lanes = new Lanes<Cid, Item>({ batch: BATCH, backoff: 50, longest: 2000 });
  readonly #flying = new Map<Cid, readonly Item[]>();

  /** Takes a draft; refuses when too many wait. */
  add(item: Item): Refusal | undefined {
    if (this.#lanes.size >= WAITING) return refuse("overloaded", "too many messages are waiting", 1000);
    this.#lanes.add(item.cid, item);
    return undefined;
  }

  /** The drafts of the next call to a conversation, then in flight; undefined while there is nothing to call. */
  start(cid: Cid, now: number): readonly Draft[] | undefined {
    const items = this.#lanes.start(cid, now);
    if (items === undefined) return undefined;
    this.#flying.set(cid, items);
    return items.map(({ draft }) => draft);
  }

  /** The draft that became this entry, if one in flight did and was not answered; it counts as answered from now on. */
  claim(cid: Cid, entry: Entry): Item | undefined {
    const item = this.#flying.get(cid)?.find((flying) => flying.draft.id === entry.id && !flying.answered);
    if (item !== undefined) item.answered = true;
    return item;
  }

  /** Ids of the QoS 2 drafts in flight that stand in the log now. */
  keptIds(cid: Cid, results: readonly DraftResult[]): string[] {
    const items = this.#flying.get(cid) ?? [];
    return results.flatMap((result, i) => ("seq" in result && items[i]?.draft.qos === 2 ? [result.id] : []));
  }

  /**
   * The call was answered: the items that are still without an answer, with their results. Who sent more meanwhile is
   * sending much: the next call waits until `next`, so that it takes more along.
   */
  done(cid: Cid, results: readonly DraftResult[], next = 0): { item: Item; result: DraftResult }[] {
    const items = this.#flying.get(cid) ?? [];
    this.#flying.delete(cid);
    this.#lanes.done(cid, next);
    const open: { item: Item; result: DraftResult }[] = [];
    for (const [i, item] of items.entries()) {
      const result = results[i];
      if (!item.answered && result !== undefined) open.push({ item, result });
    }
    return open;
  }

  /** The call failed with an unknown outcome: the same drafts go again after a back-off. */
  failed(cid: Cid, now: number, chance: number): void {
    this.#flying.delete(cid);
    this.#lanes.failed(cid, now, chance);
  }

  /** Drafts past their deadline, taken out of their lanes. */
  expired(now: number): Item[] {
    return this.#lanes.drop((item) => item.deadline <= now).filter((item) => !item.answered);
  }

  due(now: number): Cid[] {
    return this.#lanes.due(now);
  }

  nextDue(): number | undefined {
    return this.#lanes.nextDue();
  }
}
