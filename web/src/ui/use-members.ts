/** Who is in a group. */
import { useEffect, useState } from "preact/hooks";
import type { Conversation, Member } from "../../../client/src/mpim.ts";

const PAGE = 100;
/** Of larger groups so many are known here: enough to mention and to look at. */
const MOST = 500;

/** The members, as far as the server has told; asked again when something happened to the group. */
export function useMembers(conversation: Conversation): readonly Member[] {
  const [members, setMembers] = useState<readonly Member[]>([]);
  useEffect(() => {
    if (conversation.type !== "group") return undefined;
    let gone = false;
    const ask = async (): Promise<void> => {
      const all: Member[] = [];
      let cursor: string | undefined;
      do {
        const page = await conversation.members({ limit: PAGE, cursor });
        all.push(...page.items);
        cursor = page.next;
      } while (cursor !== undefined && all.length < MOST);
      if (!gone) setMembers(all);
    };
    // Without a connection, or no longer in the group: what is known stays.
    const again = (): void => void ask().catch(() => {});
    again();
    const off = conversation.on("message", ({ kind }) => {
      if (kind === "system") again();
    });
    return () => {
      gone = true;
      off();
    };
  }, [conversation]);
  return members;
}
