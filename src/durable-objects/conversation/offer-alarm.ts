/**
 * When the safety alarm rings that stands behind what is not known to be taken (DUR3): later each time that it brought nothing. The
 * object has one alarm for everything, and all is looked at whenever it rings; but what rang it for the store was no attempt of this
 * one, or a store that is down would put off what a member is owed. Pure.
 */
import { backoff } from "../lanes.ts";

/** It asks again after 1, 2, 4 … times its first delay, at most this many. */
const LONGEST = 64;

export class OfferAlarm {
  readonly #offerMs: number;
  /** When the one that was set last is due; after a wake that is not known, and any alarm counts. */
  #at = 0;
  #attempts = 0;

  /** `offerMs`: its first delay. */
  constructor(offerMs: number) {
    this.#offerMs = offerMs;
  }

  /** When it rings for what is written now, ms. `chance` in [0, 1) spreads it. */
  begin(now: number, chance: number): number {
    return this.#in(1, now, chance);
  }

  /** An alarm rang, and everybody was asked. `idle`: nothing is left. */
  rang(idle: boolean, now: number): void {
    if (idle) this.#attempts = 0;
    else if (now >= this.#at) this.#attempts += 1;
  }

  /** When it rings for what is left, ms. */
  again(now: number, chance: number): number {
    return this.#in(Math.min(LONGEST, 2 ** this.#attempts), now, chance);
  }

  #in(times: number, now: number, chance: number): number {
    const jitter = backoff(0, { backoff: this.#offerMs * times, longest: Number.MAX_SAFE_INTEGER }, chance);
    this.#at = now + Math.max(jitter, this.#offerMs / 2);
    return this.#at;
  }
}
