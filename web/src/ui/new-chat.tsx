/** Beginning a chat with somebody, or a group. */
import { useState } from "preact/hooks";
import type { User } from "../../../client/src/mpim.ts";
import { useHome, useShared } from "../state/use.ts";
import { refusalText } from "../view/refusal.ts";
import { Dialog } from "./dialog.tsx";
import { GROUP_NAME } from "./group-form.tsx";
import { Icon } from "./icon.tsx";
import { focus } from "./parts.tsx";
import { PeoplePicker } from "./people-picker.tsx";

export function NewChat({ onClose }: { readonly onClose: () => void }) {
  const { t } = useShared();
  const { chat, go, say } = useHome();
  const [group, setGroup] = useState(false);
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<readonly User[]>([]);
  const [busy, setBusy] = useState(false);
  const open = (cid: string): void => {
    onClose();
    go({ at: "chat", cid });
  };
  const choose = (user: User): void => {
    if (!group) void chat.direct(user.id).then(({ cid }) => open(cid));
    else
      setChosen((before) =>
        before.some(({ id }) => id === user.id) ? before.filter(({ id }) => id !== user.id) : [...before, user],
      );
  };
  const create = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      const made = await chat.createGroup({ name: name.trim(), members: chosen.map(({ id }) => id) });
      open(made.cid);
    } catch (error) {
      say(refusalText(error, t.errors));
      setBusy(false);
    }
  };
  return (
    <Dialog title={group ? t.newGroup : t.newChat} onClose={onClose}>
      {group ? (
        <form class="dialog-form" onSubmit={(event) => void create(event)}>
          <label class="field">
            <span class="field-label">{t.groupName}</span>
            <input
              ref={focus}
              value={name}
              required
              maxLength={GROUP_NAME}
              autocomplete="off"
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
          </label>
          <PeoplePicker several chosen={chosen} onChoose={choose} />
          <div class="dialog-actions">
            <button type="submit" class="button button-primary" disabled={busy || name.trim() === ""}>
              {busy ? t.working : t.createGroup}
            </button>
          </div>
        </form>
      ) : (
        <>
          <button type="button" class="person person-action" onClick={() => setGroup(true)}>
            <span class="avatar avatar-m avatar-sign">
              <Icon name="people" />
            </span>
            {t.newGroup}
          </button>
          <PeoplePicker several={false} chosen={[]} onChoose={choose} focus />
        </>
      )}
    </Dialog>
  );
}
