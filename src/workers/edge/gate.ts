/** What one connection may do per second, and how much nonsense it may send. Pure. */

/** A token that was summed up from fractions, and fell short of one by rounding. */
const WHOLE = 1 - 1e-6;

/**
 * A token bucket. What is never refused (acks, pings) may overdraw it. What is refused takes no token, or those who come
 * back would keep each other out for ever; how much was refused is counted beside it.
 */
export class Bucket {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  /** Frames refused, less what has been allowed since. */
  #refused = 0;
  /** The latest time that a refused frame was told to come back at, ms. */
  #promised = 0;
  #at: number;

  /** `rate` tokens a second, `burst` at most. */
  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /**
   * Takes one token. `retryAfter`: ms until this frame finds one, when it is refused; each refused frame has a time of its
   * own. `flood`: a whole burst was refused, or overdrawn by what is never refused.
   */
  take(now: number, refusable: boolean): { retryAfter: number; flood: boolean } {
    const fresh = ((now - this.#at) / 1000) * this.#rate;
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + fresh);
    this.#refused = Math.max(0, this.#refused - fresh);
    if (!refusable || this.#tokens >= WHOLE) {
      this.#tokens -= 1;
      return { retryAfter: 0, flood: this.#tokens < -this.#burst };
    }
    this.#refused += 1;
    const free = now + ((1 - this.#tokens) / this.#rate) * 1000;
    this.#promised = Math.max(free, this.#promised + 1000 / this.#rate);
    return { retryAfter: Math.ceil(this.#promised - now), flood: this.#refused > this.#burst };
  }

  /** Takes tokens for what a request turned out to cost. Leaves enough that honest acks are no flood. */
  charge(tokens: number): void {
    this.#tokens = Math.max(this.#tokens - tokens, Math.min(this.#tokens, -this.#burst / 2));
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
