/** Which conversations a user takes part in. What one has no part in does not exist, as far as answers show (SEC1). */
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { directCid, kindOf, ownerOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import type { Heads } from "./heads.ts";
import type { HeadRow } from "./user-store.ts";

/** Whether a head is of a conversation that this user still has a part in. */
export function inside(head: HeadRow | undefined): head is HeadRow {
  return head !== undefined && (head.membership?.left ?? 0) === 0;
}

/** A refusal for conversations that `self` has no part in. */
export function stranger(self: Uid, heads: Heads, cid: Cid): Refusal | undefined {
  return isMine(self, heads, cid) ? undefined : refuse("not_member", "not a member");
}

/** A direct chat and a system conversation say in their id whose they are; of groups a head does. */
function isMine(self: Uid, heads: Heads, cid: Cid): boolean {
  switch (kindOf(cid)) {
    case "direct":
      return peerOf(cid, self) !== undefined;
    case "system":
      return ownerOf(cid) === self;
    case "group":
      return inside(heads.get(cid));
  }
}

/** Where a send goes: a cid, or `@uid`; refused unless `self` may write there. */
export function addressOf(self: Uid, heads: Heads, to: string): Cid | Refusal {
  if (to.startsWith("@")) {
    const peer = to.slice(1) as Uid;
    return peer === self ? refuse("invalid_argument", "that is yourself") : directCid(self, peer);
  }
  const cid = to as Cid;
  const refusal = stranger(self, heads, cid);
  if (refusal !== undefined) return refusal;
  return kindOf(cid) === "system" ? refuse("permission_denied", "only the system writes here") : cid;
}
