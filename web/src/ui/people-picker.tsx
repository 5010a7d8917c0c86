/** Finding people by the beginning of their names, and choosing one or several. */
import { useId, useState } from "preact/hooks";
import type { User } from "../../../client/src/mpim.ts";
import type { Texts } from "../i18n/en.ts";
import { useBook } from "../state/book.ts";
import { useAsked, useChats, useHome, useSettled, useShared } from "../state/use.ts";
import { calledBy } from "../view/called.ts";
import { moveFocus } from "./chat-list.tsx";
import { Icon } from "./icon.tsx";
import { Avatar, Empty, Spinner } from "./parts.tsx";

const PAUSE_MS = 200;
const SHOWN = 30;

/** Users whose name or username begins so; oneself is not among them. */
export function useFound(text: string) {
  const { chat, people } = useHome();
  const settled = useSettled(text.trim(), PAUSE_MS);
  const asked = useAsked(async () => {
    if (settled === "") return [];
    const { items } = await chat.users.search(settled, { limit: SHOWN });
    people.learn(items);
    return items.filter(({ id }) => id !== chat.user);
  }, [chat, settled]);
  if (!asked.loading && settled === text.trim()) return asked;
  // What was found for fewer letters, without those whom the new ones leave out.
  const wanted = text.trim().toLocaleLowerCase();
  const begins = (name: string | null): boolean => name?.toLocaleLowerCase().startsWith(wanted) === true;
  const value = asked.value?.filter(({ username, name }) => begins(username) || begins(name));
  return { ...asked, loading: true, ...(value !== undefined && { value }) };
}

/** Whom one chats with, newest first, and one's contacts: those who are wanted most often. */
function useKnown(): readonly User[] {
  const { people } = useHome();
  const book = useBook();
  const known = new Map<string, User>();
  for (const { peer: id, name } of useChats()) {
    if (id === undefined || known.size >= SHOWN) continue;
    const card = people.card(id);
    known.set(id, { id, username: card?.username ?? null, name: card?.name ?? name, avatar: null });
  }
  for (const { user, state } of book.contacts ?? []) if (state === "contact") known.set(user.id, user);
  return [...known.values()].filter(({ name }) => name !== "").slice(0, SHOWN);
}

export function PeoplePicker({
  several,
  chosen,
  onChoose,
  leaveOut = [],
  focus = false,
}: {
  /** Choosing adds to what is chosen, and choosing again takes away. */
  readonly several: boolean;
  readonly chosen: readonly User[];
  readonly onChoose: (user: User) => void;
  readonly leaveOut?: readonly string[];
  /** The field has the focus when the window opens. */
  readonly focus?: boolean;
}) {
  const { t } = useShared();
  const [text, setText] = useState("");
  const found = useFound(text);
  const id = useId();
  const known = useKnown();
  const all = text.trim() === "" ? known : (found.value ?? []);
  const shown = all.filter((user) => !leaveOut.includes(user.id));
  return (
    <div class="picker">
      {several && chosen.length > 0 && (
        <ul class="chips" aria-label={t.chosen(chosen.length)}>
          {chosen.map((user) => (
            <li key={user.id}>
              <button
                type="button"
                class="chip"
                aria-label={t.removePerson(nameOf(user, t))}
                onClick={() => onChoose(user)}
              >
                {nameOf(user, t)}
                <Icon name="close" size={14} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <label class="field" for={id}>
        <span class="field-label">{several ? t.addPeople : t.findPeople}</span>
        <input
          id={id}
          value={text}
          autofocus={focus}
          placeholder={t.findPeopleHint}
          autocomplete="off"
          autocapitalize="none"
          maxLength={64}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <div class="picker-list">
        {found.loading && text.trim() !== "" && shown.length === 0 ? (
          <Spinner label={t.searching} />
        ) : text.trim() !== "" && shown.length === 0 ? (
          <Empty icon="user" title={t.noResults} />
        ) : (
          <ul aria-label={t.people} onKeyDown={moveFocus}>
            {shown.map((user) => {
              const taken = chosen.some((one) => one.id === user.id);
              return (
                <li key={user.id}>
                  <button
                    type="button"
                    class="person"
                    aria-pressed={several ? taken : undefined}
                    onClick={() => onChoose(user)}
                  >
                    <PersonText user={user} />
                    {taken && <Icon name="check" />}
                  </button>
                </li>
              );
            })}
          </ul>
        )}
      </div>
    </div>
  );
}

/** What somebody is called; whose name nobody can see, by the username. */
export function nameOf(user: User, t: Texts): string {
  return calledBy(user, t) ?? user.username ?? t.unknownUser;
}

export function PersonText({ user, note }: { readonly user: User; readonly note?: string | undefined }) {
  const { t } = useShared();
  return (
    <>
      <Avatar id={user.id} name={user.name} />
      <span class="person-text">
        <span class="person-name">{nameOf(user, t)}</span>
        <span class="person-note">{note ?? (user.username === null ? "" : `@${user.username}`)}</span>
      </span>
    </>
  );
}
