/** Names as they are shown. Pure. */

/** Everything but spaces, controls, and signs that have no shape of their own. U+2800 is a letter with nothing in it. */
const SEEN = /[^\p{White_Space}\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** The name; `""` when there is nothing of it to see. */
export function visible(name: string | undefined): string {
  return name !== undefined && SEEN.test(name) ? name : "";
}
