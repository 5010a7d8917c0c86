/** The timer behind a group's watermarks: writes what has changed, and tells it to the writers, together with others. */
import type { Config } from "../../config/config.ts";
import type { Group } from "./group.ts";

export class MarkTimer {
  readonly #config: Config;
  /** What was told to a writer, by uid. */
  readonly #settled: (news: ReturnType<Group["receipts"]["news"]>) => void;
  #next: { at: number; handle: ReturnType<typeof setTimeout> } | undefined;

  constructor(config: Config, settled: (news: ReturnType<Group["receipts"]["news"]>) => void) {
    this.#config = config;
    this.#settled = settled;
  }

  /** Sets the timer if there is something to write or to tell. */
  set(group: Group | undefined): void {
    if (group === undefined || !(group.receipts.dirty || group.receipts.hasNews)) return;
    const { writes, groups } = this.#config;
    const at = Date.now() + (group.receipts.hasNews ? writes.receipt_ms : groups.mark_flush_ms);
    if (this.#next !== undefined && this.#next.at <= at) return;
    clearTimeout(this.#next?.handle);
    this.#next = { at, handle: setTimeout(() => this.#settle(group), at - Date.now()) };
  }

  #settle(group: Group): void {
    this.#next = undefined;
    if (!group.receipts.flush()) return this.set(group);
    this.#settled(group.receipts.news());
  }
}
