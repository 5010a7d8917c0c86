/** About the other one of a direct chat: contact or not, blocked or not. */
import { useState } from "preact/hooks";
import { useBook } from "../state/book.ts";
import { fieldOf, useAsked, useHome, useShared } from "../state/use.ts";
import { Action, useAttempt } from "./action.tsx";
import { focus } from "./parts.tsx";

export function PersonDetails({ user }: { readonly user: string }) {
  const { t } = useShared();
  const { chat, say } = useHome();
  const attempt = useAttempt();
  const book = useBook();
  const [asking, setAsking] = useState(false);
  const [round, setRound] = useState(0);
  const blocks = useAsked(() => chat.blocks.list(), [chat, round]);
  const contact = book.contacts?.find((one) => one.user.id === user);
  const blocked = blocks.value?.includes(user) === true;
  const act = async (action: () => Promise<unknown>): Promise<void> => {
    await attempt(action);
    await book.ask();
    setRound(round + 1);
  };
  const request = (event: SubmitEvent): void => {
    event.preventDefault();
    const message = fieldOf(event, "message").trim();
    setAsking(false);
    void act(async () => {
      await chat.contacts.request(user, message === "" ? undefined : message);
      say(t.requestSent);
    });
  };
  return (
    <div class="details-list">
      {asking ? (
        <form class="row-form" onSubmit={request}>
          <label class="field">
            <span class="field-label">{t.requestMessage}</span>
            <input ref={focus} name="message" maxLength={512} autocomplete="off" />
          </label>
          <button type="submit" class="button button-primary">
            {t.sendRequest}
          </button>
        </form>
      ) : contact === undefined ? (
        !blocked && <Action icon="userPlus" label={t.addContact} onClick={() => setAsking(true)} />
      ) : contact.state === "incoming" ? (
        <>
          <Action icon="check" label={t.accept} onClick={() => void act(() => chat.contacts.accept(user))} />
          <Action icon="close" label={t.reject} onClick={() => void act(() => chat.contacts.reject(user))} />
        </>
      ) : (
        <Action
          icon="user"
          label={contact.state === "contact" ? t.removeContact : t.takeBack}
          onClick={() => void act(() => chat.contacts.remove(user))}
        />
      )}
      {blocks.value !== undefined && (
        <Action
          icon="shield"
          label={blocked ? t.unblock : t.block}
          danger={!blocked}
          onClick={() => void act(() => (blocked ? chat.blocks.remove(user) : chat.blocks.add(user)))}
        />
      )}
    </div>
  );
}
