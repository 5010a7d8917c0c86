/** A chat whose log goes to a model of a store, beside the same chat whose log nothing ever leaves. */
import { expect } from "vitest";
import { parseConfig } from "../../../src/config/config.ts";
import type { Batch } from "../../../src/durable-objects/conversation/archive.ts";
import type { Draft, PageQuery } from "../../../src/durable-objects/rpc.ts";
import { HistoryModel } from "../../support/history-model.ts";
import { ALICE, amendment, BOB, Chat, draft, word } from "./fixture.ts";

export const WAIT = 5_000;
export const CONFIG = parseConfig(
  JSON.stringify({ messages: { dedup_ms: 60_000, recall_ms: 0 }, history: { tail: 256, wait_ms: WAIT } }),
);
/** After this long, ids of before are of no concern. */
export const WINDOW = 3 * CONFIG.messages.dedup_ms;

export class Archived {
  readonly chat = new Chat(CONFIG);
  /** The same chat, whose log nothing ever leaves. */
  readonly whole = new Chat(CONFIG);
  readonly store = new HistoryModel();
  /** Writes that were given up on and may still arrive. */
  readonly late: Batch[] = [];
  /** A write that has not been answered yet. */
  flying: Batch | undefined;
  #ids = 0;

  /** The same to both: what clients are told must be the same, too. */
  append(uid: typeof ALICE, drafts: readonly Draft[]): void {
    const { log } = this.chat.core;
    const seqs = drafts.flatMap(({ target, reply_to }) => [target ?? 0, reply_to ?? 0]);
    log.recall(log.away(seqs).flatMap((seq) => this.#read(seq, seq)));
    const { head } = this.chat.core;
    const results = [this.chat, this.whole].map((chat) => {
      const { reply } = chat.core.append(uid, head, 0, drafts, chat.now);
      return reply.results.map(word);
    });
    expect(results[0]).toEqual(results[1]);
    // Everybody has everything: what is not taken has tests of its own.
    for (const member of [ALICE, BOB]) this.chat.core.append(member, this.chat.core.head, this.chat.core.head, [], 0);
  }

  say(count: number, reply_to?: number): void {
    const drafts = Array.from({ length: count }, () => draft(`message-${(this.#ids += 1)}`, { reply_to }));
    this.append(this.#ids % 2 === 0 ? ALICE : BOB, drafts);
  }

  amend(op: "edit" | "recall" | "react", target: number): void {
    const id = `amendment-${(this.#ids += 1)}`;
    const body = op === "edit" ? { text: `edited by ${id}` } : op === "react" ? { emoji: "👍" } : undefined;
    const writer = this.whole.core.log.row(target)?.from ?? ALICE;
    this.append(writer, [amendment(id, op, target, body)]);
  }

  restart(): void {
    if (this.flying !== undefined) this.late.push(this.flying);
    this.flying = undefined;
    this.chat.restart();
  }

  pass(ms: number): void {
    this.chat.now += ms;
    this.whole.now += ms;
  }

  /** One write that is due, with what becomes of it. */
  write(outcome: "done" | "refused" | "lost answer" | "late" | "slow"): Batch | undefined {
    const { archive } = this.chat.core;
    const batch = this.flying ?? archive.next(this.chat.now);
    this.flying = outcome === "slow" ? batch : undefined;
    if (batch === undefined || outcome === "slow") return batch;
    if (outcome === "done" || outcome === "lost answer") this.#apply(batch);
    if (outcome === "late") this.late.push(batch);
    if (outcome === "done") archive.done(batch);
    else archive.failed(this.chat.now, 0.5);
    return batch;
  }

  arrive(): void {
    for (const batch of this.late.splice(0)) this.#apply(batch);
  }

  trim(): void {
    const range = this.chat.core.leaving(this.chat.now);
    if (range === undefined || this.flying !== undefined) return;
    expect(this.chat.core.archive.drop(range, this.store.read(range.first, range.last))).toBe(true);
  }

  /** Everything goes that can. */
  settle(): void {
    this.pass(WAIT + WINDOW + CONFIG.history.longest_retry_ms);
    while (this.write("done") !== undefined);
    for (let { first } = this.chat.core.log; ; first = this.chat.core.log.first) {
      this.trim();
      if (this.chat.core.log.first === first) return;
    }
  }

  page(query: PageQuery): unknown {
    const plan = this.chat.core.page(ALICE, query);
    if (!plan.ok) throw new Error(plan.error.code);
    const { away, finish } = plan.value;
    return finish(away === undefined ? [] : this.#read(away.first, away.last));
  }

  #read(first: number, last: number): ReturnType<HistoryModel["read"]> {
    const read = this.store.read(first, last);
    expect(read.map(({ seq }) => seq)).toEqual(Array.from({ length: last - first + 1 }, (_, i) => first + i));
    return read;
  }

  #apply({ rev, entries, changes }: Batch): void {
    this.store.put(rev, entries);
    this.store.change(rev, changes);
  }
}
