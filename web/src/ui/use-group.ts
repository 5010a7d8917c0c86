/** A group: its card, and who is in it, a page at a time. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Conversation, Group, Member } from "../../../client/src/mpim.ts";
import { useAsked } from "../state/use.ts";

const PAGE = 100;
/** Many things may happen to a group at once: it is asked again when so much time has passed after the first, ms. */
const PAUSE_MS = 500;

export interface GroupCard {
  /** Of a group only, as the server has told it: how many are in it, one's own role. */
  readonly card: Group | undefined;
  /** The code with which it was refused. */
  readonly refused: string | undefined;
  /** Another number when something has happened to the group. */
  readonly round: number;
}

export function useGroupCard(conversation: Conversation): GroupCard {
  const [round, setRound] = useState(0);
  const group = conversation.type === "group";
  const asked = useAsked(async () => (group ? conversation.group() : undefined), [conversation, round]);
  useLayoutEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setRound((before) => before + 1);
      }, PAUSE_MS);
    };
    const offs = [
      conversation.on("message", ({ kind }) => {
        if (kind === "system") again();
      }),
      // Without a connection it could not be asked.
      conversation.chat.on("synced", again),
    ];
    return () => {
      clearTimeout(timer);
      for (const off of offs) off();
    };
  }, [conversation]);
  const refused = (asked.error as { code?: unknown } | undefined)?.code;
  return { card: asked.value, refused: typeof refused === "string" ? refused : undefined, round };
}

export interface Members {
  readonly members: readonly Member[];
  readonly more: boolean;
  /** Asks for the next page; while one is on its way, nothing. */
  readonly next: () => void;
}

/** The members of a group as far as they were asked for, and at least so many if there are; 0: none yet. */
export function useMembers(conversation: Conversation, least: number, round: number): Members {
  const [wanted, setWanted] = useState(0);
  const [loaded, setLoaded] = useState<{ readonly items: readonly Member[]; readonly more: boolean }>({
    items: [],
    more: true,
  });
  const goal = Math.max(least, wanted);
  const asked = useRef<number | undefined>(undefined);
  const latest = useRef(loaded);
  latest.current = loaded;
  useEffect(() => {
    if (goal === 0 || conversation.type !== "group") return undefined;
    let gone = false;
    const ask = async (): Promise<void> => {
      // Something has happened to the group: from the beginning. Else from where it stopped.
      const fresh = asked.current !== round;
      const all = fresh ? [] : [...latest.current.items];
      let cursor = all.at(-1)?.user;
      let more = fresh || latest.current.more;
      while (more && all.length < goal) {
        const page = await conversation.members({ limit: Math.max(PAGE, goal - all.length), cursor });
        if (gone) return;
        all.push(...page.items);
        cursor = page.next;
        more = cursor !== undefined;
      }
      asked.current = round;
      setLoaded({ items: all, more });
    };
    // Without a connection, or no longer in the group: what is known stays.
    void ask().catch(() => {});
    return () => {
      gone = true;
    };
  }, [conversation, goal, round]);
  return {
    members: loaded.items,
    more: loaded.more,
    next: () => setWanted(Math.max(least, loaded.items.length + 1)),
  };
}
