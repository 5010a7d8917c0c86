/** What a conversation's id alone says about who is in it. */
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
