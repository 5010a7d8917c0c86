/** The cursors of searches: opaque to clients, and whatever they send back is checked. */
import { base64url } from "jose";
import { z } from "zod";
import { Cid } from "../../../protocol/ids.ts";
import type { DirectoryPosition } from "../../../store/directory.ts";
import type { FoundPosition } from "../../../store/messages.ts";
import type { SearchPosition } from "../../../store/store.ts";

/** UTF-16 units: a name of 64 characters folds to 18 times as many, and a key of the directory has up to 600 pairs. */
const KEY_LENGTH = 1_200;

const User = z.discriminatedUnion("by", [
  z.object({ by: z.literal("username"), username: z.string().max(64) }),
  z.object({ by: z.literal("name"), name: z.string().max(KEY_LENGTH), id: z.string().max(64) }),
]);

const Group = z.object({ name: z.string().max(KEY_LENGTH), id: Cid });

const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Conversations are searched some at a time: those changed from `from` on and before `below`; in them, what is behind `after`. */
export interface MessagePosition {
  readonly below?: number | undefined;
  readonly from?: number | undefined;
  readonly after?: FoundPosition | undefined;
}

const Message = z.object({
  below: whole.optional(),
  from: whole.min(1).optional(),
  after: z.object({ ts: whole, cid: Cid, seq: whole }).optional(),
});

/** Writes a position as a cursor. */
export function encodeCursor(position: SearchPosition | DirectoryPosition | MessagePosition): string {
  return base64url.encode(JSON.stringify(position));
}

/** Reads the cursor of a search for users; undefined when it is none of ours. */
export const decodeCursor = (cursor: string): SearchPosition | undefined => decode(User, cursor);

/** The same for groups. */
export const decodeGroupCursor = (cursor: string): DirectoryPosition | undefined => decode(Group, cursor);

/** The same for messages. */
export const decodeMessageCursor = (cursor: string): MessagePosition | undefined => decode(Message, cursor);

function decode<T>(schema: z.ZodType<T>, cursor: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(new TextDecoder().decode(base64url.decode(cursor)))).data;
  } catch {
    return undefined;
  }
}
