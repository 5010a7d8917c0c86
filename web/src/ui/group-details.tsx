/** A group's members and their roles; inviting, renaming, leaving, deleting. */
import { useState } from "preact/hooks";
import type { User } from "../../../client/src/mpim.ts";
import { fieldOf, useHome, useShared } from "../state/use.ts";
import { Action, AskedAction, useAttempt, type DetailsProps } from "./action.tsx";
import { MemberList } from "./member-list.tsx";
import { focus } from "./parts.tsx";
import { PeoplePicker } from "./people-picker.tsx";
import { useMembers } from "./use-group.ts";

/** What the server takes, characters. */
export const GROUP_NAME = 128;

export function GroupDetails({ conversation, group, onClose }: DetailsProps) {
  const { t } = useShared();
  const { go } = useHome();
  const attempt = useAttempt();
  const [what, setWhat] = useState<"members" | "invite" | "rename">("members");
  const [chosen, setChosen] = useState<readonly User[]>([]);
  const { card, round } = group;
  const role = conversation.left ? undefined : card?.role;
  const members = useMembers(conversation, 1, round);
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
  // What was chosen here shows at once, and is withdrawn if it is refused.
  const [opened, setOpened] = useState<boolean>();
  const open = async (on: boolean): Promise<void> => {
    setOpened(on);
    if (!(await attempt(() => conversation.change({ join: on ? "open" : "invite" })))) setOpened(!on);
  };
  const end = async (action: () => Promise<unknown>): Promise<void> => {
    if (!(await attempt(action))) return;
    onClose();
    go({ at: "chats" });
  };
  if (what === "invite") {
    return (
      <div class="dialog-form">
        <PeoplePicker several chosen={chosen} onChoose={choose} leaveOut={members.members.map(({ user }) => user)} />
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
            <input
              ref={focus}
              name="name"
              defaultValue={conversation.name}
              required
              maxLength={GROUP_NAME}
              autocomplete="off"
            />
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
      {leads && card !== undefined && (
        <label class="check">
          <input
            type="checkbox"
            checked={opened ?? card.join === "open"}
            onChange={({ currentTarget }) => void open(currentTarget.checked)}
          />
          {t.anybodyJoins}
        </label>
      )}
      <section>
        <h3 class="list-title">{card === undefined ? t.people : t.members(card.members)}</h3>
        <MemberList conversation={conversation} role={role} {...members} />
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
