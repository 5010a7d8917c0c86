/** Carries a conversation's log to the store. A shell beside conversation-object.ts; what goes when is decided in archive.ts. */
import { describe, log } from "../../observability/log.ts";
import type { Cid } from "../../protocol/ids.ts";
import { services, type Env } from "../../workers/env.ts";
import type { Batch } from "./archive.ts";
import type { Conversation } from "./conversation.ts";
import type { History } from "./history.ts";

export class Archiver {
  readonly #cid: Cid;
  readonly #core: Conversation;
  readonly #history: History;
  readonly #env: Env;
  /** The object must be awake at this time, whatever happens to it. */
  readonly #wakeBy: (at: number) => void;
  #running = false;
  #timer: { at: number; handle: ReturnType<typeof setTimeout> } | undefined;

  constructor(cid: Cid, core: Conversation, history: History, env: Env, wakeBy: (at: number) => void) {
    this.#cid = cid;
    this.#core = core;
    this.#history = history;
    this.#env = env;
    this.#wakeBy = wakeBy;
  }

  /**
   * Comes back when something is due. By a timer and not by an alarm, which would cost a row for a lone message: the object is awake
   * for as long as that anyway, and what a crash leaves behind goes with the next wake.
   */
  schedule(): void {
    const at = this.#core.archive.due();
    if (at === undefined || this.#running) return;
    // A store that does not answer is no reason to stay awake.
    if (this.#core.archive.retrying) return this.#wakeBy(at);
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    clearTimeout(this.#timer?.handle);
    const wake = (): void => {
      this.#timer = undefined;
      void this.pump();
    };
    this.#timer = { at, handle: setTimeout(wake, Math.max(1, at - Date.now())) };
  }

  /** Writes what is due, one write after the other, and lets go what may leave the log. */
  async pump(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      for (let batch = this.#next(); batch !== undefined; batch = this.#next()) {
        await this.#write(batch);
        const { generation } = this.#core.archive.pin ?? { generation: 0 };
        this.#core.archive.done(batch);
        const changed = batch.changes.map(({ seq }) => seq);
        if (changed.length > 0) await services(this.#env).pages.changed(this.#cid, generation, changed);
      }
      await this.#trim();
    } catch (error) {
      this.#core.archive.failed(Date.now(), Math.random());
      const { behind, failures } = this.#core.archive.health;
      log("warn", "the store took no history", { ...describe(error), behind, failures });
    }
    this.#running = false;
    this.schedule();
  }

  #next(): Batch | undefined {
    return this.#core.archive.next(Date.now());
  }

  async #write({ rev, entries, changes }: Batch): Promise<void> {
    const { store } = this.#history;
    if (entries.length > 0) await store.put(this.#cid, rev, entries);
    if (changes.length > 0) await store.change(this.#cid, rev, changes);
    // What a group is changes with a system entry.
    const listing = entries.some(({ kind }) => kind === "system") ? this.#core.group?.listing : undefined;
    if (listing !== undefined) await services(this.#env).store.directory.put(listing);
  }

  /** DUR2: what leaves the log was read from the store as it is. */
  async #trim(): Promise<void> {
    for (let range = this.#leaving(); range !== undefined; range = this.#leaving()) {
      const stored = await this.#history.store.read(this.#cid, range.first, range.last);
      const { first } = this.#core.log;
      const kept = !this.#core.archive.drop(range, stored);
      if (kept) log("error", "the store has other history than the log", { first: range.first, last: range.last });
      if (this.#core.log.first === first) return;
    }
  }

  #leaving(): { readonly first: number; readonly last: number } | undefined {
    return this.#core.leaving(Date.now());
  }
}
