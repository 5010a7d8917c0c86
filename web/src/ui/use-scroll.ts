/**
 * A list of rows of unknown heights, of which only those near the view are in the page. A row that is shown is measured; what
 * the eye holds on to stays where it is, whatever is measured, added before, or taken away.
 */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Heights } from "../view/heights.ts";
import { Layout } from "../view/layout.ts";
import type { Row } from "../view/rows.ts";
import { anchorOf, NEAR, spanOf, topFor, type Anchor, type Span } from "../view/window.ts";

const GUESS = { day: 48, unread: 40, note: 36, message: 48 } as const;
/** A line of text has about so many characters, and is so high, px. */
const LINE = 60;
const LINE_HEIGHT = 21;

interface View {
  readonly top: number;
  readonly height: number;
}

export interface Scroll {
  readonly scroller: { current: HTMLDivElement | null };
  /** The same object for the whole life of the list: what is asked of it is of now. */
  readonly heights: Heights;
  readonly placeOf: (key: string) => number | undefined;
  readonly span: Span;
  readonly atEnd: boolean;
  readonly view: View;
  readonly onScroll: () => void;
  /** Holds on to something else from now on. */
  readonly hold: (anchor: Anchor) => void;
}

/** `toNewest`: the last row is the newest message, and who is there is to stay with what comes. */
export function useScroll(rows: readonly Row[], start: Anchor, toNewest: boolean): Scroll {
  const scroller = useRef<HTMLDivElement>(null);
  const [layout] = useState(() => new Layout<Row>(guess));
  const anchor = useRef<Anchor>(start);
  const [view, setView] = useState<View>({ top: Number.MAX_SAFE_INTEGER, height: 800 });
  const [, again] = useState({});
  const { heights } = layout;
  /** Where the list was left. Elsewhere it was scrolled to, whether or not the browser has told it already: it does so at the next frame. */
  const known = useRef(0);
  const look = (element: HTMLElement): View => {
    const next = { top: element.scrollTop, height: element.clientHeight };
    anchor.current = anchorOf(heights, (index) => layout.keyAt(index), next, toNewest);
    known.current = next.top;
    return next;
  };
  // By the rows of before: those that come now may stand above.
  const { current: there } = scroller;
  if (there !== null && there.clientHeight > 0 && there.scrollTop !== known.current) look(there);
  layout.take(rows);

  const settle = (): void => {
    const element = scroller.current;
    if (element === null) return;
    let changed = false;
    for (const row of element.querySelectorAll<HTMLElement>("[data-row]")) {
      const { height } = row.getBoundingClientRect();
      if (height > 0 && layout.measure(Number(row.dataset["row"]), height)) changed = true;
    }
    // The element must be as long as the rows are before it can be scrolled there.
    if (element.firstElementChild instanceof HTMLElement) element.firstElementChild.style.height = `${heights.total}px`;
    const height = element.clientHeight;
    const top = topFor(anchor.current, heights, (key) => layout.placeOf(key), height);
    if (top !== undefined && Math.abs(element.scrollTop - top) > 0.75) element.scrollTop = top;
    known.current = element.scrollTop;
    if (changed) again({});
    if (element.scrollTop !== view.top || height !== view.height) setView({ top: element.scrollTop, height });
  };
  useLayoutEffect(settle);

  const latest = useRef(settle);
  latest.current = settle;
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => latest.current());
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const onScroll = (): void => {
    if (scroller.current !== null) setView(look(scroller.current));
  };
  const hold = useCallback((next: Anchor) => {
    anchor.current = next;
    known.current = scroller.current?.scrollTop ?? 0;
    again({});
  }, []);
  const top = Math.min(view.top, Math.max(0, heights.total - view.height));
  return {
    scroller,
    heights,
    placeOf: (key) => layout.placeOf(key),
    span: spanOf(heights, top, view.height),
    // All of it may be in view although something else is held on to.
    atEnd: anchor.current === "end" || top + view.height >= heights.total - NEAR,
    view: { top, height: view.height },
    onScroll,
    hold,
  };
}

function guess(row: Row): number {
  if (row.kind !== "message") return GUESS[row.kind];
  const { text, replyTo } = row.message;
  const lines = Math.ceil(text.length / LINE);
  return GUESS.message + Math.max(0, lines - 1) * LINE_HEIGHT + (replyTo === undefined ? 0 : 48);
}
