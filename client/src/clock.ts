/** Time that only moves on: what is waited for and measured by. */

/** A wall clock that is so much further than the steady one was not drifting: the device has slept, or somebody has set it. */
const SLEPT_MS = 1_000;

/**
 * Begins with the wall clock and goes on with the steady one, which no user and no time server sets. Where that one stands
 * still while the device sleeps, the wall clock says how long; a wall clock that was set forward is not told from sleep, and
 * does what sleep does: what was waited for is due. One that was set back changes nothing.
 */
export class Clock {
  readonly #steady: () => number;
  readonly #wall: () => number;
  #lead: number;
  #before: { readonly steady: number; readonly wall: number };

  constructor(steady = (): number => performance.now(), wall = (): number => Date.now()) {
    this.#steady = steady;
    this.#wall = wall;
    this.#before = { steady: steady(), wall: wall() };
    this.#lead = this.#before.wall - this.#before.steady;
  }

  /** ms; never less than before. */
  now(): number {
    const [steady, wall] = [this.#steady(), this.#wall()];
    const slept = wall - this.#before.wall - (steady - this.#before.steady);
    if (slept > SLEPT_MS) this.#lead += slept;
    this.#before = { steady, wall };
    return steady + this.#lead;
  }

  /** A time of this clock as ms since the epoch, by the wall clock as it is set now. */
  wall(at: number): number {
    return Math.round(at - this.now() + this.#wall());
  }
}
