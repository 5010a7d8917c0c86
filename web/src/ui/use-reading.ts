/** What somebody has on the screen is read. */
import { useEffect } from "preact/hooks";
import type { Conversation } from "../../../client/src/mpim.ts";
import { useRender } from "../state/use.ts";
import type { Heights } from "../view/heights.ts";
import type { Row } from "../view/rows.ts";

export function useReading(
  conversation: Conversation,
  rows: readonly Row[],
  heights: Heights,
  { top, height }: { readonly top: number; readonly height: number },
  toNewest: boolean,
): void {
  const render = useRender();
  useEffect(() => {
    document.addEventListener("visibilitychange", render);
    return () => document.removeEventListener("visibilitychange", render);
  }, [render]);
  useEffect(() => {
    if (document.visibilityState !== "visible" || rows.length === 0) return;
    if (conversation.readSeq >= conversation.head) return;
    const lowest = heights.at(top + height - 1);
    // Also the entries after it that are no rows, amendments for instance.
    if (toNewest && lowest >= rows.length - 1) return conversation.read();
    const seq = seqAt(rows, lowest);
    if (seq > conversation.readSeq) conversation.read(seq);
  });
}

function seqAt(rows: readonly Row[], from: number): number {
  for (let at = from; at >= 0; at -= 1) {
    const row = rows[at];
    if (row !== undefined && "message" in row && row.message.seq !== undefined) return row.message.seq;
  }
  return 0;
}
