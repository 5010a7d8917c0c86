/** Who of those one talks to is there. */
import { useEffect } from "preact/hooks";
import type { Chat } from "../../../client/src/mpim.ts";

/** The peers of so many newest chats are watched. */
const WATCHED = 100;

export function usePresence(chat: Chat): void {
  const peers = chat.conversations
    .flatMap(({ peer }) => peer ?? [])
    .slice(0, WATCHED)
    .toSorted()
    .join(" ");
  useEffect(() => {
    if (peers === "") return undefined;
    return chat.watch(...peers.split(" "));
  }, [chat, peers]);
}
