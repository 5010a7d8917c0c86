/** One's profile, how the page looks, this device, signing out. */
import { useState } from "preact/hooks";
import { deviceName } from "../state/login.ts";
import { canNotify, mayNotify } from "../state/notices.ts";
import type { Theme } from "../state/settings.ts";
import { fieldOf, useAsked, useHome, useShared } from "../state/use.ts";
import { refusalText } from "../view/refusal.ts";
import type { Lang } from "../view/times.ts";
import { Devices } from "./devices.tsx";
import { DeleteAccount } from "./delete-account.tsx";
import { Confirm } from "./dialog.tsx";
import { Icon } from "./icon.tsx";
import { Avatar } from "./parts.tsx";
import { nameOf } from "./people-picker.tsx";

export function SettingsPane() {
  const { t, settings, change } = useShared();
  const { account, chat, people, say, signOut } = useHome();
  const [leaving, setLeaving] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [renamed, setRenamed] = useState(0);
  const me = useAsked(() => chat.users.me(), [chat, renamed]);
  const user = me.value ?? account.session.tokens?.user;
  const notify = async (on: boolean): Promise<void> => {
    const may = !on || (await mayNotify());
    if (!may) say(t.noticesRefused);
    change({ notices: on && may });
  };
  const rename = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const name = fieldOf(event, "name").trim();
    try {
      people.learn([await chat.users.change({ name })]);
      setRenamed(renamed + 1);
      say(t.saved);
    } catch (error) {
      say(refusalText(error, t.errors));
    }
  };
  return (
    <div class="settings">
      {user !== undefined && (
        <section class="card">
          <h2 class="list-title">{t.profile}</h2>
          <div class="profile">
            <Avatar id={user.id} name={user.name} size="l" />
            <span class="person-text">
              <span class="person-name">{nameOf(user, t)}</span>
              <span class="person-note">{user.username === null ? "" : `@${user.username}`}</span>
            </span>
          </div>
          <form class="row-form" onSubmit={(event) => void rename(event)}>
            <label class="field">
              <span class="field-label">{t.yourName}</span>
              <input key={user.name} name="name" defaultValue={user.name} required maxLength={64} autocomplete="name" />
            </label>
            <button type="submit" class="button">
              {t.save}
            </button>
          </form>
        </section>
      )}
      <section class="card">
        <h2 class="list-title">{t.appearance}</h2>
        <Choice
          legend={t.theme}
          name="theme"
          value={settings.theme}
          options={t.themes}
          onChange={(theme) => change({ theme: theme as Theme })}
        />
        <Choice
          legend={t.language}
          name="lang"
          value={settings.lang}
          options={{ en: "English", zh: "中文" }}
          onChange={(lang) => change({ lang: lang as Lang })}
        />
      </section>
      {canNotify() && (
        <section class="card">
          <h2 class="list-title">{t.notifications}</h2>
          <label class="check">
            <input
              type="checkbox"
              checked={settings.notices && Notification.permission === "granted"}
              onChange={({ currentTarget }) => {
                const { checked } = currentTarget;
                // It is on when its user has said yes.
                currentTarget.checked = settings.notices;
                void notify(checked);
              }}
            />
            {t.noticesOn}
          </label>
          <p class="card-text">{t.noticesText}</p>
        </section>
      )}
      <Devices />
      <section class="card">
        <h2 class="list-title">{t.device}</h2>
        <p class="card-text">
          {t.deviceName}: <strong>{deviceName()}</strong>
        </p>
        <p class="card-text">{t.deviceText}</p>
        <button type="button" class="button button-danger button-wide" onClick={() => setLeaving(true)}>
          <Icon name="leave" size={18} />
          {t.signOut}
        </button>
      </section>
      {user !== undefined && (
        <button type="button" class="button button-danger button-wide" onClick={() => setDeleting(true)}>
          <Icon name="trash" size={18} />
          {t.deleteAccount}
        </button>
      )}
      {deleting && user !== undefined && <DeleteAccount user={user} onClose={() => setDeleting(false)} />}
      {leaving && (
        <Confirm
          title={t.signOutTitle}
          text={t.signOutText}
          yes={t.signOut}
          onYes={signOut}
          onClose={() => setLeaving(false)}
        />
      )}
    </div>
  );
}

function Choice({
  legend,
  name,
  value,
  options,
  onChange,
}: {
  readonly legend: string;
  readonly name: string;
  readonly value: string;
  readonly options: Readonly<Record<string, string>>;
  readonly onChange: (value: string) => void;
}) {
  return (
    <fieldset class="choice">
      <legend class="field-label">{legend}</legend>
      <div class="choice-options">
        {Object.entries(options).map(([key, label]) => (
          <label key={key} class="choice-option" lang={name === "lang" ? (key === "zh" ? "zh-CN" : "en") : undefined}>
            <input type="radio" name={name} value={key} checked={key === value} onChange={() => onChange(key)} />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
