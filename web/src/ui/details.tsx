/** About a chat: what one may do with it, and in a group who is in it. */
import { useConversation, useHome, useShared } from "../state/use.ts";
import { Action, useAttempt, type DetailsProps } from "./action.tsx";
import { Dialog } from "./dialog.tsx";
import { GroupDetails } from "./group-details.tsx";
import { Avatar } from "./parts.tsx";
import { PersonDetails } from "./person-details.tsx";
import { titleOf } from "./title.ts";

export function Details(props: DetailsProps) {
  const { conversation, onClose } = props;
  const { t } = useShared();
  const home = useHome();
  const attempt = useAttempt();
  useConversation(conversation);
  const { muted, pinned, type, peer, cid } = conversation;
  const title = titleOf(conversation, home, t);
  const card = peer === undefined ? undefined : home.people.card(peer);
  const username = card?.username;
  return (
    <Dialog title={t.details} onClose={onClose}>
      <div class="details-head">
        <Avatar id={peer ?? cid} name={title} size="l" />
        <p class="details-name">{title}</p>
        {typeof username === "string" && <p class="person-note">@{username}</p>}
      </div>
      {/* A chat begins to exist with its first message. */}
      {conversation.head > 0 && (
        <div class="details-actions">
          <Action
            icon="pin"
            label={pinned ? t.unpin : t.pin}
            pressed={pinned}
            onClick={() => void attempt(() => conversation.pin(!pinned))}
          />
          <Action
            icon={muted ? "bell" : "bellOff"}
            label={muted ? t.unmute : t.mute}
            pressed={muted}
            onClick={() => void attempt(() => conversation.mute(!muted))}
          />
        </div>
      )}
      {type === "group" ? (
        <GroupDetails {...props} />
      ) : (
        peer !== undefined && card?.deleted !== true && <PersonDetails user={peer} />
      )}
    </Dialog>
  );
}
