/** WebSockets: first in, first out each way, until they break; then what was under way is lost, and each end learns it later. */
import type { Clock } from "./clock.ts";

/** What one end of a wire hears. */
export interface Ear<T> {
  heard(message: T): void;
  /** The other end closed, or the wire broke (1006). */
  closed(code: number): void;
}

/** One direction. */
export class Pipe<T> {
  readonly #clock: Clock;
  readonly #delay: () => number;
  #ear: Ear<T> | undefined;
  #lastArrival = 0;
  /** Nothing arrives after it. */
  #cutAt = Number.POSITIVE_INFINITY;
  #underWay = 0;
  #most = 0;

  constructor(clock: Clock, delay: () => number, ear: Ear<T>) {
    this.#clock = clock;
    this.#delay = delay;
    this.#ear = ear;
  }

  /** The most messages that were ever under way. */
  get most(): number {
    return this.#most;
  }

  send(message: T): void {
    this.#deliver((ear) => ear.heard(message));
  }

  /** Closes in order, after what was sent. */
  close(code: number): void {
    this.#deliver((ear) => {
      this.stop();
      ear.closed(code);
    });
  }

  /** The receiver does not listen any more. */
  stop(): void {
    this.#ear = undefined;
  }

  /** What arrives after a time is lost; the receiver learns of the break after `notice` ms. */
  cut(at: number, notice: number): void {
    if (this.#cutAt !== Number.POSITIVE_INFINITY) return;
    this.#cutAt = at;
    this.#clock.after(at - this.#clock.now + notice, () => {
      const ear = this.#ear;
      this.stop();
      ear?.closed(1006);
    });
  }

  #deliver(give: (ear: Ear<T>) => void): void {
    const arrival = Math.max(this.#lastArrival, this.#clock.now + this.#delay());
    this.#lastArrival = arrival;
    this.#underWay += 1;
    this.#most = Math.max(this.#most, this.#underWay);
    this.#clock.after(arrival - this.#clock.now, () => {
      this.#underWay -= 1;
      if (this.#ear !== undefined && this.#clock.now <= this.#cutAt) give(this.#ear);
    });
  }
}

/** Both directions. */
export interface Wire<Up, Down> {
  readonly up: Pipe<Up>;
  readonly down: Pipe<Down>;
}

/** Breaks both directions after `inAt` ms; each end notices by itself. */
export function breakWire(wire: Wire<never, never>, clock: Clock, inMs: number, notice: () => number): void {
  wire.up.cut(clock.now + inMs, notice());
  wire.down.cut(clock.now + inMs, notice());
}
