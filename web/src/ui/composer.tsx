/** Where one writes: a new message, a reply, an edit; with names completed after `@`. */
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Conversation, Message } from "../../../client/src/mpim.ts";
import { useHome, useShared } from "../state/use.ts";
import { insert } from "../view/emoji.ts";
import { askedAt, complete, mentionedIn, type Asked, type Person } from "../view/mention.ts";
import { previewOf } from "../view/preview.ts";
import { refusalText } from "../view/refusal.ts";
import { roomLeft } from "../view/text.ts";
import { useSent } from "./action.tsx";
import { Icon } from "./icon.tsx";
import { Menu } from "./menu.tsx";
import { Avatar, IconButton } from "./parts.tsx";
import { useOffered } from "./use-offered.ts";

export type Writing =
  | { readonly what: "new" }
  | { readonly what: "reply"; readonly message: Message }
  /** `text`: what it was to be, when that was refused. */
  | { readonly what: "edit"; readonly message: Message; readonly text?: string };

const NEW: Writing = { what: "new" };
/** One is told from here on how many characters are left. */
const NEARLY = 200;

export function Composer({
  conversation,
  round,
  writing,
  onWriting,
}: {
  readonly conversation: Conversation;
  /** Another number when something has happened to the group. */
  readonly round: number;
  readonly writing: Writing;
  readonly onWriting: (writing: Writing) => void;
}) {
  const { t } = useShared();
  const { account, name, say } = useHome();
  const { drafts } = account;
  const { cid } = conversation;
  const [text, setText] = useState(drafts.of(cid).text);
  const [asked, setAsked] = useState<Asked>();
  const [picked, setPicked] = useState(0);
  const completed = useRef<readonly Person[]>(drafts.of(cid).people ?? []);
  const area = useRef<HTMLTextAreaElement>(null);
  const caret = useRef<number | undefined>(undefined);
  const id = useId();
  const left = roomLeft(text);
  const mentioning = conversation.type === "group" && (asked !== undefined || text.includes("@"));
  const { offered, known } = useOffered(conversation, asked, mentioning, round);
  const sent = useSent();
  const latest = useRef({ text, writing });
  latest.current = { text, writing };

  // Before the next key: what is typed goes after the text that is edited.
  const before = useRef(writing);
  useLayoutEffect(() => {
    const was = before.current;
    before.current = writing;
    if (writing.what === "edit") setText(writing.text ?? writing.message.text);
    else if (was !== writing) {
      // What is edited is nobody's draft.
      const own = was.what === "edit" ? drafts.of(cid).text : text;
      setText(own);
      keep(own);
    }
    // On a phone a keyboard would cover the chat that was only opened.
    if (writing.what !== "new" || matchMedia("(hover: hover)").matches) area.current?.focus();
  }, [writing]);
  useLayoutEffect(() => {
    const field = area.current;
    if (field === null) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
    if (caret.current !== undefined) field.setSelectionRange(caret.current, caret.current);
    caret.current = undefined;
  }, [text]);

  // A draft may answer what is not here yet.
  const reply = writing.what === "reply" ? writing.message.seq : drafts.of(cid).reply;
  const keep = (next: string): void => {
    drafts.set(cid, { text: next, reply, people: completed.current });
  };
  const write = (next: string): void => {
    setText(next);
    if (writing.what !== "edit") keep(next);
  };
  const look = (): void => {
    const field = area.current;
    setAsked(field === null || conversation.type !== "group" ? undefined : askedAt(field.value, field.selectionStart));
    setPicked(0);
  };
  const stop = (): void => {
    if (writing.what === "reply") drafts.set(cid, { ...drafts.of(cid), reply: undefined });
    onWriting(NEW);
  };
  const pick = (person: Person): void => {
    if (asked === undefined) return;
    const next = complete(text, asked, person.name);
    completed.current = [...completed.current, person];
    caret.current = next.caret;
    write(next.text);
    setAsked(undefined);
    area.current?.focus();
  };
  const [pictures, setPictures] = useState<HTMLElement>();
  const put = (emoji: string): void => {
    const field = area.current;
    const end = text.length;
    const next = insert(text, { from: field?.selectionStart ?? end, to: field?.selectionEnd ?? end }, emoji);
    caret.current = next.caret;
    write(next.text);
  };
  /** What is refused comes back to where it was written, unless something else is written there. */
  const edit = (message: Message, whole: string): void =>
    sent(
      () => conversation.edit(message, whole),
      () => {
        const { text: now, writing: meanwhile } = latest.current;
        if (area.current?.isConnected === true && now === "" && meanwhile.what === "new")
          onWriting({ what: "edit", message, text: whole });
      },
    );
  const send = (): void => {
    const whole = text.trim();
    if (whole === "") return;
    if (left < 0) return say(t.tooLong);
    try {
      if (writing.what === "edit") {
        if (whole !== writing.message.text) edit(writing.message, whole);
      } else {
        conversation.send({
          text: whole,
          replyTo: reply,
          mentions: mentionedIn(whole, completed.current, known),
        });
        completed.current = [];
        drafts.set(cid, { text: "" });
      }
      conversation.write(false);
      if (writing.what !== "edit") setText("");
      setAsked(undefined);
      onWriting(NEW);
    } catch (error) {
      say(refusalText(error, t.errors));
    }
  };
  const pressed = (event: KeyboardEvent): void => {
    // Enter that ends the writing of a Chinese word belongs to the keyboard.
    // Safari has ended it by then, and says so only by the code of old.
    if (event.isComposing || event.keyCode === 229) return;
    if (offered.length > 0) {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      const person = offered[picked];
      if (step !== 0) setPicked((picked + step + offered.length) % offered.length);
      else if ((event.key === "Enter" || event.key === "Tab") && person !== undefined) pick(person);
      else if (event.key === "Escape") setAsked(undefined);
      else return;
      event.preventDefault();
      return;
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape" && writing.what !== "new") {
      event.preventDefault();
      stop();
    } else if (event.key === "ArrowUp" && text === "" && writing.what === "new") {
      const last = conversation.messages.findLast(
        ({ mine, kind, recalled, seq }) => mine && kind === "text" && !recalled && seq !== undefined,
      );
      if (last === undefined) return;
      event.preventDefault();
      onWriting({ what: "edit", message: last });
    }
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {writing.what !== "new" && (
        <div class="composer-context">
          <Icon name={writing.what === "edit" ? "edit" : "reply"} size={18} />
          <span class="composer-context-text">
            <strong>{writing.what === "edit" ? t.editing : t.replyTo(name(writing.message.from))}</strong>
            <span>{previewOf(writing.message, t, name)}</span>
          </span>
          <IconButton icon="close" label={t.cancel} onClick={stop} />
        </div>
      )}
      {offered.length > 0 && (
        <ul class="mention-list" id={`${id}-list`} role="listbox" aria-label={t.mentionList}>
          {offered.map((person, index) => (
            <li
              key={person.user}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === picked}
              // Before the field loses the focus.
              onMouseDown={(event) => {
                event.preventDefault();
                pick(person);
              }}
            >
              <Avatar id={person.user} name={person.name} size="s" />
              {person.name}
            </li>
          ))}
        </ul>
      )}
      <div class="composer-line">
        <textarea
          ref={area}
          rows={1}
          value={text}
          placeholder={t.messagePlaceholder}
          aria-label={t.messageLabel}
          aria-autocomplete="list"
          aria-controls={offered.length > 0 ? `${id}-list` : undefined}
          aria-activedescendant={offered.length > 0 ? `${id}-${picked}` : undefined}
          enterkeyhint="send"
          onInput={({ currentTarget }) => {
            write(currentTarget.value);
            if (currentTarget.value !== "") conversation.write();
            look();
          }}
          onClick={look}
          onKeyDown={pressed}
          onBlur={() => setAsked(undefined)}
        />
        <IconButton
          icon="smile"
          label={t.insertEmoji}
          expanded={pictures !== undefined}
          onClick={({ currentTarget }) => setPictures(currentTarget as HTMLElement)}
          class="only-pointer"
        />
        {left < NEARLY && (
          <span class={left < 0 ? "composer-left refusal" : "composer-left"} role="status" aria-label={t.left(left)}>
            {left}
          </span>
        )}
        <button type="submit" class="send" aria-label={t.send} title={t.send} disabled={text.trim() === ""}>
          <Icon name={writing.what === "edit" ? "check" : "send"} />
        </button>
      </div>
      {pictures !== undefined && (
        <Menu
          label={t.insertEmoji}
          anchor={pictures}
          choices={[]}
          emoji={{ quick: [], labelOf: (emoji) => emoji, more: t.moreEmoji, onChoose: put }}
          back={area.current ?? pictures}
          onClose={() => setPictures(undefined)}
        />
      )}
    </form>
  );
}
