/**
 * When what changed in memory is written. Nothing counts as taken before; what must be on disk before it is answered asks
 * for `flush` and looks at its outcome.
 */
import type { Config } from "../../config/config.ts";
import type { Cid } from "../../protocol/ids.ts";
import type { Heads } from "./heads.ts";

/** After a failed write, ms. */
const RETRY_MS = 1000;

export class WriteBehind {
  readonly #heads: Heads;
  readonly #writes: Config["writes"];
  /** Conversations of QoS 2 ids that are not on disk yet. */
  readonly #qos2 = new Map<string, Cid>();
  /** Chats whose writer waits for this disk: an ack is a reason to write at once, head and receipt in one row. */
  readonly #settling = new Set<Cid>();
  #at: number | undefined;

  constructor(heads: Heads, writes: Config["writes"]) {
    this.#heads = heads;
    this.#writes = writes;
  }

  /** Something changed; it is written with what else changes soon. */
  later(now: number): void {
    this.#by(now + this.#writes.flush_ms);
  }

  /** A watermark of this chat changed. A read is on disk before the writer is told of it: it must not fall again (RCP1). */
  marked(cid: Cid, read: boolean, now: number): void {
    const wait = read ? Math.min(this.#writes.receipt_ms, this.#writes.flush_ms) : this.#writes.flush_ms;
    this.#by(this.#settling.has(cid) ? now : now + wait);
  }

  /** A writer waits until this chat's head is on disk; `attentive`: an ack may come any moment and can be waited for. */
  settle(cid: Cid, attentive: boolean, now: number): void {
    if (attentive) this.#settling.add(cid);
    this.#by(attentive ? now + this.#writes.settle_ack_ms : now);
  }

  /** Remembers where a QoS 2 message went: its release has to find the way. */
  note(id: string, cid: Cid, now: number): void {
    this.#qos2.set(id, cid);
    this.later(now);
  }

  noted(id: string): Cid | undefined {
    return this.#qos2.get(id);
  }

  /** These ids were released: they need not be written any more. */
  forget(ids: readonly string[]): void {
    for (const id of ids) this.#qos2.delete(id);
  }

  /** Writes what changed; false when the disk refused: then it is tried again later. */
  flush(now: number): boolean {
    try {
      this.#heads.flush([...this.#qos2].map(([id, cid]) => ({ id, cid })));
    } catch {
      this.#at = now + RETRY_MS;
      return false;
    }
    this.#qos2.clear();
    this.#settling.clear();
    this.#at = undefined;
    return true;
  }

  tick(now: number): void {
    if (this.#at !== undefined && this.#at <= now) this.flush(now);
  }

  nextTick(): number | undefined {
    return this.#at;
  }

  #by(at: number): void {
    if (this.#at === undefined || at < this.#at) this.#at = at;
  }
}
