/** Names as they are shown. Pure. */

/** Everything but spaces, controls, and signs that have no shape of their own. U+2800 is a letter with nothing in it. */
const SEEN = /[^\p{White_Space}\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Embeddings, overrides and isolates: what stands in one of these is shown in another order than it is meant, and what follows, too. */
const TURNS = /[\u202A-\u202E\u2066-\u2069]+/g;

/** A text that is shown within others, in the order of its letters. */
export function straight(text: string): string {
  return text.replace(TURNS, "");
}

/** The name as it is shown; `""` when there is nothing of it to see. */
export function visible(name: string | undefined): string {
  return name !== undefined && SEEN.test(name) ? straight(name) : "";
}
