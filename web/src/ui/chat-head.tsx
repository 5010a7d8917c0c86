/** Above a chat: with whom, whether they are there, whether they write. */
import type { Conversation } from "../../../client/src/mpim.ts";
import { useHome, useShared } from "../state/use.ts";
import { listTime } from "../view/times.ts";
import { Avatar, IconButton } from "./parts.tsx";
import { titleOf } from "./title.ts";

export function ChatHead({
  conversation,
  members,
  onDetails,
}: {
  readonly conversation: Conversation;
  readonly members: number;
  readonly onDetails: () => void;
}) {
  const { t, lang } = useShared();
  const home = useHome();
  const { cid, peer, type, typing } = conversation;
  const title = titleOf(conversation, home, t);
  // Without a connection nobody knows.
  const connected = home.chat.connection.state === "online";
  const presence = peer === undefined || !connected ? undefined : home.chat.presence(peer);
  const [writer] = typing;
  const status =
    writer !== undefined
      ? typing.length > 1
        ? t.typingMany
        : t.typingOne(home.name(writer))
      : type === "group"
        ? members > 0
          ? t.members(members)
          : ""
        : presence === undefined
          ? ""
          : presence.online
            ? t.online
            : presence.lastSeen === undefined
              ? t.offline
              : t.lastSeen(listTime(presence.lastSeen, Date.now(), lang));
  return (
    <header class="chat-head">
      <IconButton icon="back" label={t.back} onClick={() => home.go({ at: "chats" })} class="only-phone" />
      <Avatar id={peer ?? cid} name={title} online={presence?.online} />
      <div class="chat-head-text">
        <h2>{title}</h2>
        <p class={writer === undefined ? "chat-head-status" : "chat-head-status writing"} aria-live="polite">
          {status}
        </p>
      </div>
      {type !== "system" && <IconButton icon="info" label={t.details} onClick={onDetails} />}
    </header>
  );
}
