/** What was searched for: chats by their names, people, messages. */
import { useAsked, useChats, useHome, useSettled, useShared } from "../state/use.ts";
import type { Chat, Found } from "../../../client/src/mpim.ts";
import { visible } from "../view/name.ts";
import { listTime } from "../view/times.ts";
import { excerptOf } from "../view/excerpt.ts";
import { useAttempt } from "./action.tsx";
import { ChatRows, moveFocus } from "./chat-list.tsx";
import { jumpTo } from "./jump.ts";
import { Avatar, Empty, Spinner } from "./parts.tsx";
import { PersonText, useFound } from "./people-picker.tsx";
import { titleOf } from "./title.ts";

const PAUSE_MS = 250;
const SHOWN = 30;
const PAGES = 8;

export function SearchResults({ text, onDone }: { readonly text: string; readonly onDone: () => void }) {
  const { t } = useShared();
  const home = useHome();
  const { chat, go } = home;
  const attempt = useAttempt();
  const settled = useSettled(text, PAUSE_MS);
  const people = useFound(text);
  const messages = useAsked(() => searchAll(chat, settled), [chat, settled]);
  const groups = useAsked(async () => (await chat.groups.search(settled, { limit: SHOWN })).items, [chat, settled]);
  const lower = text.toLocaleLowerCase();
  const all = useChats();
  const chats = all.filter((one) => titleOf(one, home, t, false).toLocaleLowerCase().includes(lower));
  const known = new Set(chats.map(({ peer }) => peer));
  const strangers = (people.value ?? []).filter(({ id }) => !known.has(id));
  const found = messages.value ?? [];
  const mine = new Set(all.map(({ cid }) => cid));
  const open = (groups.value ?? []).filter(({ id }) => !mine.has(id));
  const loading = people.loading || groups.loading || messages.loading || settled !== text;
  const join = async (id: string): Promise<void> => {
    const joined = await attempt(() => chat.joinGroup(id));
    if (!joined) return;
    onDone();
    go({ at: "chat", cid: id });
  };
  if (chats.length + strangers.length + open.length + found.length === 0) {
    return loading ? (
      <Spinner label={t.searching} />
    ) : (
      <Empty icon="search" title={t.noResults} hint={messages.error === undefined ? t.noResultsHint : t.searchFailed} />
    );
  }
  return (
    <div onKeyDown={moveFocus}>
      {chats.length > 0 && (
        <section>
          <h2 class="list-title">{t.chats}</h2>
          <ChatRows conversations={chats} label={t.chats} onClick={onDone} />
        </section>
      )}
      {strangers.length > 0 && (
        <section>
          <h2 class="list-title">{t.people}</h2>
          <ul class="people">
            {strangers.map((user) => (
              <li key={user.id}>
                <button
                  type="button"
                  class="person"
                  onClick={() => {
                    onDone();
                    void chat.direct(user.id).then(({ cid }) => go({ at: "chat", cid }));
                  }}
                >
                  <PersonText user={user} />
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {open.length > 0 && (
        <section>
          <h2 class="list-title">{t.openGroups}</h2>
          <ul class="people">
            {open.map((group) => (
              <li key={group.id} class="person person-row">
                <Avatar id={group.id} name={group.name} />
                <span class="person-text">
                  <span class="person-name">{visible(group.name) || t.group}</span>
                  <span class="person-note">{t.members(group.members)}</span>
                </span>
                <button type="button" class="button button-small" onClick={() => void join(group.id)}>
                  {t.join}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {found.length > 0 && (
        <section>
          <h2 class="list-title">{t.messages}</h2>
          <ul class="people">
            {found.map((one) => (
              <FoundMessage key={one.message.key} found={one} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

/** The newest that were found. A page may be empty and not the last: somebody in thousands of chats has many of those. */
async function searchAll(chat: Chat, text: string): Promise<readonly Found[]> {
  const all: Found[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES && all.length < SHOWN; pages += 1) {
    const { items, next } = await chat.search(text, { limit: SHOWN, cursor });
    all.push(...items);
    if (next === undefined) break;
    cursor = next;
  }
  return all;
}

function FoundMessage({ found: { message, highlights } }: { readonly found: Found }) {
  const { t, lang } = useShared();
  const home = useHome();
  const conversation = useChats().find(({ cid }) => cid === message.cid);
  const title = conversation === undefined ? "" : titleOf(conversation, home, t);
  const open = (): void => {
    home.go({ at: "chat", cid: message.cid });
    if (message.seq !== undefined) jumpTo(message.cid, message.seq);
  };
  return (
    <li>
      <button type="button" class="person" onClick={open}>
        <Avatar id={conversation?.peer ?? message.cid} name={title} />
        <span class="person-text">
          <span class="chat-item-line">
            <span class="person-name">{title}</span>
            <time>{listTime(message.ts, Date.now(), lang)}</time>
          </span>
          <span class="person-note found-text">
            {home.name(message.from)}:{" "}
            {excerptOf(message.text, highlights).map(({ text, hit }, index) =>
              hit ? <mark key={index}>{text}</mark> : text,
            )}
          </span>
        </span>
      </button>
    </li>
  );
}
