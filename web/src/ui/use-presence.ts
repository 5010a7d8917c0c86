/** Who of those one talks to is there. */
import { useEffect } from "preact/hooks";
import type { Chat, Conversation } from "../../../client/src/mpim.ts";

/** The peers of so many newest chats are watched. */
const WATCHED = 100;

export function usePresence(chat: Chat, chats: readonly Conversation[]): void {
  const peers = chats
    .flatMap(({ peer }) => peer ?? [])
    .slice(0, WATCHED)
    .toSorted()
    .join(" ");
  useEffect(() => {
    if (peers === "") return undefined;
    return chat.watch(...peers.split(" "));
  }, [chat, peers]);
}
