/** Which messages are told outside of the page, when nobody looks at it. Pure. */
import type { Message } from "../../../client/src/message.ts";

/** What is older comes from the time before there was a connection, and is found in the list. */
const FRESH_MS = 60_000;

/** `now`: the server's time. */
export function isTold(
  { mine, seq, ts, mentions, recalled }: Message,
  { muted, readSeq }: { readonly muted: boolean; readonly readSeq: number },
  me: string,
  now: number,
): boolean {
  if (mine || recalled || now - ts > FRESH_MS) return false;
  // Read on another device meanwhile.
  if (seq !== undefined && seq <= readSeq) return false;
  // A muted chat only speaks to who is mentioned.
  return !muted || mentions.includes(me);
}
