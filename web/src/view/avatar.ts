/** A face for somebody of whom only name and id are known. Pure. */

/** The first letters of the first and the last word; of names without spaces in Chinese and its like, the last two signs. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const signs = (word: string): string[] => Array.from(word);
  const first = signs(words[0] ?? "");
  if (words.length === 1 && /\p{Script=Han}/u.test(first[0] ?? "")) return first.slice(-2).join("");
  const last = words.length > 1 ? (signs(words.at(-1) ?? "")[0] ?? "") : "";
  return ((first[0] ?? "?") + last).toLocaleUpperCase();
}

/** How many colours the style sheet has for faces. */
export const COLOURS = 8;

/** The same colour for the same id, everywhere. */
export function colourOf(id: string): number {
  let sum = 7;
  for (const sign of id) sum = (sum * 31 + (sign.codePointAt(0) ?? 0)) % 1_000_003;
  return sum % COLOURS;
}
