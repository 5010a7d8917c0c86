/** Where one is in a chat: with the newest messages, or around one that was jumped to. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Conversation, Excerpt, Message } from "../../../client/src/mpim.ts";
import { useHome, useShared } from "../state/use.ts";
import { onJump, takeJump } from "./jump.ts";

/** Messages around the one that is wanted, before and after. */
const AROUND = 50;
const MARKED_MS = 2_000;

export interface Jump {
  /** Where one has jumped to, if that is not among the messages that are here. */
  readonly excerpt: Excerpt | undefined;
  /** The message that was wanted, for a moment. */
  readonly marked: number | undefined;
  readonly show: (seq: number) => Promise<void>;
  /** The same with the first message after a `seq`. */
  readonly showAfter: (seq: number) => Promise<void>;
  /** Back to the newest messages. */
  readonly leave: () => void;
}

/** `onShow`: the message is there, and is to be brought into view. */
export function useJump(conversation: Conversation, onShow: (message: Message) => void): Jump {
  const { t } = useShared();
  const { say } = useHome();
  const [excerpt, setExcerpt] = useState<Excerpt>();
  const [marked, setMarked] = useState<number>();
  const jumps = useRef(0);
  useEffect(() => () => excerpt?.close(), [excerpt]);

  /** `or`: the first one after it will do, where nothing between can be missing. */
  const find = async (seq: number, or: "after" | undefined): Promise<Message | undefined> => {
    jumps.current += 1;
    const jump = jumps.current;
    const among = (some: Pick<Excerpt, "messages"> | undefined, all = false): Message | undefined => {
      const messages = some?.messages ?? [];
      if (or === undefined) return messages.find((one) => one.seq === seq);
      const reaches = all || (messages[0]?.seq ?? Infinity) <= seq;
      return reaches ? messages.find((one) => (one.seq ?? 0) >= seq) : undefined;
    };
    const here = among(excerpt);
    if (here !== undefined) return here;
    const held = among(conversation);
    if (held !== undefined) {
      setExcerpt(undefined);
      return held;
    }
    const found = await conversation.around(seq, AROUND).catch(() => undefined);
    const wanted = among(found, true);
    // One has gone elsewhere meanwhile.
    const late = jump !== jumps.current;
    if (late || wanted === undefined) found?.close();
    else setExcerpt(found);
    if (!late && wanted === undefined) say(found === undefined ? t.errors.offline : t.messageGone);
    return late ? undefined : wanted;
  };
  const bring = async (seq: number, or?: "after"): Promise<void> => {
    const wanted = await find(seq, or);
    if (wanted === undefined) return;
    const at = wanted.seq;
    setMarked(at);
    setTimeout(() => setMarked((before) => (before === at ? undefined : before)), MARKED_MS);
    onShow(wanted);
  };
  const show = async (seq: number): Promise<void> => bring(seq);
  const showAfter = async (seq: number): Promise<void> => bring(seq + 1, "after");
  const leave = (): void => {
    jumps.current += 1;
    setExcerpt(undefined);
  };

  const latest = useRef(show);
  latest.current = show;
  useEffect(() => {
    const take = (): void => {
      const seq = takeJump(conversation.cid);
      if (seq !== undefined) void latest.current(seq);
    };
    take();
    const off = onJump(take);
    return () => {
      jumps.current += 1;
      off();
    };
  }, [conversation]);
  return { excerpt, marked, show, showAfter, leave };
}
