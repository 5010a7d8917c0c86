/** The lists: chats, contacts, settings, and what was searched for. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useChats, useHome, useShared } from "../state/use.ts";
import { ChatList } from "./chat-list.tsx";
import { Contacts, useRequests } from "./contacts.tsx";
import { Icon, type IconName } from "./icon.tsx";
import { NewChat } from "./new-chat.tsx";
import { IconButton } from "./parts.tsx";
import { SearchResults } from "./search-results.tsx";
import { SettingsPane } from "./settings-pane.tsx";

export type Tab = "chats" | "contacts" | "settings";

const ICONS: Readonly<Record<Tab, IconName>> = { chats: "chat", contacts: "people", settings: "settings" };

export function Sidebar({
  tab,
  current,
  alone,
}: {
  readonly tab: Tab;
  readonly current: string | undefined;
  /** There is nothing beside it on the screen. */
  readonly alone: boolean;
}) {
  const { t } = useShared();
  const { chat, go } = useHome();
  const [text, setText] = useState("");
  const [making, setMaking] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const requests = useRequests();
  // For the sign that something is unread.
  useChats();
  // As soon as it is there: an effect that waits for a frame would let the first keys go nowhere.
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      search.current?.focus();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  const counts: Readonly<Record<Tab, number>> = { chats: chat.unread, contacts: requests.length, settings: 0 };
  return (
    <div class="sidebar" role={alone ? "main" : "complementary"}>
      <div class="sidebar-head">
        <h1>{t[tab]}</h1>
        <IconButton icon="plus" label={t.newChat} onClick={() => setMaking(true)} class="icon-button-primary" />
      </div>
      <div class="search" role="search">
        <Icon name="search" size={18} />
        <input
          ref={search}
          type="search"
          value={text}
          placeholder={t.search}
          aria-label={t.searchLabel}
          maxLength={128}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") setText("");
            const first = list.current?.querySelector<HTMLElement>("a, button.person");
            if (event.isComposing || text.trim() === "" || first === null || first === undefined) return;
            if (event.key === "ArrowDown") first.focus();
            else if (event.key === "Enter") first.click();
            else return;
            event.preventDefault();
          }}
        />
        {text !== "" && <IconButton icon="close" label={t.clear} onClick={() => setText("")} />}
      </div>
      <div ref={list} class="sidebar-list">
        {text.trim() !== "" ? (
          <SearchResults text={text.trim()} onDone={() => setText("")} />
        ) : tab === "chats" ? (
          <ChatList current={current} onNew={() => setMaking(true)} />
        ) : tab === "contacts" ? (
          <Contacts onNew={() => setMaking(true)} />
        ) : (
          <SettingsPane />
        )}
      </div>
      <nav class="tabs" aria-label={t.appName}>
        {(["chats", "contacts", "settings"] as const).map((at) => (
          <a
            key={at}
            href={at === "chats" ? "/" : `/${at}`}
            class="tab"
            aria-current={tab === at ? "page" : undefined}
            onClick={(event) => {
              event.preventDefault();
              setText("");
              go({ at });
            }}
          >
            <span class="tab-icon">
              <Icon name={ICONS[at]} size={22} />
              {counts[at] > 0 && <span class="tab-dot" aria-hidden="true" />}
            </span>
            {t[at]}
          </a>
        ))}
      </nav>
      {making && <NewChat onClose={() => setMaking(false)} />}
    </div>
  );
}
