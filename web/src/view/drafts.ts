/** What was begun in chats and not sent: the newest, as far as there is room. Pure. */

/** By cid, the oldest first. */
export type DraftList = readonly (readonly [cid: string, text: string])[];

const CHATS = 50;
/** Of all together, in UTF-16 units. */
const LENGTH = 100_000;

/** The list with another text in a chat; `""`: none. The oldest give way, and the newest is there whatever its length. */
export function withDraft(list: DraftList, cid: string, text: string): DraftList {
  const others = list.filter(([one]) => one !== cid);
  if (text === "") return others;
  const kept: (readonly [string, string])[] = [[cid, text]];
  let room = LENGTH - text.length;
  for (const draft of others.toReversed()) {
    room -= draft[1].length;
    if (room < 0 || kept.length === CHATS) break;
    kept.push(draft);
  }
  return kept.toReversed();
}

/** A list as it was kept; what is none is empty. */
export function draftsOf(value: unknown): DraftList {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (one): one is [string, string] =>
      Array.isArray(one) && one.length === 2 && one.every((part) => typeof part === "string"),
  );
}
