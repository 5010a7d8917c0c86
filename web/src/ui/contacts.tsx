/** Contacts, and requests to be one. */
import { useEffect, useState } from "preact/hooks";
import type { Contact } from "../../../client/src/mpim.ts";
import { useBook } from "../state/book.ts";
import { useHome, useShared } from "../state/use.ts";
import { refusalText } from "../view/refusal.ts";
import { useAttempt } from "./action.tsx";
import { Empty, IconButton, Spinner } from "./parts.tsx";
import { PersonText } from "./people-picker.tsx";

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
                    <Answers user={contact.user.id} />
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

/** What one may answer to somebody who asks to be a contact. */
export function Answers({ user }: { readonly user: string }) {
  const { t } = useShared();
  const { chat } = useHome();
  const book = useBook();
  const attempt = useAttempt();
  const [busy, setBusy] = useState(false);
  const answer = async (action: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    await attempt(action);
    await book.ask();
    setBusy(false);
  };
  return (
    <>
      <button
        type="button"
        class="button button-small button-primary"
        disabled={busy}
        onClick={() => void answer(() => chat.contacts.accept(user))}
      >
        {t.accept}
      </button>
      <button
        type="button"
        class="button button-small"
        disabled={busy}
        onClick={() => void answer(() => chat.contacts.reject(user))}
      >
        {t.reject}
      </button>
    </>
  );
}

function noteOf({ state, message }: Contact, incoming: string, requested: string): string {
  const what = state === "incoming" ? incoming : requested;
  return message === undefined || message === "" ? what : `“${message}”`;
}
