/** A group: what is said about it, its members and their roles; inviting, editing, leaving, deleting. */
import { useState } from "preact/hooks";
import type { User } from "../../../client/src/mpim.ts";
import { useHome, useShared } from "../state/use.ts";
import { Action, AskedAction, useAttempt, type DetailsProps } from "./action.tsx";
import { GroupForm } from "./group-form.tsx";
import { MemberList } from "./member-list.tsx";
import { PeoplePicker } from "./people-picker.tsx";
import { useMembers } from "./use-group.ts";

export function GroupDetails({ conversation, group, onClose }: DetailsProps) {
  const { t } = useShared();
  const { go } = useHome();
  const attempt = useAttempt();
  const [what, setWhat] = useState<"members" | "invite" | "edit">("members");
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
  if (what === "edit" && card !== undefined)
    return <GroupForm conversation={conversation} card={card} onDone={() => setWhat("members")} />;
  return (
    <>
      {leads && (
        <div class="details-actions">
          <Action icon="userPlus" label={t.invite} onClick={() => setWhat("invite")} />
          {card !== undefined && <Action icon="edit" label={t.editGroup} onClick={() => setWhat("edit")} />}
        </div>
      )}
      {card !== undefined && <Said title={t.description} text={card.description} />}
      {card !== undefined && <Said title={t.announcement} text={card.announcement} />}
      {leads && card !== undefined && (
        <>
          <Rule
            label={t.anybodyJoins}
            on={card.join === "open"}
            change={(on) => conversation.change({ join: on ? "open" : "invite" })}
          />
          <Rule label={t.adminsWrite} on={card.read_only} change={(on) => conversation.change({ read_only: on })} />
        </>
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

function Said({ title, text }: { readonly title: string; readonly text: string }) {
  if (text === "") return null;
  return (
    <section>
      <h3 class="list-title">{title}</h3>
      <p class="details-text" dir="auto">
        {text}
      </p>
    </section>
  );
}

/** What was chosen here shows at once, and is withdrawn if it is refused. */
function Rule({
  label,
  on,
  change,
}: {
  readonly label: string;
  readonly on: boolean;
  readonly change: (on: boolean) => Promise<unknown>;
}) {
  const attempt = useAttempt();
  const [chosen, setChosen] = useState<boolean>();
  const choose = async (wanted: boolean): Promise<void> => {
    setChosen(wanted);
    if (!(await attempt(() => change(wanted)))) setChosen(undefined);
  };
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={chosen ?? on}
        onChange={({ currentTarget }) => void choose(currentTarget.checked)}
      />
      {label}
    </label>
  );
}
