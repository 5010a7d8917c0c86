/** The chats, newest first. */
import type { Conversation } from "../../../client/src/mpim.ts";
import { useChats, useConversation, useHome, useShared } from "../state/use.ts";
import { previewOf, shorten } from "../view/preview.ts";
import { fullTime, listTime } from "../view/times.ts";
import { Avatar, Empty } from "./parts.tsx";
import { Icon } from "./icon.tsx";
import { steady } from "./steady.ts";
import { Ticks } from "./ticks.tsx";
import { titleOf } from "./title.ts";
import { useRows } from "./use-rows.ts";

/** Until one is measured, px. */
const ITEM_HEIGHT = 68;

export function ChatList({ current, onNew }: { readonly current: string | undefined; readonly onNew: () => void }) {
  const { t } = useShared();
  const conversations = useChats();
  if (conversations.length === 0) {
    return (
      <Empty icon="chat" title={t.noChats} hint={t.noChatsHint}>
        <button type="button" class="button button-primary" onClick={onNew}>
          {t.newChat}
        </button>
      </Empty>
    );
  }
  return <ChatRows conversations={conversations} current={current} label={t.chats} />;
}

/** Chats, of which those near the view are in the page. */
export function ChatRows({
  conversations,
  current,
  label,
  onClick,
}: {
  readonly conversations: readonly Conversation[];
  readonly current?: string | undefined;
  readonly label: string;
  readonly onClick?: () => void;
}) {
  const { list, from, to, style } = useRows(conversations.length, ITEM_HEIGHT);
  return (
    <ul ref={list} class="chat-list" aria-label={label} style={style} onClick={onClick} onKeyDown={moveFocus}>
      {conversations.slice(from, to).map((conversation, index) => (
        <ChatItem
          key={conversation.cid}
          conversation={conversation}
          current={conversation.cid === current}
          place={from + index + 1}
          count={conversations.length}
        />
      ))}
    </ul>
  );
}

/** Arrow keys go from one to the next, as in any list. */
export function moveFocus(event: KeyboardEvent): void {
  // A list within this one has done it.
  if (event.defaultPrevented) return;
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0) return;
  const items = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("a, button.person")];
  const next = items[items.indexOf(document.activeElement as HTMLElement) + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}

const ChatItem = steady(function ChatItem({
  conversation,
  current,
  place,
  count,
}: {
  readonly conversation: Conversation;
  readonly current: boolean;
  /** In the list, from 1. */
  readonly place: number;
  readonly count: number;
}) {
  const shared = useShared();
  const { t, lang } = shared;
  const home = useHome();
  useConversation(conversation);
  const { cid, last, unread, muted, pinned, peer, type, typing } = conversation;
  const title = titleOf(conversation, home, t);
  const connected = home.chat.connection.state === "online";
  // What one reads first comes first: messages, then what one began to write.
  const draft = current || unread > 0 ? "" : home.account.drafts.of(cid).text;
  const author =
    last !== undefined && type === "group" && last.kind !== "system" && !last.mine ? `${home.name(last.from)}: ` : "";
  return (
    <li aria-setsize={count} aria-posinset={place}>
      <a
        href={`/c/${cid}`}
        class={unread > 0 ? "chat-item chat-item-unread" : "chat-item"}
        aria-current={current ? "true" : undefined}
        onClick={(event) => {
          event.preventDefault();
          home.go({ at: "chat", cid });
        }}
      >
        <Avatar
          id={peer ?? cid}
          name={title}
          online={peer !== undefined && connected && home.chat.presence(peer)?.online === true}
        />
        <span class="chat-item-text">
          <span class="chat-item-line">
            <span class="chat-item-title">{title}</span>
            {last !== undefined && (
              <time dateTime={new Date(last.ts).toISOString()} title={fullTime(last.ts, lang)}>
                {listTime(last.ts, Date.now(), lang)}
              </time>
            )}
          </span>
          <span class="chat-item-line">
            <span class={typing.length > 0 ? "chat-item-preview writing" : "chat-item-preview"}>
              {typing.length > 0 ? (
                t.typing
              ) : draft !== "" ? (
                <>
                  <span class="draft-sign">{t.draft}</span> {shorten(draft)}
                </>
              ) : last === undefined ? (
                ""
              ) : (
                <>
                  {last.mine && last.state !== undefined && !last.recalled && <Ticks state={last.state} />}
                  {author}
                  {previewOf(last, t, home.name)}
                </>
              )}
            </span>
            {pinned && (
              <span class="chat-item-sign" role="img" aria-label={t.pinned}>
                <Icon name="pin" size={14} />
              </span>
            )}
            {muted && (
              <span class="chat-item-sign" role="img" aria-label={t.muted}>
                <Icon name="bellOff" size={14} />
              </span>
            )}
            {unread > 0 && (
              <span class={muted ? "count count-muted" : "count"}>
                <span aria-hidden="true">{unread > 999 ? "999+" : unread}</span>
                <span class="sr-only">{t.unread(unread)}</span>
              </span>
            )}
          </span>
        </span>
      </a>
    </li>
  );
});
