/** Whom one may mention: members whose names are known, and those found by the letters that were typed. */
import { useEffect, useRef } from "preact/hooks";
import type { Conversation } from "../../../client/src/mpim.ts";
import { useHome } from "../state/use.ts";
import { candidates, type Asked, type Person } from "../view/mention.ts";
import { visible } from "../view/name.ts";
import { useFound } from "./people-picker.tsx";
import { useMembers } from "./use-group.ts";

/** Of larger groups so many are known here; it is one request. */
const MEMBERS = 500;
/** So many are asked for their names when a mention begins. */
const ASKED = 30;
const NOBODY: Offered = { offered: [], known: [] };

export interface Offered {
  /** Those who may be meant by what is being completed. */
  readonly offered: readonly Person[];
  /** All members whose names are known here. */
  readonly known: readonly Person[];
}

/** `mentioning`: the text has a mention, or begins one. */
export function useOffered(
  conversation: Conversation,
  asked: Asked | undefined,
  mentioning: boolean,
  round: number,
): Offered {
  const { chat, people } = useHome();
  // Nobody is asked for until somebody is to be mentioned.
  const begun = useRef(false);
  begun.current ||= mentioning;
  const { members } = useMembers(conversation, begun.current ? MEMBERS : 0, round);
  // What is found has a name from then on.
  useFound(asked?.text ?? "");
  useEffect(() => {
    if (mentioning) for (const { user } of members.slice(0, ASKED)) people.card(user);
  }, [mentioning, members, people]);
  if (!mentioning) return NOBODY;
  const known = members.flatMap(({ user }): Person[] => {
    const name = visible(people.known(user)?.name);
    return user === chat.user || name === "" ? [] : [{ user, name }];
  });
  return { offered: asked === undefined ? [] : candidates(known, asked.text), known };
}
