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

/** Rows as they were made of messages, to go on from when there are more. */
export interface Made {
  readonly rows: readonly Row[];
  readonly messages: readonly Message[];
  readonly unreadAfter: number | undefined;
  /** For each message, how many rows stand before what belongs to it. */
  readonly starts: readonly number[];
}

/**
 * `dayOf`: a text that differs from day to day. `unreadAfter`: the line stands before the first message of others after it.
 * `before`: what was made last; rows of the messages that begin both lists are taken from there, as the same objects.
 */
export function rowsOf(
  messages: readonly Message[],
  dayOf: (ts: number) => string,
  unreadAfter: number | undefined,
  before?: Made,
): Made {
  const from = before === undefined || before.unreadAfter !== unreadAfter ? 0 : goOnAt(before.messages, messages);
  const rows = before?.rows.slice(0, from === 0 ? 0 : before.starts[from]) ?? [];
  const starts = before?.starts.slice(0, from) ?? [];
  let above = messages[from - 1];
  let day = above === undefined ? "" : dayOf(above.ts);
  let marked = unreadAfter === undefined || rows.some(({ kind }) => kind === "unread");
  for (const message of messages.slice(from)) {
    starts.push(rows.length);
    const today = dayOf(message.ts);
    let fresh = above === undefined;
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
      const first = fresh || above === undefined || !together(above, message);
      const row = rows.at(-1);
      if (!first && row?.kind === "message") rows[rows.length - 1] = { ...row, last: false };
      // Until the next one goes on.
      rows.push({ kind: "message", key: message.key, message, first, last: true });
    }
    above = message;
  }
  const old = before?.rows ?? [];
  // The row above was made anew to say that its run goes on.
  for (let at = Math.max(0, (starts[from] ?? rows.length) - 1); at < rows.length; at += 1) {
    const [made, was] = [rows[at], old[at]];
    if (made !== undefined && was !== undefined && alike(made, was)) rows[at] = was;
  }
  return { rows, messages, unreadAfter, starts };
}

/** The message with a seq. Those that have one stand first, in its order. */
export function bySeq(messages: readonly Message[], seq: number | undefined): Message | undefined {
  if (seq === undefined) return undefined;
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((messages[middle]?.seq ?? Infinity) < seq) low = middle + 1;
    else high = middle;
  }
  return messages[low]?.seq === seq ? messages[low] : undefined;
}

/** The first message whose rows are to be made anew: the last one that is the same, whose row says whether its run goes on. */
function goOnAt(before: readonly Message[], messages: readonly Message[]): number {
  let same = 0;
  while (same < messages.length && messages[same] === before[same]) same += 1;
  return Math.max(0, same - 1);
}

function alike(a: Row, b: Row): boolean {
  if (a.kind !== b.kind || a.key !== b.key) return false;
  if (a.kind === "message" && b.kind === "message")
    return a.message === b.message && a.first === b.first && a.last === b.last;
  if (a.kind === "note" && b.kind === "note") return a.message === b.message;
  return a.kind !== "day" || b.kind !== "day" || a.ts === b.ts;
}

function together(a: Message, b: Message): boolean {
  return a.kind !== "system" && b.kind !== "system" && a.from === b.from && b.ts - a.ts <= RUN_MS;
}
