/** A group's members and their roles; inviting, renaming, leaving, deleting. */
import { useState } from "preact/hooks";
import type { Member, User } from "../../../client/src/mpim.ts";
import { fieldOf, useAsked, useHome, useShared } from "../state/use.ts";
import { Action, AskedAction, useAttempt, type DetailsProps } from "./action.tsx";
import { Menu, type Choice } from "./menu.tsx";
import { Avatar, IconButton } from "./parts.tsx";
import { PeoplePicker } from "./people-picker.tsx";

export function GroupDetails({ conversation, members, role, onClose }: DetailsProps) {
  const { t } = useShared();
  const { go } = useHome();
  const attempt = useAttempt();
  const [what, setWhat] = useState<"members" | "invite" | "rename">("members");
  const [chosen, setChosen] = useState<readonly User[]>([]);
  const leads = role === "owner" || role === "admin";
  const choose = (user: User): void =>
    setChosen((before) =>
      before.some(({ id }) => id === user.id) ? before.filter(({ id }) => id !== user.id) : [...before, user],
    );
  const invite = async (): Promise<void> => {
    const done = await attempt(() => conversation.invite(...chosen.map(({ id }) => id)));
    if (!done) return;
    setChosen([]);
    setWhat("members");
  };
  const rename = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const name = fieldOf(event, "name").trim();
    if (await attempt(() => conversation.change({ name }))) setWhat("members");
  };
  const [round, setRound] = useState(0);
  const card = useAsked(() => conversation.group(), [conversation, round]);
  const open = async (on: boolean): Promise<void> => {
    await attempt(() => conversation.change({ join: on ? "open" : "invite" }));
    setRound(round + 1);
  };
  const end = async (action: () => Promise<unknown>): Promise<void> => {
    if (!(await attempt(action))) return;
    onClose();
    go({ at: "chats" });
  };
  if (what === "invite") {
    return (
      <div class="dialog-form">
        <PeoplePicker several chosen={chosen} onChoose={choose} leaveOut={members.map(({ user }) => user)} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick={() => setWhat("members")}>
            {t.cancel}
          </button>
          <button
            type="button"
            class="button button-primary"
            disabled={chosen.length === 0}
            onClick={() => void invite()}
          >
            {t.invite}
          </button>
        </div>
      </div>
    );
  }
  return (
    <>
      {what === "rename" ? (
        <form class="row-form" onSubmit={(event) => void rename(event)}>
          <label class="field">
            <span class="field-label">{t.groupName}</span>
            <input name="name" defaultValue={conversation.name} required maxLength={64} autofocus autocomplete="off" />
          </label>
          <button type="submit" class="button button-primary">
            {t.save}
          </button>
        </form>
      ) : (
        leads && (
          <div class="details-actions">
            <Action icon="userPlus" label={t.invite} onClick={() => setWhat("invite")} />
            <Action icon="edit" label={t.rename} onClick={() => setWhat("rename")} />
          </div>
        )
      )}
      {leads && card.value !== undefined && (
        <label class="check">
          <input
            type="checkbox"
            checked={card.value.join === "open"}
            onChange={({ currentTarget }) => void open(currentTarget.checked)}
          />
          {t.anybodyJoins}
        </label>
      )}
      <section>
        <h3 class="list-title">{t.members(members.length)}</h3>
        <ul class="people">
          {members.map((member) => (
            <MemberRow key={member.user} member={member} role={role} conversation={conversation} />
          ))}
        </ul>
      </section>
      <div class="details-list">
        {role === "owner" ? (
          <AskedAction
            icon="trash"
            label={t.dismiss}
            title={t.dismissTitle}
            text={t.dismissText}
            onYes={() => void end(() => conversation.dismiss())}
          />
        ) : (
          role !== undefined && (
            <AskedAction
              icon="leave"
              label={t.leave}
              title={t.leaveTitle}
              text={t.leaveText}
              onYes={() => void end(() => conversation.leave())}
            />
          )
        )}
      </div>
    </>
  );
}

function MemberRow({
  member: { user, role: theirs },
  role,
  conversation,
}: Pick<DetailsProps, "conversation" | "role"> & { readonly member: Member }) {
  const { t } = useShared();
  const { chat, name, people, go } = useHome();
  const attempt = useAttempt();
  const [menu, setMenu] = useState<HTMLElement>();
  const me = user === chat.user;
  const owner = role === "owner";
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
                onChoose: () => void attempt(() => conversation.setRole(user, "owner")),
              } as const,
            ]
          : []),
        ...(owner || (role === "admin" && theirs === "member")
          ? [
              {
                label: t.removeMember,
                icon: "leave",
                danger: true,
                onChoose: () => void attempt(() => conversation.remove(user)),
              } as const,
            ]
          : []),
      ];
  const shown = name(user);
  return (
    <li class="person person-row">
      <Avatar id={user} name={people.card(user)?.name ?? shown} />
      <span class="person-text">
        <span class="person-name">{shown}</span>
        <span class="person-note">{t.roles[theirs]}</span>
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
    </li>
  );
}
