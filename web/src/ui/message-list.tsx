/** A chat's messages, however many: what is near the view is in the page, older ones are fetched as one goes up. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Conversation, Message } from "../../../client/src/mpim.ts";
import { useHome, useShared } from "../state/use.ts";
import { previewOf } from "../view/preview.ts";
import { rowsOf, type Row } from "../view/rows.ts";
import { dayKey, dayLabel } from "../view/times.ts";
import { eventText } from "../view/preview.ts";
import { Icon } from "./icon.tsx";
import { onJump, takeJump } from "./jump.ts";
import { MessageRow, type RowActions } from "./message-row.tsx";
import { Empty } from "./parts.tsx";
import { Readers } from "./readers.tsx";
import { titleOf } from "./title.ts";
import { useReading } from "./use-reading.ts";
import { useScroll } from "./use-scroll.ts";

/** Older messages are fetched when less than this is above the view, px. */
const AHEAD = 1_500;
const PAGE = 100;
const JUMP_PAGE = 200;
const MARKED_MS = 2_000;

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
  const { messages, cid, more } = conversation;
  // Where new began when the chat was opened; it stays there while one reads.
  // Not when that is pages away: the list would fetch all that is between before anybody has seen the newest.
  const [unreadAfter] = useState(() => {
    const { unread, readSeq } = conversation;
    return unread > 0 && unread <= PAGE ? readSeq : undefined;
  });
  const rows = useMemo(() => rowsOf(messages, dayKey, unreadAfter), [messages, unreadAfter]);
  const bySeq = useMemo(() => new Map(messages.map((message) => [message.seq, message])), [messages]);
  const scroll = useScroll(rows, unreadAfter === undefined ? "end" : { key: "unread", above: -80 });
  const { heights, span, view } = scroll;
  const [active, setActive] = useState<string>();
  const [marked, setMarked] = useState<number>();
  const [readersOf, setReadersOf] = useState<Message>();
  const [spoken, setSpoken] = useState("");
  const list = useRef<HTMLOListElement>(null);
  const focusing = useRef<string | undefined>(undefined);
  useReading(conversation, rows, heights, view);

  // Older messages, while there are any and the beginning is near.
  const [fetching, setFetching] = useState(false);
  useEffect(() => {
    if (!more || fetching || view.top > AHEAD || rows.length === 0) return;
    setFetching(true);
    conversation.older(PAGE).then(
      () => setFetching(false),
      // The chat was closed; nothing more is to be had.
      () => {},
    );
  }, [conversation, more, view.top, rows, fetching]);

  // What one writes is shown, and what comes is said to who cannot see it.
  useEffect(() => {
    const offs = [
      conversation.on("message", (message) => {
        if (message.mine) scroll.hold("end");
        else setSpoken(`${home.name(message.from)}: ${previewOf(message, t, home.name)}`);
      }),
      conversation.on("reset", () => scroll.hold("end")),
    ];
    return () => {
      for (const off of offs) off();
    };
  }, [conversation, home, t]);

  // A message that is wanted from elsewhere: fetched if need be, shown in the middle, marked for a moment.
  const show = async (seq: number): Promise<void> => {
    try {
      while (conversation.more && (conversation.messages.find((one) => one.seq !== undefined)?.seq ?? 0) > seq) {
        if (!(await conversation.older(JUMP_PAGE))) break;
      }
    } catch {
      // What is here is looked through.
    }
    const wanted = conversation.messages.find((one) => one.seq === seq);
    if (wanted === undefined) return home.say(t.messageGone);
    setMarked(seq);
    setTimeout(() => setMarked(undefined), MARKED_MS);
    return scroll.hold({ key: wanted.key, above: -(scroll.scroller.current?.clientHeight ?? 0) / 3 });
  };
  useEffect(() => {
    const take = (): void => {
      const seq = takeJump(cid);
      if (seq !== undefined) void show(seq);
    };
    take();
    return onJump(take);
  }, [cid]);

  const last = rows.findLast(({ kind }) => kind === "message")?.key;
  const current = active !== undefined && rows.some(({ key }) => key === active) ? active : last;
  useEffect(() => {
    // An effect of an earlier rendering may come between: then the row is not the one yet.
    if (focusing.current === undefined || focusing.current !== current) return;
    focusing.current = undefined;
    list.current?.querySelector<HTMLElement>('[data-active="true"]')?.focus({ preventScroll: true });
  });
  const move = (event: KeyboardEvent): void => {
    if (!(event.target instanceof HTMLElement) || !event.target.matches("[data-row] > .message")) return;
    const from = rows.findIndex(({ key }) => key === current);
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

  const actions: RowActions = { onReply, onEdit, onReaders: setReadersOf, onShow: (seq) => void show(seq) };
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
                quoted={row.kind === "message" ? bySeq.get(row.message.replyTo) : undefined}
                active={row.key === current}
                marked={row.kind === "message" && marked !== undefined && row.message.seq === marked}
                onActive={() => setActive(row.key)}
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
      {!scroll.atEnd && rows.length > 0 && (
        <button
          type="button"
          class="to-newest"
          aria-label={t.toNewest}
          title={t.toNewest}
          onClick={() => scroll.hold("end")}
        >
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

function RowContent({
  row,
  day,
  ...rest
}: {
  readonly row: Row;
  readonly day: string;
  readonly conversation: Conversation;
  readonly quoted: Message | undefined;
  readonly active: boolean;
  readonly marked: boolean;
  readonly onActive: () => void;
  readonly actions: RowActions;
}) {
  const { t } = useShared();
  const { name } = useHome();
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
      return <p class="note">{eventText(row.message, t, name)}</p>;
    case "message":
      return <MessageRow message={row.message} first={row.first} last={row.last} {...rest} />;
  }
}
