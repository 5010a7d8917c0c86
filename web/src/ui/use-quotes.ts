/** What is quoted in a chat, for as long as the chat is shown. */
import { useEffect, useMemo } from "preact/hooks";
import type { Conversation } from "../../../client/src/mpim.ts";
import { Quotes } from "../state/quotes.ts";
import { useFrame } from "../state/use.ts";

export function useQuotes(conversation: Conversation): Quotes {
  const render = useFrame();
  const quotes = useMemo(() => new Quotes(conversation, render), [conversation, render]);
  useEffect(() => {
    const off = conversation.on("reset", () => quotes.forget());
    return () => {
      off();
      quotes.forget();
    };
  }, [conversation, quotes]);
  return quotes;
}
