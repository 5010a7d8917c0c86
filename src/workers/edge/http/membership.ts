/** What a conversation's id alone says about who is in it, and what is said to whoever is not. */
import type { Result } from "../../../lib/result.ts";
import { refuse, type Refusal } from "../../../protocol/codes.ts";
import { kindOf, peerOf, type Cid, type Uid } from "../../../protocol/ids.ts";

/** False: by its id this conversation is of other people. True: only the conversation itself can tell. */
export function mayBelongTo(cid: Cid, uid: Uid): boolean {
  switch (kindOf(cid)) {
    case "direct":
      return peerOf(cid, uid) !== undefined;
    case "system":
      return cid === `s.${uid}`;
    case "group":
      return true;
  }
}

/** SEC1: one answer for conversations of others, whether they exist or not. */
export const NOT_MEMBER = refuse("not_member", "not a member of this conversation");

/** SEC1: whatever an object says to a stranger, the stranger hears the one answer. */
export function veiled<T>(answer: Result<T, Refusal>): Result<T, Refusal> {
  return !answer.ok && answer.error.code === "not_member" ? { ok: false, error: NOT_MEMBER } : answer;
}
