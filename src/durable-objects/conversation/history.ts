/**
 * Reads back what has left a conversation's log. A shell beside conversation-object.ts. Blocks of the history never change but by an
 * amendment of something that old, which gives all of them a new generation.
 */
import { err, ok, type Result } from "../../lib/result.ts";
import { describe, log } from "../../observability/log.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import type { Cid } from "../../protocol/ids.ts";
import { StoreError } from "../../store/store.ts";
import type { Messages, StoredMessage } from "../../store/messages.ts";
import { services, type Env } from "../../workers/env.ts";
import type { Page } from "../rpc.ts";
import type { Conversation } from "./conversation.ts";
import type { PagePlan } from "./reading.ts";
import type { Verification } from "./verify.ts";

export class History {
  readonly #cid: Cid;
  readonly #core: Conversation;
  readonly #env: Env;

  constructor(cid: Cid, core: Conversation, env: Env) {
    this.#cid = cid;
    this.#core = core;
    this.#env = env;
  }

  /** The conversation's database. Throws a `StoreError` when the one it is pinned to is not bound. */
  get store(): Messages {
    const store = services(this.#env).history(this.#core.archive.pin?.shard ?? "");
    if (store === undefined) throw new StoreError("the history shard of this conversation is not bound");
    return store;
  }

  /**
   * What `use` makes of entries that have left the log, all from `first` to `last`, ascending. It gets them in the turn in which they
   * are known to be of now: kept for longer, they may be from before an amendment that has reached the store meanwhile. Throws a
   * `StoreError` when they are not to be had.
   */
  async read<T>(first: number, last: number, use: (entries: StoredMessage[]) => T): Promise<T> {
    for (;;) {
      const { generation } = this.#core.archive.pin ?? { generation: 0 };
      const entries = await services(this.#env).pages.read(this.store, this.#cid, generation, first, last);
      // An amendment reached the store meanwhile: what was read may be from before it, and here nothing is known of it any more.
      if (this.#core.archive.pin?.generation !== generation) continue;
      if (entries.length === last - first + 1) return use(entries);
      throw new StoreError(`the store lacks ${last - first + 1 - entries.length} of ${last - first + 1} entries`);
    }
  }

  /** A page with what of it has left the log. */
  async page({ away, finish }: PagePlan): Promise<Result<Page, Refusal>> {
    try {
      return ok(away === undefined ? finish([]) : await this.read(away.first, away.last, finish));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      log("error", "history cannot be read", describe(error));
      return err(refuse("unavailable", "older messages cannot be shown now", 1_000));
    }
  }

  /** Compares the entries after one with what the store has of them. */
  async verify(after: number): Promise<Verification> {
    const range = this.#core.archive.verified(after);
    try {
      const [entries, stored] = await Promise.all([
        range.to < range.from ? [] : this.store.read(this.#cid, range.from, range.to),
        this.store.head(this.#cid),
      ]);
      return this.#core.archive.verify(range, entries, stored);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return this.#core.archive.unverified(after);
    }
  }

  /** Has the core know those of these entries that have left the log, as far as the store answers. */
  async recall(seqs: readonly number[]): Promise<void> {
    const away = this.#core.log.away(seqs).slice(0, RECALLED_AT_ONCE);
    await Promise.all(
      away.map((seq) => this.read(seq, seq, (entries) => this.#core.log.recall(entries)).catch(() => {})),
    );
  }
}

/** Entries that one call looks up; who asks for more is told to try again. */
const RECALLED_AT_ONCE = 32;
