/** Leaves a server alone that fails, and tries it again by one request at a time. Plain data; the clock comes in. */
export type BreakerState = "closed" | "open" | "half-open";

export class Breaker {
  readonly #failures: number;
  readonly #openMs: number;
  #failed = 0;
  /** When the next trial may begin, while it is not closed. */
  #trial = 0;

  /** Opens after so many failures in a row, for so long at a time. */
  constructor(failures: number, openMs: number) {
    this.#failures = failures;
    this.#openMs = openMs;
  }

  state(now: number): BreakerState {
    if (this.#failed < this.#failures) return "closed";
    return now < this.#trial ? "open" : "half-open";
  }

  /** Whether a request may be made. A trial that nobody reports on stands in the way of the next one for as long as one failed. */
  allows(now: number): boolean {
    const state = this.state(now);
    if (state === "half-open") this.#trial = now + this.#openMs;
    return state !== "open";
  }

  succeeded(): void {
    this.#failed = 0;
  }

  failed(now: number): void {
    this.#failed += 1;
    this.#trial = now + this.#openMs;
  }
}
