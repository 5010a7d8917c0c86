/** What was begun in chats and not sent: the newest, as far as there is room. Pure. */
import type { Person } from "./mention.ts";

export interface Draft {
  readonly text: string;
  /** `seq` of the message that it answers. */
  readonly reply?: number | undefined;
  /** Whose names were completed in it. */
  readonly people?: readonly Person[] | undefined;
}

/** By cid, the oldest first. */
export type DraftList = readonly (readonly [cid: string, draft: Draft])[];

const CHATS = 50;
/** Of all texts together, in UTF-16 units. */
const LENGTH = 100_000;
const PEOPLE = 100;

/** The list with another draft in a chat; one without a text is none. The oldest give way, and the newest is there whatever its length. */
export function withDraft(list: DraftList, cid: string, draft: Draft): DraftList {
  const others = list.filter(([one]) => one !== cid);
  if (draft.text === "") return others;
  const kept: (readonly [string, Draft])[] = [[cid, draft]];
  let room = LENGTH - draft.text.length;
  for (const other of others.toReversed()) {
    room -= other[1].text.length;
    if (room < 0 || kept.length === CHATS) break;
    kept.push(other);
  }
  return kept.toReversed();
}

/** A list as it was kept; what is none is left out. */
export function draftsOf(value: unknown): DraftList {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: unknown): [string, Draft][] => {
    if (!Array.isArray(one) || one.length !== 2 || typeof one[0] !== "string") return [];
    const { text, reply, people } = (one[1] ?? {}) as { text?: unknown; reply?: unknown; people?: unknown };
    if (typeof text !== "string") return [];
    const known = Array.isArray(people) ? people.filter(isPerson).slice(-PEOPLE) : [];
    return [
      [
        one[0],
        {
          text,
          ...(Number.isSafeInteger(reply) && { reply: reply as number }),
          ...(known.length > 0 && { people: known }),
        },
      ],
    ];
  });
}

function isPerson(value: unknown): value is Person {
  const { user, name } = (value ?? {}) as { user?: unknown; name?: unknown };
  return typeof user === "string" && typeof name === "string";
}
