/** What amendments make of a message. Pure. */
import type { Entry, WireMessage } from "../wire.ts";

type Amendment = Pick<WireMessage, "op" | "from" | "ts" | "body"> & { readonly seq?: number | undefined };

/** The message after an amendment; the same object when it changes nothing. */
export function fold<M extends WireMessage>(message: M, amendment: Amendment): M {
  if (message.recalled) return message;
  const { op, seq = Number.MAX_SAFE_INTEGER, ts, body } = amendment;
  const before = message.edited?.seq ?? 0;
  switch (op) {
    case "edit":
      // One's own that are under way have no place yet: the later one is the newer.
      if (body === undefined || seq < before || amendment.seq === before) return message;
      return { ...message, body, edited: { seq, ts } };
    case "recall": {
      const { body: _body, edited: _edited, reactions: _reactions, ...rest } = message;
      return { ...rest, recalled: true } as unknown as M;
    }
    case "react":
    case "unreact":
      return react(message, amendment);
    default:
      return message;
  }
}

function react<M extends WireMessage>(message: M, { op, from, body }: Amendment): M {
  const emoji = (body as { emoji?: unknown } | undefined)?.emoji;
  if (typeof emoji !== "string") return message;
  const before = new Map(Object.entries(message.reactions ?? {}));
  const has = before.get(emoji)?.includes(from) ?? false;
  if (has === (op === "react")) return message;
  const users = (before.get(emoji) ?? []).filter((user) => user !== from);
  if (op === "react") users.push(from);
  if (users.length > 0) before.set(emoji, users);
  else before.delete(emoji);
  const { reactions: _, ...rest } = message;
  return (before.size > 0 ? { ...rest, reactions: Object.fromEntries(before) } : rest) as unknown as M;
}

/** Whether the entry counts as unread, if somebody else wrote it. */
export function countable(entry: Entry): boolean {
  return (entry.kind !== "amend" && entry.kind !== "system") || entry.cid.startsWith("s.");
}
