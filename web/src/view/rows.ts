/** From messages to the rows of a list: days, the line above what is new, runs of one author. Pure. */
import type { Message } from "../../../client/src/message.ts";

export type Row =
  | { readonly kind: "day"; readonly key: string; readonly ts: number }
  | { readonly kind: "unread"; readonly key: string }
  /** What happened to a group. */
  | { readonly kind: "note"; readonly key: string; readonly message: Message }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly message: Message;
      /** Begins a run of one author: shows who it is. */
      readonly first: boolean;
      /** Ends it. */
      readonly last: boolean;
    };

/** Messages of one author stand together when no more than this lies between them, ms. */
const RUN_MS = 5 * 60_000;

/** `dayOf`: a text that differs from day to day. `unreadAfter`: the line stands before the first message of others after it. */
export function rowsOf(
  messages: readonly Message[],
  dayOf: (ts: number) => string,
  unreadAfter: number | undefined,
): readonly Row[] {
  const rows: Row[] = [];
  let day = "";
  let before: Message | undefined;
  let marked = unreadAfter === undefined;
  for (const message of messages) {
    const today = dayOf(message.ts);
    let fresh = before === undefined;
    if (today !== day) {
      day = today;
      fresh = true;
      rows.push({ kind: "day", key: `day/${message.key}`, ts: message.ts });
    }
    if (!marked && !message.mine && message.kind !== "system" && (message.seq ?? 0) > (unreadAfter ?? 0)) {
      marked = true;
      fresh = true;
      rows.push({ kind: "unread", key: "unread" });
    }
    if (message.kind === "system") {
      rows.push({ kind: "note", key: message.key, message });
    } else {
      const first = fresh || before === undefined || !together(before, message);
      const above = rows.at(-1);
      if (!first && above?.kind === "message") rows[rows.length - 1] = { ...above, last: false };
      // Until the next one goes on.
      rows.push({ kind: "message", key: message.key, message, first, last: true });
    }
    before = message;
  }
  return rows;
}

function together(a: Message, b: Message): boolean {
  return a.kind !== "system" && b.kind !== "system" && a.from === b.from && b.ts - a.ts <= RUN_MS;
}
