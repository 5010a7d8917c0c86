/** How long a link that broke stays broken: growing waits, spread so that the clients of an object do not come at once. */

/** First wait and longest, ms. */
const FIRST = 50;
const LONGEST = 5000;

/** ms to wait after so many failed attempts; `chance` in [0, 1). */
export function reattachWait(attempts: number, chance: number): number {
  return Math.min(LONGEST, FIRST * 2 ** attempts) * (0.5 + chance / 2);
}
