/** What owner and admins say about a group: its name, what it is for, what is new. */
import type { Conversation, Group, GroupChange } from "../../../client/src/mpim.ts";
import { fieldOf, useShared } from "../state/use.ts";
import { useAttempt } from "./action.tsx";
import { focus } from "./parts.tsx";

/** What the server takes, characters. */
export const GROUP_NAME = 128;
const DESCRIPTION = 2_048;
const ANNOUNCEMENT = 4_096;

export function GroupForm({
  conversation,
  card,
  onDone,
}: {
  readonly conversation: Conversation;
  readonly card: Group;
  readonly onDone: () => void;
}) {
  const { t } = useShared();
  const attempt = useAttempt();
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const given = { name: fieldOf(event, "name").trim(), ...textsOf(event) };
    // What somebody else has changed meanwhile stays, unless it was changed here, too.
    const change: GroupChange = Object.fromEntries(
      Object.entries(given).filter(([key, value]) => value !== card[key as keyof typeof given]),
    );
    if (Object.keys(change).length === 0 || (await attempt(() => conversation.change(change)))) onDone();
  };
  return (
    <form class="dialog-form" onSubmit={(event) => void save(event)}>
      <label class="field">
        <span class="field-label">{t.groupName}</span>
        <input ref={focus} name="name" defaultValue={card.name} required maxLength={GROUP_NAME} autocomplete="off" />
      </label>
      <label class="field">
        <span class="field-label">{t.description}</span>
        <textarea name="description" defaultValue={card.description} rows={2} maxLength={DESCRIPTION} dir="auto" />
      </label>
      <label class="field">
        <span class="field-label">{t.announcement}</span>
        <textarea name="announcement" defaultValue={card.announcement} rows={3} maxLength={ANNOUNCEMENT} dir="auto" />
      </label>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onDone}>
          {t.cancel}
        </button>
        <button type="submit" class="button button-primary">
          {t.save}
        </button>
      </div>
    </form>
  );
}

/** Forms send line ends of their own. */
function textsOf(event: SubmitEvent): { readonly description: string; readonly announcement: string } {
  const text = (name: string): string => fieldOf(event, name).replaceAll("\r\n", "\n").trim();
  return { description: text("description"), announcement: text("announcement") };
}
