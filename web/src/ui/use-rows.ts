/** A list of rows of one height, of which only those near the view are in the page. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { equalSpan, type Span } from "../view/window.ts";

export interface Rows extends Span {
  /** Of the list; whatever scrolls above it is looked at. */
  readonly list: { current: HTMLUListElement | null };
  /** Gives the list the height of all its rows. */
  readonly style: { readonly paddingTop: string; readonly paddingBottom: string };
}

/** `guess`: how high a row is, until one is there to be measured, px. */
export function useRows(count: number, guess: number): Rows {
  const list = useRef<HTMLUListElement>(null);
  const [view, setView] = useState({ row: guess, ...equalSpan(count, guess, 0, innerHeight) });
  const look = (): void => {
    const element = list.current;
    if (element === null) return;
    const scroller = scrollerOf(element);
    const row = element.firstElementChild?.getBoundingClientRect().height ?? 0;
    const height = row > 0 ? row : view.row;
    const top = scroller.getBoundingClientRect().top - element.getBoundingClientRect().top;
    const next = { row: height, ...equalSpan(count, height, top, scroller.clientHeight) };
    if (next.row !== view.row || next.from !== view.from || next.to !== view.to) setView(next);
  };
  useLayoutEffect(look);
  const latest = useRef(look);
  latest.current = look;
  const none = count === 0;
  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return undefined;
    const scroller = scrollerOf(element);
    const again = (): void => latest.current();
    const observer = new ResizeObserver(again);
    observer.observe(scroller);
    scroller.addEventListener("scroll", again, { passive: true });
    return () => {
      observer.disconnect();
      scroller.removeEventListener("scroll", again);
    };
  }, [none]);
  // The list may be shorter by now than when it was looked at.
  const to = Math.min(view.to, count);
  const from = Math.min(view.from, to);
  const style = { paddingTop: `${from * view.row}px`, paddingBottom: `${(count - to) * view.row}px` };
  return { list, from, to, style };
}

function scrollerOf(element: HTMLElement): HTMLElement {
  for (let above = element.parentElement; above !== null; above = above.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(above).overflowY)) return above;
  }
  return document.documentElement;
}
