/** A piece of a text around what was found in it. Pure. */

export interface Piece {
  readonly text: string;
  readonly hit: boolean;
}

/** So much stands before the first hit, and in all, in UTF-16 units. */
const BEFORE = 16;
const LENGTH = 120;

/** `highlights`: where the hits are, ascending. */
export function excerptOf(text: string, highlights: readonly (readonly [number, number])[]): readonly Piece[] {
  const start = Math.max(0, (highlights[0]?.[0] ?? 0) - BEFORE);
  const end = Math.min(text.length, start + LENGTH);
  const pieces: Piece[] = [];
  let at = start;
  for (const [from, to] of highlights) {
    if (from < at || to > end) continue;
    pieces.push({ text: text.slice(at, from), hit: false }, { text: text.slice(from, to), hit: true });
    at = to;
  }
  pieces.push({ text: text.slice(at, end), hit: false });
  const shown = pieces.filter(({ text: piece }) => piece !== "");
  return [
    ...(start > 0 ? [{ text: "…", hit: false }] : []),
    ...shown,
    ...(end < text.length ? [{ text: "…", hit: false }] : []),
  ];
}
