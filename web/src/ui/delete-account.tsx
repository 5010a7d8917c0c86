/** Deleting one's account: asked for by typing the username, since nothing brings it back. */
import { useState } from "preact/hooks";
import type { User } from "../../../client/src/mpim.ts";
import { useHome, useShared } from "../state/use.ts";
import { Dialog } from "./dialog.tsx";

export function DeleteAccount({ user, onClose }: { readonly user: User; readonly onClose: () => void }) {
  const { t } = useShared();
  const { deleteAccount } = useHome();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  // Who comes from elsewhere has no username.
  const wanted = user.username ?? user.id;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    await deleteAccount();
    setBusy(false);
  };
  return (
    <Dialog title={t.deleteAccountTitle} onClose={onClose} class="dialog-small">
      <form class="dialog-form" onSubmit={(event) => void submit(event)}>
        <p class="dialog-text">{t.deleteAccountText}</p>
        <label class="field">
          <span class="field-label">{t.deleteAccountType(wanted)}</span>
          <input
            value={typed}
            required
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            autofocus
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            {t.cancel}
          </button>
          <button
            type="submit"
            class="button button-danger"
            disabled={busy || typed.trim().toLowerCase() !== wanted.toLowerCase()}
          >
            {busy ? t.working : t.deleteAccount}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
