import type { MessageView } from "../../src/protocol/frames.ts";

/** An entry of a conversation as somebody sees it in the end. */
export interface Shown {
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  readonly kind: string;
  /** JSON text; "" for amendments and for what was recalled. */
  readonly body: string;
  /** The seq of the newest edit, 0 = none. */
  readonly edited: number;
  readonly recalled: boolean;
  /** `emoji uid`. */
  readonly reactions: Set<string>;
}

/** What a frame shows of an entry. */
export function shownOf(view: MessageView): Shown {
  const { seq = 0, id, from, kind, body, edited, recalled = false, reactions = {} } = view;
  return {
    seq,
    id,
    from,
    kind,
    body: kind === "amend" || recalled ? "" : JSON.stringify(body),
    edited: edited?.seq ?? 0,
    recalled,
    reactions: new Set(Object.entries(reactions).flatMap(([emoji, uids]) => uids.map((uid) => `${emoji} ${uid}`))),
  };
}

/** One line, equal for equal entries. */
export function lineOf(shown: Shown): string {
  const { seq, id, from, kind, body, edited, recalled, reactions } = shown;
  return JSON.stringify([seq, id, from, kind, body, edited, recalled, [...reactions].toSorted()]);
}
