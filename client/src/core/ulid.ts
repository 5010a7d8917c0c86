/** Ids as texts: ULIDs in lower case, ten letters of time and sixteen of chance. Pure. */

export const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME = 10;
/** Well within the day after which the server refuses an id. */
const SPAN_MS = 10 * 3_600_000;

/** The first letters of an id that is made now, ms since the epoch. */
export function timeLetters(now: number): string {
  let letters = "";
  for (let rest = Math.max(0, Math.floor(now)), i = 0; i < TIME; i += 1) {
    letters = CROCKFORD.charAt(rest % 32) + letters;
    rest = Math.floor(rest / 32);
  }
  return letters;
}

/** When an id was made, ms since the epoch; NaN where it carries no time. */
export function timeOf(id: string): number {
  let time = 0;
  for (const letter of id.slice(0, TIME)) {
    const value = CROCKFORD.indexOf(letter);
    time = value < 0 ? Number.NaN : time * 32 + value;
  }
  return id.length === 26 ? time : Number.NaN;
}

/**
 * An id with a time of today instead of one that is too old. For some hours the same: who dies before the new one is stored,
 * and does it again, does not send the message under two ids.
 */
export function renewed(id: string, now: number): string {
  return timeLetters(now - (now % SPAN_MS)) + id.slice(TIME);
}
