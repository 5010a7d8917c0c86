/** Contacts, and requests to be one. */
import { useEffect, useState } from "preact/hooks";
import type { Chat, Contact } from "../../../client/src/mpim.ts";
import { useHome, useRender, useShared } from "../state/use.ts";
import { refusalText } from "../view/refusal.ts";
import { Empty, IconButton, Spinner } from "./parts.tsx";
import { PersonText } from "./people-picker.tsx";

const LIMIT = 100;

/** One list per chat, whoever looks at it. */
class Book {
  contacts: readonly Contact[] | undefined;
  readonly listeners = new Set<() => void>();
  readonly #chat: Chat;

  constructor(chat: Chat) {
    this.#chat = chat;
    void this.ask();
    // Requests and answers are told in the system's conversation.
    chat.on("message", ({ cid }) => {
      if (cid.startsWith("s.")) void this.ask();
    });
  }

  async ask(): Promise<void> {
    try {
      const all: Contact[] = [];
      let cursor: string | undefined;
      do {
        const page = await this.#chat.contacts.list({ limit: LIMIT, cursor });
        all.push(...page.items);
        cursor = page.next;
      } while (cursor !== undefined);
      this.contacts = all;
    } catch {
      this.contacts ??= [];
    }
    for (const listener of this.listeners) listener();
  }
}

const books = new WeakMap<Chat, Book>();

export function useBook(): Book {
  const { chat } = useHome();
  const render = useRender();
  const book = books.get(chat) ?? new Book(chat);
  books.set(chat, book);
  useEffect(() => {
    book.listeners.add(render);
    return () => {
      book.listeners.delete(render);
    };
  }, [book, render]);
  return book;
}

/** Those who wait for one's answer. */
export function useRequests(): readonly Contact[] {
  return (useBook().contacts ?? []).filter(({ state }) => state === "incoming");
}

export function Contacts({ onNew }: { readonly onNew: () => void }) {
  const { t } = useShared();
  const { chat, go, say } = useHome();
  const book = useBook();
  const [busy, setBusy] = useState("");
  useEffect(() => void book.ask(), [book]);
  if (book.contacts === undefined) return <Spinner label={t.loading} />;
  if (book.contacts.length === 0) {
    return (
      <Empty icon="people" title={t.noContacts} hint={t.noContactsHint}>
        <button type="button" class="button button-primary" onClick={onNew}>
          {t.findPeople}
        </button>
      </Empty>
    );
  }
  const act = async (contact: Contact, action: () => Promise<unknown>): Promise<void> => {
    setBusy(contact.user.id);
    try {
      await action();
    } catch (error) {
      say(refusalText(error, t.errors));
    }
    await book.ask();
    setBusy("");
  };
  const open = ({ user }: Contact): void => void chat.direct(user.id).then(({ cid }) => go({ at: "chat", cid }));
  const waiting = book.contacts.filter(({ state }) => state !== "contact");
  const agreed = book.contacts
    .filter(({ state }) => state === "contact")
    .toSorted((a, b) => a.user.name.localeCompare(b.user.name));
  return (
    <>
      {waiting.length > 0 && (
        <section>
          <h2 class="list-title">{t.requests}</h2>
          <ul class="people">
            {waiting.map((contact) => (
              <li
                key={contact.user.id}
                class={contact.state === "incoming" ? "person person-row person-request" : "person person-row"}
              >
                <PersonText user={contact.user} note={noteOf(contact, t.asksYou, t.asked)} />
                <span class="person-actions">
                  {contact.state === "incoming" ? (
                    <>
                      <button
                        type="button"
                        class="button button-small button-primary"
                        disabled={busy !== ""}
                        onClick={() => void act(contact, () => chat.contacts.accept(contact.user.id))}
                      >
                        {t.accept}
                      </button>
                      <button
                        type="button"
                        class="button button-small"
                        disabled={busy !== ""}
                        onClick={() => void act(contact, () => chat.contacts.reject(contact.user.id))}
                      >
                        {t.reject}
                      </button>
                    </>
                  ) : (
                    <IconButton
                      icon="close"
                      label={t.takeBack}
                      disabled={busy !== ""}
                      onClick={() => void act(contact, () => chat.contacts.remove(contact.user.id))}
                    />
                  )}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {agreed.length > 0 && (
        <section>
          <h2 class="list-title">{t.contacts}</h2>
          <ul class="people">
            {agreed.map((contact) => (
              <li key={contact.user.id}>
                <button type="button" class="person" onClick={() => open(contact)}>
                  <PersonText user={contact.user} />
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function noteOf({ state, message }: Contact, incoming: string, requested: string): string {
  const what = state === "incoming" ? incoming : requested;
  return message === undefined || message === "" ? what : `“${message}”`;
}
