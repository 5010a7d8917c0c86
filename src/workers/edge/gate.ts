/** What one connection may do per second, and how much nonsense it may send. Pure. */

/** A token bucket that may be overdrawn by what is never refused (acks, pings) and by what was refused. */
export class Bucket {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** `rate` tokens a second, `burst` at most. */
  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /**
   * Takes one token. `retryAfter`: ms until one is there again, when the frame is refused. `flood`: refusals did not help,
   * a whole burst was overdrawn.
   */
  take(now: number): { retryAfter: number; flood: boolean } {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate);
    this.#at = now;
    const retryAfter = this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#rate) * 1000);
    this.#tokens -= 1;
    return { retryAfter, flood: this.#tokens < -this.#burst };
  }
}

/** Counts events within a minute. */
export class Minute {
  readonly #times: number[] = [];

  /** Notes one event; true when there were `limit` within the minute that ends now. */
  add(now: number, limit: number): boolean {
    this.#times.push(now);
    while (this.#times.length > limit || (this.#times[0] ?? now) < now - 60_000) this.#times.shift();
    return this.#times.length >= limit;
  }
}
