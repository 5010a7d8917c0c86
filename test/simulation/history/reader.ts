/** Reads back what has left a log, in the simulated world: what history.ts does, with blocks that stay cached for ever. */
import type { Conversation } from "../../../src/durable-objects/conversation/conversation.ts";
import type { PagePlan } from "../../../src/durable-objects/conversation/reading.ts";
import type { Page } from "../../../src/durable-objects/rpc.ts";
import { err, ok, type Result } from "../../../src/lib/result.ts";
import { refuse, type Refusal } from "../../../src/protocol/codes.ts";
import type { Cid } from "../../../src/protocol/ids.ts";
import type { StoredMessage } from "../../../src/store/messages.ts";
import type { Host } from "../host.ts";
import type { Sim } from "../sim.ts";

/** As in the cache of the Workers. */
const BLOCK = 64;
const RECALLED_AT_ONCE = 32;

/** Blocks by conversation, generation and number: they outlive all objects, and nobody throws any away. */
export class Blocks {
  readonly #blocks = new Map<string, readonly StoredMessage[]>();

  get(key: string): readonly StoredMessage[] | undefined {
    return this.#blocks.get(key);
  }

  keep(key: string, entries: readonly StoredMessage[]): void {
    if (entries.length === BLOCK) this.#blocks.set(key, entries);
  }
}

export class Reader {
  readonly #sim: Sim;
  readonly #host: Host;
  readonly #cid: Cid;
  readonly #core: Conversation;

  constructor(sim: Sim, host: Host, cid: Cid, core: Conversation) {
    this.#sim = sim;
    this.#host = host;
    this.#cid = cid;
    this.#core = core;
  }

  /** Entries that have left the log, all of them; undefined when they are not to be had. */
  read(first: number, last: number, answer: (entries: StoredMessage[] | undefined) => void): void {
    const generation = this.#generation;
    this.#blocks(generation, first, last, (entries) => {
      if (entries === undefined) return answer(undefined);
      if (this.#generation !== generation) {
        this.#sim.stats.count("reads begun again");
        return this.read(first, last, answer);
      }
      if (entries.length <= last - first) this.#sim.checks.fail("DUR2", `the store lacks some of ${first}-${last}`);
      answer(entries);
    });
  }

  page({ away, finish }: PagePlan, respond: (page: Result<Page, Refusal>) => void): void {
    if (away === undefined) return respond(ok(finish([])));
    const { stats } = this.#sim;
    this.read(away.first, away.last, (entries) => {
      if (entries === undefined) {
        stats.count("pages refused");
        return respond(err(refuse("unavailable", "older messages cannot be looked at now", 1_000)));
      }
      const page = finish(entries);
      stats.count(page.messages.length > entries.length ? "pages over the seam" : "pages of the store");
      respond(ok(page));
    });
  }

  /** Has the core know those of these entries that have left the log, as far as the store answers. */
  recall(seqs: readonly number[], then: () => void): void {
    const away = this.#core.log.away(seqs).slice(0, RECALLED_AT_ONCE);
    if (away.length === 0) return then();
    this.#sim.stats.count("entries looked up", away.length);
    let waiting = away.length;
    for (const seq of away) {
      this.read(seq, seq, (entries = []) => {
        this.#core.log.recall(entries);
        waiting -= 1;
        if (waiting === 0) then();
      });
    }
  }

  /** The deliberate fault: one generation for ever. */
  get #generation(): number {
    return this.#sim.bug === "blocks outlive amendments" ? 0 : (this.#core.archive.pin?.generation ?? 0);
  }

  #blocks(
    generation: number,
    first: number,
    last: number,
    answer: (entries: StoredMessage[] | undefined) => void,
  ): void {
    const { blocks, line } = this.#sim.history;
    const numbers: number[] = [];
    for (let n = blockOf(first); n <= blockOf(last); n += 1) numbers.push(n);
    const keyOf = (n: number): string => `${this.#cid}:${generation}:${n}`;
    const known = numbers.map((n) => blocks.get(keyOf(n)));
    const pick = (all: readonly StoredMessage[]): StoredMessage[] =>
      all.filter(({ seq }) => seq >= first && seq <= last);
    if (known.every((block) => block !== undefined)) {
      this.#sim.stats.count("reads from blocks");
      return this.#host.awake().after(1, () => answer(pick(known.flat())));
    }
    const missing = numbers.filter((_, i) => known[i] === undefined);
    const [from, to] = [(missing[0] ?? 0) * BLOCK + 1, ((missing.at(-1) ?? 0) + 1) * BLOCK];
    line.read(this.#host, this.#cid, from, to, (entries) => {
      if (entries === undefined) return answer(undefined);
      const read = new Map(missing.map((n) => [n, entries.filter(({ seq }) => blockOf(seq) === n)]));
      for (const [n, block] of read) blocks.keep(keyOf(n), block);
      answer(pick(numbers.flatMap((n, i) => known[i] ?? read.get(n) ?? [])));
    });
  }
}

function blockOf(seq: number): number {
  return Math.floor((seq - 1) / BLOCK);
}
