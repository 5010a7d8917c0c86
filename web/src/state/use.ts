/** Hooks: what components know of the chat, and when they render again. */
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useLayoutEffect, useMemo, useReducer, useState } from "preact/hooks";
import type { Chat, Conversation } from "../../../client/src/mpim.ts";
import type { Texts } from "../i18n/en.ts";
import type { Names } from "../view/preview.ts";
import type { Lang } from "../view/times.ts";
import type { Route } from "../view/route.ts";
import type { Account } from "./login.ts";
import { gathered } from "./frame.ts";
import type { People } from "./people.ts";
import type { Settings } from "./settings.ts";

/** What every component may use. */
export interface Shared {
  readonly t: Texts;
  readonly lang: Lang;
  readonly settings: Settings;
  readonly change: (settings: Partial<Settings>) => void;
}

/** What is there once somebody is signed in: another object when a name, the connection or who is there is different. */
export interface Home {
  readonly account: Account;
  readonly chat: Chat;
  readonly people: People;
  /** Somebody's name, "You" for oneself. */
  readonly name: Names;
  readonly go: (route: Route) => void;
  /** Says something for a moment. */
  readonly say: (text: string) => void;
  readonly signOut: () => void;
  /** Says so when it is refused. */
  readonly deleteAccount: () => Promise<void>;
}

export const SharedContext = createContext<Shared | undefined>(undefined);
export const HomeContext = createContext<Home | undefined>(undefined);

export function useShared(): Shared {
  const shared = useContext(SharedContext);
  if (shared === undefined) throw new Error("outside of the application");
  return shared;
}

export function useHome(): Home {
  const home = useContext(HomeContext);
  if (home === undefined) throw new Error("nobody is signed in");
  return home;
}

/** A function that renders the component again. */
export function useRender(): () => void {
  const [, render] = useReducer((count: number) => count + 1, 0);
  return useCallback(() => render(undefined), []);
}

/** A function that renders the component again in the next frame, once for many calls. */
export function useFrame(): () => void {
  const render = useRender();
  return useMemo(() => gathered(render), [render]);
}

/** The chats; renders again when anything about any of them is different. */
export function useChats(): readonly Conversation[] {
  const { chats } = useHome().account;
  const render = useRender();
  useLayoutEffect(() => chats.listen(render), [chats, render]);
  return chats.list;
}

/** Renders again whenever anything about the conversation is different. */
export function useConversation(conversation: Conversation): Conversation {
  const render = useFrame();
  // Between rendering and listening nothing may come.
  useLayoutEffect(() => {
    const offs = [
      conversation.on("change", render),
      conversation.on("message", render),
      conversation.on("update", render),
      conversation.on("typing", render),
      conversation.on("receipt", render),
    ];
    return () => {
      for (const off of offs) off();
    };
  }, [conversation, render]);
  return conversation;
}

/** What stands in a field of a form that was sent. */
export function fieldOf(event: SubmitEvent, name: string): string {
  const value = new FormData(event.currentTarget as HTMLFormElement).get(name);
  return typeof value === "string" ? value : "";
}

/** The value after it has not changed for a while, ms. */
export function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

/** What a promise gives; asked again when `keys` change. */
export function useAsked<T>(
  ask: () => Promise<T>,
  keys: readonly unknown[],
): { value?: T; error?: unknown; loading: boolean } {
  const [state, setState] = useState<{ value?: T; error?: unknown; loading: boolean }>({ loading: true });
  useEffect(() => {
    let current = true;
    setState((before) => ({ ...before, loading: true }));
    ask().then(
      (value) => current && setState({ value, loading: false }),
      (error: unknown) => current && setState((before) => ({ ...before, error, loading: false })),
    );
    return () => {
      current = false;
    };
    // The function is new at every rendering; what it depends on is in the keys.
  }, keys);
  return state;
}
