/** One stay of something in memory, from its wake to its end. What was set up in it ends with it. */
import type { Clock } from "./clock.ts";

export class Life {
  readonly #clock: Clock;
  readonly #atEnd = new Set<() => void>();
  #alive = true;
  /** Calls made and calls served that are not over: nothing hibernates meanwhile. */
  busy = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** A timer of this life. */
  after(ms: number, run: () => void): void {
    this.#clock.after(ms, () => this.#alive && run());
  }

  /** Runs something when this life ends; the result takes it back. */
  onEnd(run: () => void): () => void {
    this.#atEnd.add(run);
    return () => this.#atEnd.delete(run);
  }

  end(): void {
    this.#alive = false;
    for (const run of this.#atEnd) run();
  }
}
