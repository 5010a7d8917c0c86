/** Signing in and signing up. */
import { useId, useState } from "preact/hooks";
import { signIn, signUp, type Account } from "../state/login.ts";
import { fieldOf, useShared } from "../state/use.ts";
import { refusalText } from "../view/refusal.ts";
import { Icon } from "./icon.tsx";
import { focus } from "./parts.tsx";

export function SignIn({
  why,
  onDone,
}: {
  readonly why?: string | undefined;
  readonly onDone: (account: Account) => void;
}) {
  const { t, lang, change } = useShared();
  const [fresh, setFresh] = useState(false);
  const [busy, setBusy] = useState(false);
  const [notice, setNotice] = useState(why);
  const [refusal, setRefusal] = useState<string>();
  const id = useId();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const field = (name: string): string => fieldOf(event, name);
    const name = field("name").trim();
    const credentials = { username: field("username").trim(), password: field("password") };
    setBusy(true);
    setNotice(undefined);
    setRefusal(undefined);
    try {
      onDone(await (fresh ? signUp({ ...credentials, ...(name !== "" && { name }) }) : signIn(credentials)));
    } catch (error) {
      setRefusal(refusalText(error, t.errors, true));
      setBusy(false);
    }
  };
  return (
    <main class="welcome">
      <section class="welcome-card" aria-labelledby={`${id}-title`}>
        <img class="welcome-logo" src="/icon.svg" alt="" width={56} height={56} />
        <h1 id={`${id}-title`}>{fresh ? t.signUpTitle : t.signInTitle}</h1>
        <p class="welcome-tagline">{t.tagline}</p>
        {notice !== undefined && (
          <p class="welcome-notice" role="alert">
            <Icon name="info" />
            {notice}
          </p>
        )}
        <form onSubmit={(event) => void submit(event)} aria-describedby={`${id}-refusal`}>
          <label class="field">
            <span class="field-label">{t.username}</span>
            <input
              name="username"
              required
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              maxLength={64}
              // Not `autofocus`, which browsers heed once in a page's life: one may sign out, and in again.
              ref={focus}
            />
            {fresh && <span class="field-hint">{t.usernameHint}</span>}
          </label>
          {fresh && (
            <label class="field">
              <span class="field-label">{t.yourName}</span>
              <input name="name" autocomplete="name" maxLength={64} />
              <span class="field-hint">{t.yourNameHint}</span>
            </label>
          )}
          <label class="field">
            <span class="field-label">{t.password}</span>
            <input
              name="password"
              type="password"
              required
              minLength={fresh ? 8 : 1}
              autocomplete={fresh ? "new-password" : "current-password"}
            />
            {fresh && <span class="field-hint">{t.passwordHint}</span>}
          </label>
          <p id={`${id}-refusal`} class="refusal" role="alert">
            {refusal}
          </p>
          <button type="submit" class="button button-primary button-wide" disabled={busy}>
            {busy ? t.working : fresh ? t.signUp : t.signIn}
          </button>
        </form>
        <button
          type="button"
          class="link-button"
          onClick={() => {
            setFresh(!fresh);
            setRefusal(undefined);
          }}
        >
          {fresh ? t.toSignIn : t.toSignUp}
        </button>
      </section>
      <button
        type="button"
        class="link-button"
        lang={lang === "en" ? "zh-CN" : "en"}
        onClick={() => change({ lang: lang === "en" ? "zh" : "en" })}
      >
        {lang === "en" ? "中文" : "English"}
      </button>
    </main>
  );
}
