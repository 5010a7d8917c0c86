/** Who has read a message, and who has not. */
import { useEffect, useState } from "preact/hooks";
import type { Conversation, Message } from "../../../client/src/mpim.ts";
import { useAsked, useHome, useShared } from "../state/use.ts";
import { refusalText } from "../view/refusal.ts";
import { Dialog } from "./dialog.tsx";
import { Avatar, Spinner } from "./parts.tsx";

const SHOWN = 100;

export function Readers({
  conversation,
  message,
  onClose,
}: {
  readonly conversation: Conversation;
  readonly message: Message;
  readonly onClose: () => void;
}) {
  const { t } = useShared();
  const [round, setRound] = useState(0);
  useEffect(() => conversation.on("receipt", () => setRound((before) => before + 1)), [conversation]);
  const asked = useAsked(async () => {
    const [counts, read, unread] = await Promise.all([
      conversation.receipts(message),
      conversation.readers(message, "read", { limit: SHOWN }),
      conversation.readers(message, "unread", { limit: SHOWN }),
    ]);
    return { counts, read: read.items, unread: unread.items };
  }, [conversation, message.seq, round]);
  return (
    <Dialog title={t.whoRead} onClose={onClose}>
      {asked.value === undefined ? (
        asked.error === undefined ? (
          <Spinner label={t.loading} />
        ) : (
          <p class="refusal">{refusalText(asked.error, t.errors)}</p>
        )
      ) : (
        <>
          <Names title={t.readBy(asked.value.counts.read)} users={asked.value.read} />
          {asked.value.unread.length > 0 && (
            <Names
              title={t.notReadBy(asked.value.counts.members - asked.value.counts.read)}
              users={asked.value.unread}
            />
          )}
        </>
      )}
    </Dialog>
  );
}

function Names({ title, users }: { readonly title: string; readonly users: readonly string[] }) {
  const { t } = useShared();
  const { name } = useHome();
  return (
    <section>
      <h3 class="list-title">{title}</h3>
      {users.length === 0 ? (
        <p class="dialog-text">{t.nobody}</p>
      ) : (
        <ul class="people">
          {users.map((user) => (
            <li key={user} class="person person-row">
              <Avatar id={user} name={name(user)} />
              <span class="person-name">{name(user)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
