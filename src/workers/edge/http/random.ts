/** Chance, as actions take it. */

/** Random bytes, so many. */
export type Random = (bytes: number) => Uint8Array;

/** The platform's. */
export function random(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes));
}
