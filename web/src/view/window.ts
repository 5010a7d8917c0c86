/** Which rows of a long list are in the page, and where the list stands when rows change. Pure. */
import type { Heights } from "./heights.ts";

/** Rows beyond both edges that are ready to be scrolled to, px. */
const BEYOND = 600;
/** So near to the end counts as at the end, px. */
export const NEAR = 48;

export interface Span {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** The rows to have in the page. */
export function spanOf(heights: Heights, top: number, height: number): Span {
  if (heights.count === 0) return { from: 0, to: 0 };
  return { from: heights.at(top - BEYOND), to: heights.at(top + height + BEYOND) + 1 };
}

/** The same of rows of one height. `top`: how far the list's beginning is above the upper edge; it may be below it. */
export function equalSpan(count: number, row: number, top: number, height: number): Span {
  if (row <= 0) return { from: 0, to: count };
  const from = Math.max(0, Math.min(count, Math.floor((top - BEYOND) / row)));
  return { from, to: Math.max(from, Math.min(count, Math.ceil((top + height + BEYOND) / row))) };
}

/** What the eye holds on to: the row at the upper edge, and how far it is above that edge. `end`: the newest message. */
export type Anchor = "end" | { readonly key: string; readonly above: number };

/** `toNewest`: the last row is the newest message. */
export function anchorOf(
  heights: Heights,
  keyAt: (index: number) => string | undefined,
  { top, height }: { readonly top: number; readonly height: number },
  toNewest = true,
): Anchor {
  if (toNewest && top + height >= heights.total - NEAR) return "end";
  const index = heights.at(top);
  return { key: keyAt(index) ?? "", above: top - heights.top(index) };
}

/** Where the list must stand so that the eye sees the same as before; undefined: the row is gone. */
export function topFor(
  anchor: Anchor,
  heights: Heights,
  indexOf: (key: string) => number | undefined,
  height: number,
): number | undefined {
  if (anchor === "end") return Math.max(0, heights.total - height);
  const index = indexOf(anchor.key);
  return index === undefined ? undefined : heights.top(index) + anchor.above;
}
