/**
 * Pages of history behind the cache. What has left a conversation's log does not change but by an amendment of something that old, with
 * which the conversation's generation rises: blocks of an older one are asked for by nobody.
 */
import { z } from "zod";
import type { Cid } from "../protocol/ids.ts";
import type { Messages, StoredMessage } from "../store/messages.ts";
import type { Cache } from "./cache.ts";
import type { CacheKind } from "./kind.ts";

/** Entries of a block; divides what leaves a log at a time. */
export const BLOCK = 64;

/** What a block must be for a page to be shown of it; more is in it, as the store gave it. */
const Block = z.array(
  z.looseObject({
    seq: z.number(),
    id: z.string(),
    from: z.string(),
    ts: z.number(),
    kind: z.string(),
    body: z.string(),
    count: z.number(),
  }),
);

/** The blocks that entries stand in, by their numbers. */
function blocksOf(first: number, last: number): number[] {
  const [from, to] = [Math.floor((first - 1) / BLOCK), Math.floor((last - 1) / BLOCK)];
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

export class CachedHistory {
  readonly #cache: Cache;
  readonly #kind: CacheKind<StoredMessage[]>;

  /** `history_ms`: how long a block is kept. */
  constructor(cache: Cache, { history_ms }: { readonly history_ms: number }) {
    this.#cache = cache;
    this.#kind = {
      name: "history",
      purpose: "cache",
      schema: Block as unknown as z.ZodType<StoredMessage[]>,
      version: () => 0,
      ttl_ms: history_ms,
      negative_ms: 0,
      isolate_ms: history_ms,
      stale_ms: 0,
    };
  }

  /**
   * Entries from `first` to `last`, ascending, as the store has them: those that lack are left out. All blocks of them have left the
   * log. What is not cached is one query. Rejects as the store does.
   */
  async read(store: Messages, cid: Cid, generation: number, first: number, last: number): Promise<StoredMessage[]> {
    const ids = new Map(blocksOf(first, last).map((block) => [`${cid}:${generation}:${block}`, block]));
    const found = await this.#cache.readMany(this.#kind, [...ids.keys()], async (missing) => {
      const blocks = missing.map((id) => ids.get(id) ?? 0);
      const entries = await store.read(cid, Math.min(...blocks) * BLOCK + 1, (Math.max(...blocks) + 1) * BLOCK);
      const loaded = new Map<string, StoredMessage[]>();
      for (const id of missing) {
        const block = entries.filter(({ seq }) => Math.floor((seq - 1) / BLOCK) === ids.get(id));
        // One with a hole is none: the store may be told again what it lost.
        if (block.length === BLOCK) loaded.set(id, block);
      }
      return loaded;
    });
    return [...ids.keys()].flatMap((id) => found.get(id) ?? []).filter(({ seq }) => seq >= first && seq <= last);
  }

  /** These entries were changed in the store: what was cached of them, of the generation before, goes. Never rejects. */
  async changed(cid: Cid, generation: number, seqs: readonly number[]): Promise<void> {
    const blocks = new Set(seqs.map((seq) => Math.floor((seq - 1) / BLOCK)));
    await Promise.all(
      [...blocks].map((block) => this.#cache.invalidate(this.#kind, `${cid}:${generation}:${block}`, 1)),
    );
  }
}
