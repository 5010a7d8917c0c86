/**
 * Watermarks of a relay's users on their way to the conversation: many in one call, every so often. They are cumulative, so a
 * call that failed is made again with what came meanwhile. Nothing is kept durable: devices repeat their last ones. Pure.
 */
import type { Uid } from "../../protocol/ids.ts";
import { backoff } from "../lanes.ts";
import type { Marks } from "../rpc.ts";

/** Back-off of a failed report, ms. */
const LIMITS = { backoff: 500, longest: 30_000 };

export type UserMarks = { readonly user: Uid } & Marks;

export class MarksOut {
  readonly #every: number;
  readonly #waiting = new Map<Uid, Marks>();
  #flying: readonly UserMarks[] | undefined;
  #attempts = 0;
  #dueAt: number | undefined;

  /** `every`: how long the first waits for company, ms. */
  constructor(every: number) {
    this.#every = every;
  }

  add(user: Uid, delivered: number, read: number, now: number): void {
    const { delivered: d, read: r } = this.#waiting.get(user) ?? { delivered: 0, read: 0 };
    this.#waiting.set(user, { delivered: Math.max(d, delivered, read), read: Math.max(r, read) });
    this.#dueAt ??= now + this.#every;
  }

  /** The list of the call that is due, now in flight; one at a time. */
  take(now: number): readonly UserMarks[] | undefined {
    if (this.#flying !== undefined || this.#dueAt === undefined || now < this.#dueAt) return undefined;
    this.#dueAt = undefined;
    this.#flying = [...this.#waiting].map(([user, marks]) => ({ user, ...marks }));
    this.#waiting.clear();
    return this.#flying;
  }

  /** The call ended. `chance` in [0, 1). */
  ended(told: boolean, now: number, chance: number): void {
    const list = this.#flying ?? [];
    this.#flying = undefined;
    if (told) {
      this.#attempts = 0;
      return;
    }
    for (const { user, delivered, read } of list) this.add(user, delivered, read, now);
    this.#dueAt = now + backoff(this.#attempts, LIMITS, chance);
    this.#attempts += 1;
  }

  nextDue(): number | undefined {
    return this.#flying === undefined ? this.#dueAt : undefined;
  }
}
