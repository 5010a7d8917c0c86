/** What the API shows of users and conversations. */
import { z } from "@hono/zod-openapi";
import { HeadView, MessageView } from "../../../protocol/frames.ts";
import { Cid, Uid } from "../../../protocol/ids.ts";
import type { User } from "../../../store/store.ts";

/** A user as everybody sees them. */
export const Card = z
  .object({
    id: Uid,
    username: z.string().nullable().openapi({ description: "Null for users of an external issuer." }),
    name: z.string().openapi({ description: "Empty when the account is deleted." }),
    avatar: z.string().nullable(),
    deleted: z.literal(true).optional().openapi({ description: "The account is deleted." }),
  })
  .openapi("User");

/** The card of a stored user. */
export function card({ id, username, name, avatar, deleted }: User): z.infer<typeof Card> {
  if (deleted > 0) return { id, username: null, name: "", avatar: null, deleted: true };
  return { id, username, name, avatar };
}

const AnyJson = z.unknown().openapi({ description: "JSON; its shape follows from `kind`." });
const seq = z.number().int().min(0);

/** A message as `message` frames and pages show it. */
export const Message = z
  .object({ ...MessageView.shape, body: AnyJson })
  .partial({ body: true })
  .openapi("Message");

/** A conversation as `heads` frames show it. */
export const Head = z.object({ ...HeadView.shape, last: Message.optional() }).openapi("Conversation");

export const MessagePage = z
  .object({ messages: z.array(Message), head: seq, more: z.boolean() })
  .openapi("MessagePage");

/** How many a page holds: from 1 to `most`. */
export const Limit = (most: number, usual: number) =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(most)
    .default(usual)
    .openapi({ type: "integer", minimum: 1, maximum: most, default: usual });

export const Cursor = z.string().min(1).max(4096).openapi({ description: "`next` of the page before." });

/** The user's object pages by version. */
export const VersionCursor = Cursor.regex(/^\d{1,16}$/, "not one of ours");

/** Where the next page begins; absent on the last. */
export const Next = z.string().optional();

export const UidParam = z.object({ uid: Uid });
export const CidParam = z.object({ cid: Cid });
