/** Somebody is signed in: the lists on one side, the open chat on the other; on a phone one of the two. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { People } from "../state/people.ts";
import { signOut, type Account } from "../state/login.ts";
import { HomeContext, useRender, useShared, type Home as HomeValue } from "../state/use.ts";
import { pathOf, routeOf, type Route } from "../view/route.ts";
import { Banner } from "./banner.tsx";
import { ChatView } from "./chat-view.tsx";
import { Empty } from "./parts.tsx";
import { Sidebar, type Tab } from "./sidebar.tsx";
import { usePresence } from "./use-presence.ts";

const TOAST_MS = 4_000;
const WIDE = "(min-width: 48rem)";

export function Home({ account, onOut }: { readonly account: Account; readonly onOut: (ended: boolean) => void }) {
  const { t } = useShared();
  const { chat, session } = account;
  const render = useRender();
  const [route, setRoute] = useState(() => routeOf(location.pathname));
  const [tab, setTab] = useState<Tab>(route.at === "chat" ? "chats" : route.at);
  const [opened, setOpened] = useState(route.at === "chat" ? route.cid : undefined);
  const [toast, setToast] = useState("");
  const wide = useMedia(WIDE);
  const toastTimer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const leaving = useRef(false);

  const show = (next: Route): void => {
    setRoute(next);
    if (next.at === "chat") setOpened(next.cid);
    else setTab(next.at);
  };
  const people = useMemo(() => new People(chat, render), [chat, render]);
  const home = useMemo<HomeValue>(() => {
    return {
      account,
      chat,
      people,
      name: (user) => (user === chat.user ? t.you : (people.card(user)?.name ?? t.unknownUser)),
      go: (next) => {
        if (pathOf(next) !== location.pathname) history.pushState(undefined, "", pathOf(next));
        show(next);
      },
      say: (text) => {
        setToast(text);
        clearTimeout(toastTimer.current);
        toastTimer.current = setTimeout(() => setToast(""), TOAST_MS);
      },
      signOut: async () => {
        if (leaving.current) return;
        leaving.current = true;
        await signOut(account).catch(() => {});
        history.replaceState(undefined, "", "/");
        onOut(false);
      },
    };
  }, [account, chat, people, t]);

  useEffect(() => {
    const popped = (): void => show(routeOf(location.pathname));
    addEventListener("popstate", popped);
    const offs = [
      chat.on("conversation", render),
      chat.on("connection", render),
      chat.on("presence", render),
      chat.on("storeError", () => home.say(t.storeBanner)),
      session.on("tokens", (tokens) => {
        if (tokens !== undefined || leaving.current) return;
        // Ended elsewhere, or run out.
        void chat.close();
        onOut(true);
      }),
    ];
    return () => {
      removeEventListener("popstate", popped);
      for (const off of offs) off();
    };
  }, [chat, session, home]);
  usePresence(chat);
  const { unread } = chat;
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${t.appName}` : t.appName;
  }, [unread, t]);

  // On a phone the chat is only there when it is what one looks at: nothing is read behind the list.
  const cid = wide || route.at === "chat" ? opened : undefined;
  return (
    <HomeContext.Provider value={home}>
      <div class={route.at === "chat" ? "home home-chat" : "home"}>
        <Sidebar tab={tab} current={cid} />
        <main class="stage">
          <Banner />
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
