/** A chat's messages, however many: what is near the view is in the page, older ones are fetched as one goes up. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Conversation, Message } from "../../../client/src/mpim.ts";
import { useHome, useShared } from "../state/use.ts";
import { bySeq, rowsOf, type Made, type Row } from "../view/rows.ts";
import { dayKey, dayLabel } from "../view/times.ts";
import { eventText, previewOf } from "../view/preview.ts";
import { Answers, useRequests } from "./contacts.tsx";
import { Icon } from "./icon.tsx";
import { MessageRow, type RowActions } from "./message-row.tsx";
import { Empty, IconButton } from "./parts.tsx";
import { Readers } from "./readers.tsx";
import { steady } from "./steady.ts";
import { titleOf } from "./title.ts";
import { useJump } from "./use-jump.ts";
import { useQuotes } from "./use-quotes.ts";
import { useReading } from "./use-reading.ts";
import { useScroll } from "./use-scroll.ts";

/** More messages are fetched when less than this is beyond the view, px. */
const AHEAD = 1_500;
const PAGE = 100;
/** After a page that could not be had. */
const AGAIN_MS = 3_000;

export function MessageList({
  conversation,
  onReply,
  onEdit,
}: {
  readonly conversation: Conversation;
  readonly onReply: (message: Message) => void;
  readonly onEdit: (message: Message) => void;
}) {
  const { t, lang } = useShared();
  const home = useHome();
  const bring = useRef<(message: Message) => void>(() => {});
  const { excerpt, marked, show, showAfter, leave } = useJump(conversation, (message) => bring.current(message));
  const { messages, more } = excerpt ?? conversation;
  const toNewest = excerpt === undefined || excerpt.joined;
  // Where new began when the chat was opened; it stays there while one reads.
  const [opened] = useState(() => {
    const { unread, readSeq } = conversation;
    return { unread, after: readSeq };
  });
  // When that is pages away, one is led there on demand: else all between would be fetched before anybody has seen the newest.
  const [far, setFar] = useState(opened.unread > PAGE);
  const near = opened.unread > 0 && opened.unread <= PAGE;
  const reached = opened.unread > 0 && (messages[0]?.seq ?? Infinity) <= Math.max(1, opened.after);
  const newAfter = (near && toNewest) || reached ? opened.after : undefined;
  const made = useRef<Made | undefined>(undefined);
  if (made.current?.messages !== messages || made.current.unreadAfter !== newAfter)
    made.current = rowsOf(messages, dayKey, newAfter, made.current);
  const { rows } = made.current;
  const scroll = useScroll(rows, !near ? "end" : { key: "unread", above: -80 }, toNewest);
  const { heights, span, view } = scroll;
  const [active, setActive] = useState<string>();
  const [readersOf, setReadersOf] = useState<Message>();
  const [spoken, setSpoken] = useState("");
  const list = useRef<HTMLOListElement>(null);
  const focusing = useRef<string | undefined>(undefined);
  useReading(conversation, rows, heights, view, toNewest);
  useMore(more, view.top, rows, async () => (excerpt ?? conversation).older(PAGE));
  useMore(!toNewest, heights.total - view.top - view.height, rows, async () => excerpt?.newer(PAGE));

  const goToEnd = (): void => {
    leave();
    scroll.hold("end");
  };
  // What one writes is shown, and what comes is said to who cannot see it; between rendering and listening nothing may come.
  useLayoutEffect(() => {
    const offs = [
      conversation.on("message", (message) => {
        if (message.mine) goToEnd();
        else setSpoken(`${home.name(message.from)}: ${previewOf(message, t, home.name)}`);
      }),
      conversation.on("reset", goToEnd),
    ];
    return () => {
      for (const off of offs) off();
    };
  }, [conversation, home, t]);

  bring.current = ({ key }) => {
    setActive(key);
    scroll.hold({ key, above: -(scroll.scroller.current?.clientHeight ?? 0) / 3 });
  };

  const last = rows.findLast(({ kind }) => kind === "message")?.key;
  const current = active !== undefined && scroll.placeOf(active) !== undefined ? active : last;
  useEffect(() => {
    // An effect of an earlier rendering may come between: then the row is not the one yet.
    if (focusing.current === undefined || focusing.current !== current) return;
    focusing.current = undefined;
    list.current?.querySelector<HTMLElement>('[data-active="true"]')?.focus({ preventScroll: true });
  });
  const move = (event: KeyboardEvent): void => {
    if (!(event.target instanceof HTMLElement) || !event.target.matches("[data-row] > .message")) return;
    const from = current === undefined ? -1 : (scroll.placeOf(current) ?? -1);
    const steps: Readonly<Record<string, readonly [number, number]>> = {
      ArrowUp: [from - 1, -1],
      ArrowDown: [from + 1, 1],
      Home: [0, 1],
      End: [rows.length - 1, -1],
    };
    const wanted = steps[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    let [at] = wanted;
    while (rows[at] !== undefined && rows[at]?.kind !== "message") at += wanted[1];
    const row = rows[at];
    if (row === undefined) return;
    setActive(row.key);
    focusing.current = row.key;
    const top = heights.top(at);
    const bottom = top + heights.of(at);
    if (top < view.top) scroll.hold({ key: row.key, above: -16 });
    else if (bottom > view.top + view.height) scroll.hold({ key: row.key, above: heights.of(at) + 16 - view.height });
  };

  // Rows are rendered again for what is different about them, not for functions that do the same as before.
  const latest = useRef({ onReply, onEdit, show });
  latest.current = { onReply, onEdit, show };
  const actions = useMemo<RowActions>(
    () => ({
      onReply: (message) => latest.current.onReply(message),
      onEdit: (message) => latest.current.onEdit(message),
      onReaders: setReadersOf,
      onShow: (seq) => void latest.current.show(seq),
      onActive: setActive,
    }),
    [],
  );
  const quotes = useQuotes(conversation);
  const quotedBy = (row: Row): Message | null | undefined => {
    if (row.kind !== "message" || row.message.replyTo === undefined || row.message.recalled) return undefined;
    return bySeq(messages, row.message.replyTo) ?? quotes.get(row.message.replyTo);
  };
  const shown = rows.slice(span.from, span.to).map((row, index) => ({ row, at: span.from + index }));
  return (
    <div class="messages">
      <div
        ref={scroll.scroller}
        class="messages-scroll"
        onScroll={scroll.onScroll}
        // Keys scroll it when nothing in it has the focus.
        tabIndex={rows.length === 0 ? 0 : -1}
      >
        <ol
          ref={list}
          class="rows"
          aria-label={t.messageList}
          aria-describedby="messages-help"
          onKeyDown={move}
          style={{ height: `${heights.total}px` }}
        >
          {shown.map(({ row, at }) => (
            <li key={row.key} class="row" data-row={at} style={{ transform: `translateY(${heights.top(at)}px)` }}>
              <RowContent
                row={row}
                conversation={conversation}
                left={conversation.left}
                quoted={quotedBy(row)}
                active={row.key === current}
                marked={row.kind === "message" && marked !== undefined && row.message.seq === marked}
                actions={actions}
                day={row.kind === "day" ? dayLabel(row.ts, Date.now(), lang) : ""}
              />
            </li>
          ))}
        </ol>
      </div>
      {rows.length === 0 && !more && (
        <div class="messages-empty">
          <Empty
            icon="chat"
            title={t.noMessages}
            {...(conversation.type !== "system" && { hint: t.noMessagesHint(titleOf(conversation, home, t)) })}
          />
        </div>
      )}
      {far && (
        <div class="to-unread">
          <button
            type="button"
            onClick={() => {
              setFar(false);
              void showAfter(opened.after);
            }}
          >
            <Icon name="up" size={16} />
            {t.toUnread(opened.unread)}
          </button>
          <IconButton icon="close" label={t.close} onClick={() => setFar(false)} />
        </div>
      )}
      {!(scroll.atEnd && toNewest) && rows.length > 0 && (
        <button type="button" class="to-newest" aria-label={t.toNewest} title={t.toNewest} onClick={goToEnd}>
          <Icon name="down" />
          {conversation.unread > 0 && <span class="count">{conversation.unread}</span>}
        </button>
      )}
      <p id="messages-help" class="sr-only">
        {t.messageHelp}
      </p>
      <p class="sr-only" aria-live="polite">
        {spoken}
      </p>
      {readersOf !== undefined && (
        <Readers conversation={conversation} message={readersOf} onClose={() => setReadersOf(undefined)} />
      )}
    </div>
  );
}

/** Fetches more while there is more, and less than a few screens of it are beyond the view. */
function useMore(more: boolean, beyond: number, rows: readonly Row[], fetch: () => Promise<unknown>): void {
  const [fetching, setFetching] = useState(false);
  useEffect(() => {
    if (!more || fetching || beyond > AHEAD || rows.length === 0) return;
    setFetching(true);
    fetch().then(
      () => setFetching(false),
      // Without a connection, or in a chat that was closed.
      () => setTimeout(() => setFetching(false), AGAIN_MS),
    );
  }, [more, beyond, rows, fetching]);
}

const RowContent = steady(function RowContent({
  row,
  day,
  ...rest
}: {
  readonly row: Row;
  readonly day: string;
  readonly conversation: Conversation;
  readonly left: boolean;
  readonly quoted: Message | null | undefined;
  readonly active: boolean;
  readonly marked: boolean;
  readonly actions: RowActions;
}) {
  const { t } = useShared();
  switch (row.kind) {
    case "day":
      return (
        <div class="day">
          <time dateTime={new Date(row.ts).toISOString()}>{day}</time>
        </div>
      );
    case "unread":
      return (
        <div class="unread-line">
          <span>{t.newMessages}</span>
        </div>
      );
    case "note":
      return <Note message={row.message} />;
    case "message":
      return <MessageRow message={row.message} first={row.first} last={row.last} {...rest} />;
  }
});

/** What happened to a group, or who asks for something. */
function Note({ message }: { readonly message: Message }) {
  const { t } = useShared();
  const { name } = useHome();
  const { event, user } = (message.body ?? {}) as { event?: unknown; user?: unknown };
  const asks = useRequests().find((one) => event === "contact_request" && one.user.id === user);
  return (
    <div class="note">
      <p>{eventText(message, t, name)}</p>
      {asks !== undefined && (
        <span class="person-actions">
          <Answers user={asks.user.id} />
        </span>
      )}
    </div>
  );
}
