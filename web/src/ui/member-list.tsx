/** Who is in a group, and what one may do with them; more are asked for as one goes down the list. */
import { useEffect, useState } from "preact/hooks";
import type { Conversation, Member, Role } from "../../../client/src/mpim.ts";
import { useHome, useShared } from "../state/use.ts";
import { calledBy } from "../view/called.ts";
import { fullTime } from "../view/times.ts";
import { useAttempt } from "./action.tsx";
import { Confirm } from "./dialog.tsx";
import { Menu, type Choice } from "./menu.tsx";
import { Avatar, IconButton } from "./parts.tsx";
import type { Members } from "./use-group.ts";
import { useRows } from "./use-rows.ts";

/** Until one is measured, px. */
const ROW_HEIGHT = 64;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export function MemberList({
  conversation,
  role,
  members,
  more,
  next,
}: Members & { readonly conversation: Conversation; readonly role: Role | undefined }) {
  const { list, from, to, style } = useRows(members.length, ROW_HEIGHT);
  const near = more && members.length > 0 && to === members.length;
  useEffect(() => {
    if (near) next();
  }, [near, members]);
  return (
    <ul ref={list} class="people" style={style}>
      {members.slice(from, to).map((member, index) => (
        <MemberRow
          key={member.user}
          member={member}
          role={role}
          conversation={conversation}
          place={from + index + 1}
          // How many there will be is not known yet.
          count={more ? -1 : members.length}
        />
      ))}
    </ul>
  );
}

function MemberRow({
  member: { user, role: theirs, muted_until: mutedUntil },
  role,
  conversation,
  place,
  count,
}: {
  readonly member: Member;
  readonly role: Role | undefined;
  readonly conversation: Conversation;
  readonly place: number;
  readonly count: number;
}) {
  const { t, lang } = useShared();
  const { chat, name, people, go } = useHome();
  const attempt = useAttempt();
  const [menu, setMenu] = useState<HTMLElement>();
  const [asking, setAsking] = useState<"give" | "remove">();
  const me = user === chat.user;
  const owner = role === "owner";
  const above = owner || (role === "admin" && theirs === "member");
  const muted = mutedUntil > Date.now();
  const mute = (ms: number) => () =>
    void attempt(() =>
      chat.groups.changeMember(conversation.cid, user, { muted_until: ms === 0 ? 0 : Date.now() + ms }),
    );
  const choices: Choice[] = me
    ? []
    : [
        {
          label: t.startChat,
          icon: "chat",
          onChoose: () => void chat.direct(user).then(({ cid }) => go({ at: "chat", cid })),
        },
        ...(owner && theirs === "member"
          ? [
              {
                label: t.makeAdmin,
                icon: "shield",
                onChoose: () => void attempt(() => conversation.setRole(user, "admin")),
              } as const,
            ]
          : []),
        ...(owner && theirs === "admin"
          ? [
              {
                label: t.makeMember,
                icon: "user",
                onChoose: () => void attempt(() => conversation.setRole(user, "member")),
              } as const,
            ]
          : []),
        ...(owner
          ? [
              {
                label: t.makeOwner,
                icon: "people",
                onChoose: () => setAsking("give"),
              } as const,
            ]
          : []),
        ...(above
          ? muted
            ? [{ label: t.unmuteMember, icon: "bell", onChoose: mute(0) } as const]
            : [
                { label: t.muteHour, icon: "bellOff", onChoose: mute(HOUR_MS) } as const,
                { label: t.muteDay, icon: "bellOff", onChoose: mute(DAY_MS) } as const,
              ]
          : []),
        ...(above
          ? [
              {
                label: t.removeMember,
                icon: "leave",
                danger: true,
                onChoose: () => setAsking("remove"),
              } as const,
            ]
          : []),
      ];
  const shown = name(user);
  return (
    <li class="person person-row" aria-setsize={count} aria-posinset={place}>
      <Avatar id={user} name={calledBy(people.card(user), t) ?? shown} />
      <span class="person-text">
        <span class="person-name">{shown}</span>
        <span class="person-note">
          {t.roles[theirs]}
          {muted && ` · ${t.mutedUntil(fullTime(mutedUntil, lang))}`}
        </span>
      </span>
      {choices.length > 0 && (
        <IconButton
          icon="more"
          label={t.actionsFor(shown)}
          expanded={menu !== undefined}
          onClick={({ currentTarget }) => setMenu(currentTarget as HTMLElement)}
        />
      )}
      {menu !== undefined && (
        <Menu label={t.actionsFor(shown)} anchor={menu} choices={choices} onClose={() => setMenu(undefined)} />
      )}
      {asking === "give" && (
        <Confirm
          title={t.makeOwnerTitle(shown)}
          text={t.makeOwnerText}
          yes={t.makeOwner}
          onYes={() => void attempt(() => conversation.setRole(user, "owner"))}
          onClose={() => setAsking(undefined)}
        />
      )}
      {asking === "remove" && (
        <Confirm
          title={t.removeMemberTitle(shown)}
          text={t.removeMemberText}
          yes={t.removeMember}
          onYes={() => void attempt(() => conversation.remove(user))}
          onClose={() => setAsking(undefined)}
        />
      )}
    </li>
  );
}
