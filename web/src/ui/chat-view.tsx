/** One chat: its head, its messages, where one writes. */
import { useEffect, useState } from "preact/hooks";
import type { Conversation, Message } from "../../../client/src/mpim.ts";
import { useConversation, useHome, useRender, useShared } from "../state/use.ts";
import type { Person } from "../view/mention.ts";
import { ChatHead } from "./chat-head.tsx";
import { Composer, type Writing } from "./composer.tsx";
import { Details } from "./details.tsx";
import { MessageList } from "./message-list.tsx";
import { Spinner } from "./parts.tsx";
import { useMembers } from "./use-members.ts";

export function ChatView({ cid }: { readonly cid: string }) {
  const { t } = useShared();
  const { chat, go } = useHome();
  const [conversation, setConversation] = useState<Conversation>();
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
    void open().catch(() => go({ at: "chats" }));
    return () => {
      gone = true;
      opened?.close();
    };
  }, [chat, cid]);
  return conversation === undefined ? <Spinner label={t.loading} /> : <Opened conversation={conversation} />;
}

function Opened({ conversation }: { readonly conversation: Conversation }) {
  const { t } = useShared();
  const { name } = useHome();
  const render = useRender();
  useConversation(conversation);
  const [writing, setWriting] = useState<Writing>({ what: "new" });
  const [details, setDetails] = useState(false);
  const members = useMembers(conversation);
  const people: readonly Person[] = members.map(({ user }) => ({ user, name: name(user) }));
  useEffect(() => conversation.on("reset", render), [conversation, render]);
  const mine = members.find(({ user }) => user === conversation.chat.user);
  const quiet = conversation.left ? t.groupLeft : conversation.type === "system" ? "" : undefined;
  return (
    <section class="chat" aria-label={t.chats}>
      <ChatHead conversation={conversation} members={members.length} onDetails={() => setDetails(true)} />
      <MessageList
        conversation={conversation}
        onReply={(message: Message) => setWriting({ what: "reply", message })}
        onEdit={(message: Message) => setWriting({ what: "edit", message })}
      />
      {quiet === undefined ? (
        <Composer
          conversation={conversation}
          people={people.filter(({ user }) => user !== conversation.chat.user)}
          writing={writing}
          onWriting={setWriting}
        />
      ) : (
        quiet !== "" && <p class="quiet">{quiet}</p>
      )}
      {details && (
        <Details conversation={conversation} members={members} role={mine?.role} onClose={() => setDetails(false)} />
      )}
    </section>
  );
}
