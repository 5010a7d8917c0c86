/** One message, and what can be done with it. */
import { Fragment } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Conversation, Message } from "../../../client/src/mpim.ts";
import { useHome, useShared } from "../state/use.ts";
import { attachmentName, previewOf } from "../view/preview.ts";
import { refusalText } from "../view/refusal.ts";
import { QUICK } from "../view/emoji.ts";
import { visible } from "../view/name.ts";
import { isEmoji, partsOf } from "../view/text.ts";
import { clock, fullTime } from "../view/times.ts";
import { Confirm } from "./dialog.tsx";
import { useSent } from "./action.tsx";
import { Icon } from "./icon.tsx";
import { Menu, type Choice } from "./menu.tsx";
import { Avatar, IconButton } from "./parts.tsx";
import { Ticks } from "./ticks.tsx";

export interface RowActions {
  readonly onReply: (message: Message) => void;
  readonly onEdit: (message: Message) => void;
  readonly onReaders: (message: Message) => void;
  readonly onShow: (seq: number) => void;
  /** The message with this key has the place of the focus. */
  readonly onActive: (key: string) => void;
}

interface Props {
  readonly conversation: Conversation;
  readonly message: Message;
  /** One is no member of the conversation any more. */
  readonly left: boolean;
  /** Null: it cannot be seen any more; undefined: it is not known yet, or nothing is quoted. */
  readonly quoted: Message | null | undefined;
  readonly first: boolean;
  readonly last: boolean;
  /** Has the place of the focus in the list. */
  readonly active: boolean;
  readonly marked: boolean;
  readonly actions: RowActions;
}

export function MessageRow(props: Props) {
  const { conversation, message, left, first, last, active, marked, actions } = props;
  const { t, lang } = useShared();
  const { name, say } = useHome();
  const [menu, setMenu] = useState<HTMLElement>();
  const [recalling, setRecalling] = useState(false);
  const row = useRef<HTMLDivElement>(null);
  const { mine, seq, recalled, state } = message;
  const placed = seq !== undefined && !recalled && !left;
  const failed = state === "failed";

  const sent = useSent();
  const react = (emoji: string): void =>
    sent(() => {
      const has = message.reactions[emoji]?.includes(conversation.chat.user) === true;
      return has ? conversation.unreact(message, emoji) : conversation.react(message, emoji);
    });
  const choices: Choice[] = [
    ...(placed ? [{ label: t.reply, icon: "reply", onChoose: () => actions.onReply(message) } as const] : []),
    ...(placed && mine && message.kind === "text"
      ? [{ label: t.edit, icon: "edit", onChoose: () => actions.onEdit(message) } as const]
      : []),
    ...(message.text === ""
      ? []
      : [
          {
            label: t.copy,
            icon: "copy",
            onChoose: () => void copy(message.text).catch(() => say(t.errors.other)),
          } as const,
        ]),
    ...(placed && mine ? [{ label: t.whoRead, icon: "eye", onChoose: () => actions.onReaders(message) } as const] : []),
    ...(failed ? [{ label: t.retry, icon: "send", onChoose: () => void conversation.retry(message) } as const] : []),
    ...(failed || state === "pending"
      ? [{ label: t.discard, icon: "trash", danger: true, onChoose: () => void conversation.discard(message) } as const]
      : []),
    ...(placed && mine
      ? [{ label: t.recall, icon: "recall", danger: true, onChoose: () => setRecalling(true) } as const]
      : []),
  ];
  const classes = ["message", mine ? "mine" : "theirs", first && "first", last && "last", marked && "marked"];
  const author = name(message.from);
  return (
    <div
      ref={row}
      class={classes.filter(Boolean).join(" ")}
      tabIndex={active ? 0 : -1}
      data-active={active}
      role="group"
      aria-label={`${author}, ${clock(message.ts, lang)}`}
      onFocus={() => actions.onActive(message.key)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || event.target !== row.current || choices.length === 0) return;
        event.preventDefault();
        setMenu(row.current ?? undefined);
      }}
    >
      {!mine && conversation.type === "group" && (
        <span class="message-face">{last && <Avatar id={message.from} name={author} size="s" />}</span>
      )}
      <div class="message-column">
        {!mine && first && conversation.type === "group" && <span class="message-author">{author}</span>}
        <Bubble {...props} />
        {Object.keys(message.reactions).length > 0 && (
          <ul class="reactions">
            {Object.entries(message.reactions).map(([emoji, users]) => (
              <li key={emoji}>
                <button
                  type="button"
                  class="reaction"
                  tabIndex={active ? 0 : -1}
                  aria-pressed={users.includes(conversation.chat.user)}
                  title={t.listOf(users.map(name), 0)}
                  onClick={() => react(emoji)}
                >
                  <span>{emoji}</span> {users.length}
                  <span class="sr-only">{t.reactedBy(t.listOf(users.map(name), 0))}</span>
                </button>
              </li>
            ))}
          </ul>
        )}
        {failed && (
          <p class="message-failed">
            {refusalText(message.error, t.errors)}
            <button type="button" class="link-button" onClick={() => void conversation.retry(message)}>
              {t.retry}
            </button>
            <button type="button" class="link-button" onClick={() => void conversation.discard(message)}>
              {t.discard}
            </button>
          </p>
        )}
      </div>
      {choices.length > 0 && (
        <span class="message-tools">
          {placed && (
            <IconButton
              icon="reply"
              label={t.reply}
              tabIndex={active ? 0 : -1}
              onClick={() => actions.onReply(message)}
            />
          )}
          <IconButton
            icon={placed ? "smile" : "more"}
            label={placed ? `${t.react} · ${t.more}` : t.more}
            tabIndex={active ? 0 : -1}
            onClick={({ currentTarget }) => setMenu(currentTarget as HTMLElement)}
          />
        </span>
      )}
      {menu !== undefined && (
        <Menu
          label={t.more}
          anchor={menu}
          choices={choices}
          emoji={placed ? { quick: QUICK, labelOf: t.reactWith, more: t.moreEmoji, onChoose: react } : undefined}
          onClose={() => setMenu(undefined)}
        />
      )}
      {recalling && (
        <Confirm
          title={t.recallTitle}
          text={t.recallText}
          yes={t.recall}
          onYes={() => sent(() => conversation.recall(message))}
          onClose={() => setRecalling(false)}
        />
      )}
      <time class="sr-only" dateTime={new Date(message.ts).toISOString()}>
        {fullTime(message.ts, lang)}
      </time>
    </div>
  );
}

/** A page without TLS has no clipboard. */
async function copy(text: string): Promise<void> {
  const { clipboard } = navigator as Partial<Navigator>;
  if (clipboard === undefined) throw new Error("there is no clipboard");
  await clipboard.writeText(text);
}

function Bubble({ message, quoted, actions, active }: Props) {
  const { t, lang } = useShared();
  const { name } = useHome();
  const { recalled, mine, state, replyTo } = message;
  const big = isEmoji(message.text);
  return (
    <div class={recalled ? "bubble bubble-recalled" : big ? "bubble bubble-big" : "bubble"}>
      {replyTo !== undefined && !recalled && (
        <button
          type="button"
          class="quote"
          tabIndex={active ? 0 : -1}
          title={t.goTo}
          onClick={() => actions.onShow(replyTo)}
        >
          {quoted !== null && <strong>{quoted === undefined ? t.goTo : name(quoted.from)}</strong>}
          {quoted !== undefined && <span>{quoted === null ? t.messageGone : previewOf(quoted, t, name)}</span>}
        </button>
      )}
      <div class="bubble-text">
        {recalled ? (
          mine ? (
            t.youRecalled
          ) : (
            t.recalled
          )
        ) : message.kind === "text" ? (
          <MessageText message={message} active={active} />
        ) : (
          <span class="attachment">
            <Icon name="file" />
            {message.kind === "custom" ? t.unsupported : (attachmentName(message.body) ?? t.attachment)}
          </span>
        )}
        <span class="bubble-meta" title={fullTime(message.ts, lang)}>
          {message.edited !== undefined && !recalled && <span>{t.edited}</span>}
          <span>{clock(message.ts, lang)}</span>
          {mine && state !== undefined && !recalled && <Ticks state={state} />}
        </span>
      </div>
    </div>
  );
}

function MessageText({ message, active }: { readonly message: Message; readonly active: boolean }) {
  const { chat, people } = useHome();
  const mentioned = message.mentions.map((user) => ({ user, name: visible(people.card(user)?.name) }));
  return (
    <span dir="auto">
      {partsOf(message.text, mentioned).map((part, index) => {
        switch (part.kind) {
          case "text":
            return part.text;
          case "link":
            return (
              <Fragment key={index}>
                <a
                  href={part.href}
                  dir="ltr"
                  target="_blank"
                  rel="noopener noreferrer nofollow"
                  tabIndex={active ? 0 : -1}
                >
                  {part.text}
                </a>
                {part.host !== undefined && <bdi class="link-host"> ({part.host})</bdi>}
              </Fragment>
            );
          case "mention":
            return (
              <bdi key={index} class={part.user === chat.user ? "mention mention-me" : "mention"}>
                {part.text}
              </bdi>
            );
        }
      })}
    </span>
  );
}
