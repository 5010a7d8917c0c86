/** How much a client may write: it keeps to half of the rate that `welcome` told it, for the server counts other frames too. */
export class Pace {
  #rate = 0;
  #most = 0;
  #left = 0;
  #at = 0;

  /** A connection begins. */
  begin({ rate, burst }: { rate: number; burst: number }, now: number): void {
    this.#rate = rate / 2000;
    this.#most = burst / 2;
    this.#left = this.#most;
    this.#at = now;
  }

  /** How many of so many frames may go now; those count as gone. */
  take(wanted: number, now: number): number {
    this.#left = Math.min(this.#most, this.#left + (now - this.#at) * this.#rate);
    this.#at = now;
    const taken = Math.min(wanted, Math.floor(this.#left));
    this.#left -= taken;
    return taken;
  }
}
