/** One chat: its head, its messages, where one writes. */
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { Conversation, Message } from "../../../client/src/mpim.ts";
import { useConversation, useFrame, useHome, useShared } from "../state/use.ts";
import { bySeq } from "../view/rows.ts";
import { ChatHead } from "./chat-head.tsx";
import { Composer, type Writing } from "./composer.tsx";
import { Details } from "./details.tsx";
import { MessageList } from "./message-list.tsx";
import { Empty, Spinner } from "./parts.tsx";
import { useGroupCard } from "./use-group.ts";

/** Codes that say that there is no such group, or not for this user. */
const NONE: ReadonlySet<string> = new Set(["not_member", "not_found", "invalid_argument"]);

export function ChatView({ cid }: { readonly cid: string }) {
  const { t } = useShared();
  const { chat } = useHome();
  const [conversation, setConversation] = useState<Conversation>();
  const [none, setNone] = useState(false);
  useEffect(() => {
    let opened: Conversation | undefined;
    let gone = false;
    const open = async (): Promise<void> => {
      const found = await chat.conversation(cid);
      if (gone) return;
      opened = found;
      // Without a connection what is stored is all there is.
      void found.open().catch(() => {});
      setConversation(found);
    };
    // An address that is none of a chat.
    void open().catch(() => setNone(true));
    return () => {
      gone = true;
      opened?.close();
    };
  }, [chat, cid]);
  if (none) return <NoChat />;
  return conversation === undefined ? <Spinner label={t.loading} /> : <Opened conversation={conversation} />;
}

/** An address that leads nowhere, or to a group that one is no member of. */
function NoChat() {
  const { t } = useShared();
  const { go } = useHome();
  return (
    <Empty icon="chat" title={t.noSuchChat} hint={t.noSuchChatHint}>
      <button type="button" class="button only-phone" onClick={() => go({ at: "chats" })}>
        {t.back}
      </button>
    </Empty>
  );
}

function Opened({ conversation }: { readonly conversation: Conversation }) {
  const { t } = useShared();
  const { people, account } = useHome();
  const render = useFrame();
  useConversation(conversation);
  const [writing, setWriting] = useState<Writing>(() => {
    const message = bySeq(conversation.messages, account.drafts.of(conversation.cid).reply);
    return message === undefined ? { what: "new" } : { what: "reply", message };
  });
  useEffect(() => {
    const { reply } = account.drafts.of(conversation.cid);
    if (reply === undefined || writing.what !== "new") return;
    const show = async (): Promise<void> => {
      const { messages } = await conversation.page({ before: reply + 1, limit: 1 });
      const message = bySeq(messages, reply);
      if (message !== undefined && account.drafts.of(conversation.cid).reply === reply)
        setWriting((now) => (now.what === "new" ? { what: "reply", message } : now));
    };
    // Without a connection it answers all the same.
    void show().catch(() => {});
    // Once.
  }, [conversation, account]);
  const [details, setDetails] = useState(false);
  const group = useGroupCard(conversation);
  useLayoutEffect(() => conversation.on("reset", render), [conversation, render]);
  // Nothing is known of a group whose address was followed: is one in it at all?
  const unknown = conversation.type === "group" && conversation.head === 0;
  const { peer } = conversation;
  useEffect(() => {
    if (peer === undefined) return undefined;
    people.renew(peer);
    // What is refused is refused because of the other, perhaps.
    return conversation.on("update", ({ state }) => state === "failed" && people.renew(peer));
  }, [conversation, people, peer]);
  const gone = peer !== undefined && people.card(peer)?.deleted === true;
  const { card } = group;
  const quiet = conversation.left
    ? t.groupLeft
    : gone
      ? t.personGone
      : conversation.type === "system"
        ? ""
        : card?.role === "member" && (card.read_only || card.muted)
          ? t.adminsWriteHere
          : undefined;
  if (unknown && group.refused !== undefined && NONE.has(group.refused)) return <NoChat />;
  return (
    <section class="chat" aria-label={t.chats}>
      <ChatHead conversation={conversation} members={group.card?.members ?? 0} onDetails={() => setDetails(true)} />
      <MessageList
        conversation={conversation}
        onReply={(message: Message) => setWriting({ what: "reply", message })}
        onEdit={(message: Message) => setWriting({ what: "edit", message })}
      />
      {quiet === undefined ? (
        <Composer conversation={conversation} round={group.round} writing={writing} onWriting={setWriting} />
      ) : (
        quiet !== "" && <p class="quiet">{quiet}</p>
      )}
      {details && <Details conversation={conversation} group={group} onClose={() => setDetails(false)} />}
    </section>
  );
}
