/** What one may do with a chat, as buttons. */
import { useState } from "preact/hooks";
import type { Conversation, Outgoing } from "../../../client/src/mpim.ts";
import { useHome, useShared } from "../state/use.ts";
import { refusalText } from "../view/refusal.ts";
import { Confirm } from "./dialog.tsx";
import { Icon, type IconName } from "./icon.tsx";
import type { GroupCard } from "./use-group.ts";

export interface DetailsProps {
  readonly conversation: Conversation;
  readonly group: GroupCard;
  readonly onClose: () => void;
}

/** Runs something that may be refused, and says so if it is. */
export function useAttempt(): (action: () => Promise<unknown>) => Promise<boolean> {
  const { t } = useShared();
  const { say } = useHome();
  return async (action) => {
    try {
      await action();
      return true;
    } catch (error) {
      say(refusalText(error, t.errors));
      return false;
    }
  };
}

/** Sends something, and says so if it is refused, at once or when its turn has come. `onRefused`: it is refused in its turn. */
export function useSent(): (action: () => Outgoing, onRefused?: () => void) => void {
  const { t } = useShared();
  const { say } = useHome();
  return (action, onRefused) => {
    const refused = (error: unknown): void => say(refusalText(error, t.errors));
    try {
      action()
        .sent()
        .catch((error: unknown) => {
          // The chat was closed: nothing was refused.
          if ((error as { code?: unknown } | undefined)?.code === "closed") return;
          refused(error);
          onRefused?.();
        });
    } catch (error) {
      refused(error);
    }
  };
}

export function Action({
  icon,
  label,
  danger,
  pressed,
  onClick,
}: {
  readonly icon: IconName;
  readonly label: string;
  readonly danger?: boolean;
  readonly pressed?: boolean;
  readonly onClick: () => void;
}) {
  return (
    <button
      type="button"
      class={danger === true ? "action danger" : pressed === true ? "action action-on" : "action"}
      onClick={onClick}
    >
      <Icon name={icon} />
      {label}
    </button>
  );
}

/** An action that asks once more. */
export function AskedAction({
  icon,
  label,
  title,
  text,
  onYes,
}: {
  readonly icon: IconName;
  readonly label: string;
  readonly title: string;
  readonly text: string;
  readonly onYes: () => void;
}) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Action icon={icon} label={label} danger onClick={() => setAsking(true)} />
      {asking && <Confirm title={title} text={text} yes={label} onYes={onYes} onClose={() => setAsking(false)} />}
    </>
  );
}
