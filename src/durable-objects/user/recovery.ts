/**
 * Entries that a device has and this object lost before they were written (RES1): the conversation is asked for them until it
 * answers. Until then what the device has is known only to its link, so the object must not sleep: a due time keeps it awake.
 */
import type { Cid } from "../../protocol/ids.ts";
import type { Learn } from "./watermarks.ts";

/** After a call that failed, ms. */
const RETRY_MS = 500;

export class Recovery {
  readonly #learn: Learn;
  /** When a conversation is asked; infinite while it is being asked. */
  readonly #wanted = new Map<Cid, number>();

  constructor(learn: Learn) {
    this.#learn = learn;
  }

  /** Entries of this conversation are missing. */
  want(cid: Cid, now: number): void {
    if (!this.#wanted.has(cid)) this.#wanted.set(cid, now);
  }

  tick(now: number): void {
    for (const [cid, at] of this.#wanted) {
      if (at > now) continue;
      this.#wanted.set(cid, Number.POSITIVE_INFINITY);
      this.#learn(
        cid,
        (answered, then) => {
          if (answered) this.#wanted.delete(cid);
          else this.#wanted.set(cid, then + RETRY_MS);
        },
        now,
      );
    }
  }

  nextTick(): number | undefined {
    const next = Math.min(...this.#wanted.values());
    return Number.isFinite(next) ? next : undefined;
  }
}
