/** Somebody is signed in: the lists on one side, the open chat on the other; on a phone one of the two. */
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { gathered } from "../state/frame.ts";
import { whoIsHere, type Account } from "../state/login.ts";
import { HomeContext, useChats, useHome, useShared, type Home as HomeValue } from "../state/use.ts";
import { calledBy } from "../view/called.ts";
import { refusalText } from "../view/refusal.ts";
import { pathOf, routeOf, type Route } from "../view/route.ts";
import { Banner } from "./banner.tsx";
import { ChatView } from "./chat-view.tsx";
import { Empty } from "./parts.tsx";
import { Sidebar, type Tab } from "./sidebar.tsx";
import { useNotices } from "./use-notices.ts";
import { usePresence } from "./use-presence.ts";

const TOAST_MS = 4_000;
/** What is said about time, "yesterday" for instance, is looked at so often. */
const MINUTE_MS = 60_000;
const WIDE = "(min-width: 48rem)";

/** `onOut`: the login is over; `asked`: because its user wanted it. */
export function Home({ account, onOut }: { readonly account: Account; readonly onOut: (asked: boolean) => void }) {
  const { t } = useShared();
  const { chat, session, people } = account;
  const [route, setRoute] = useState(() => routeOf(location.pathname));
  const [tab, setTab] = useState<Tab>(route.at === "chat" ? "chats" : route.at);
  const [opened, setOpened] = useState(route.at === "chat" ? route.cid : undefined);
  const [toast, setToast] = useState("");
  const [stored, setStored] = useState(account.stored);
  const [version, again] = useReducer((count: number) => count + 1, 0);
  const wide = useMedia(WIDE);
  const toastTimer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const leaving = useRef(false);

  const show = (next: Route): void => {
    setRoute(next);
    if (next.at === "chat") setOpened(next.cid);
    else setTab(next.at);
  };
  const leave = (asked: boolean): void => {
    if (leaving.current) return;
    leaving.current = true;
    onOut(asked);
  };
  const home = useMemo<HomeValue>(() => {
    const say = (text: string): void => {
      setToast(text);
      clearTimeout(toastTimer.current);
      toastTimer.current = setTimeout(() => setToast(""), TOAST_MS);
    };
    return {
      account,
      chat,
      people,
      name: (user) => (user === chat.user ? t.you : (calledBy(people.card(user), t) ?? t.unknownUser)),
      go: (next) => {
        if (pathOf(next) !== location.pathname) history.pushState(undefined, "", pathOf(next));
        show(next);
      },
      say,
      signOut: () => leave(true),
      deleteAccount: async () => {
        if (leaving.current) return;
        // The login ends with it, which is no news then.
        leaving.current = true;
        try {
          await chat.users.deleteMe();
          onOut(true);
        } catch (error) {
          leaving.current = false;
          if (session.tokens === undefined) leave(false);
          else say(refusalText(error, t.errors));
        }
      },
    };
    // Whoever shows a name, the connection or who is there renders again when one of them is different.
  }, [account, chat, people, t, version]);

  // In the turn of the rendering: other effects wait for a frame, which a tab in the background is not given, and miss what came before.
  useLayoutEffect(() => {
    const popped = (): void => show(routeOf(location.pathname));
    addEventListener("popstate", popped);
    const render = gathered(() => again(undefined));
    const offs = [
      people.listen(render),
      chat.on("connection", render),
      chat.on("presence", render),
      chat.on("storeError", () => {
        // What could not be read is dropped; what is written goes on to be kept.
        if (!chat.keeps) setStored(false);
      }),
      session.on("storeError", () => setStored(false)),
      session.on("tokens", (tokens) => {
        if (tokens === undefined) leave(false);
      }),
    ];
    if (session.tokens === undefined) leave(false);
    const clock = setInterval(render, MINUTE_MS);
    return () => {
      removeEventListener("popstate", popped);
      clearInterval(clock);
      for (const off of offs) off();
    };
  }, [chat, session, people]);
  // Other tabs share the login: somebody else may sign in there, or sign out, and this one is to end at once.
  useLayoutEffect(() => {
    const look = async (): Promise<void> => {
      if ((await whoIsHere(account)) !== "same") leave(false);
    };
    const changed = ({ key }: StorageEvent): void => {
      if (key === null || key.endsWith(":tokens")) void look();
    };
    addEventListener("storage", changed);
    void look();
    return () => removeEventListener("storage", changed);
  }, [account]);

  // On a phone the chat is only there when it is what one looks at: nothing is read behind the list.
  const cid = wide || route.at === "chat" ? opened : undefined;
  return (
    <HomeContext.Provider value={home}>
      <Watch />
      <div class={route.at === "chat" ? "home home-chat" : "home"}>
        <Sidebar tab={tab} current={cid} alone={!wide && route.at !== "chat"} />
        <main class="stage">
          <Banner stored={stored} />
          {cid === undefined ? (
            <Empty icon="chat" title={t.noChatOpen} hint={t.noChatOpenHint} />
          ) : (
            <ChatView key={cid} cid={cid} />
          )}
        </main>
      </div>
      <div class={toast === "" ? "toast" : "toast toast-on"} role="status">
        {toast}
      </div>
    </HomeContext.Provider>
  );
}

/** What follows the chats and is not in the page: its title, notifications, and whose presence is watched. */
function Watch() {
  const { t } = useShared();
  const { chat } = useHome();
  usePresence(chat, useChats());
  useNotices();
  const { unread } = chat;
  useLayoutEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${t.appName}` : t.appName;
  }, [unread, t]);
  useLayoutEffect(
    () => () => {
      document.title = t.appName;
    },
    [],
  );
  return null;
}

function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = (): void => setMatches(list.matches);
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [query]);
  return matches;
}
