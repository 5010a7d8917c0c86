/** Who is signed in, and how the page looks; the rest follows. */
import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";
import type { Texts } from "../i18n/en.ts";
import { forget, goOn, signOut, whoIsHere, type Account } from "../state/login.ts";
import { applySettings, loadSettings, saveSettings, TEXTS, type Settings } from "../state/settings.ts";
import { SharedContext, type Shared } from "../state/use.ts";
import { Home } from "./home.tsx";
import { Spinner } from "./parts.tsx";
import { SignIn } from "./sign-in.tsx";

type State =
  | { readonly at: "starting" }
  | { readonly at: "leaving" }
  | { readonly at: "out"; readonly why?: string | undefined }
  | { readonly at: "in"; readonly account: Account };

export function App() {
  const [settings, setSettings] = useState(loadSettings);
  const [state, setState] = useState<State>({ at: "starting" });
  const shared = useMemo<Shared>(
    () => ({
      t: TEXTS[settings.lang],
      lang: settings.lang,
      settings,
      change: (change: Partial<Settings>) => setSettings((before) => ({ ...before, ...change })),
    }),
    [settings],
  );
  const { t } = shared;
  // With the texts: a screen reader is told of their language before it reads them.
  useLayoutEffect(() => {
    applySettings(settings);
    saveSettings(settings);
  }, [settings]);
  const start = (): void => {
    setState({ at: "starting" });
    goOn().then(
      (account) => setState(account === undefined ? { at: "out" } : { at: "in", account }),
      (error: unknown) => {
        const ended = (error as { code?: unknown }).code === "unauthenticated";
        setState({ at: "out", why: ended ? t.signedOut : t.errors.offline });
      },
    );
  };
  // Once.
  useEffect(start, []);
  const leave = async (account: Account, asked: boolean): Promise<void> => {
    setState({ at: "leaving" });
    history.replaceState(undefined, "", "/");
    const why = await left(account, asked, t);
    // Signed out in another tab and in again: the same somebody goes on with the new login.
    if (why === "again") start();
    else setState({ at: "out", why });
  };
  return (
    <SharedContext.Provider value={shared}>
      {(state.at === "starting" || state.at === "leaving") && (
        <main class="starting">
          <Spinner label={state.at === "starting" ? t.starting : t.working} />
        </main>
      )}
      {state.at === "out" && <SignIn why={state.why} onDone={(account) => setState({ at: "in", account })} />}
      {state.at === "in" && (
        <Home key={state.account.user} account={state.account} onOut={(asked) => void leave(state.account, asked)} />
      )}
    </SharedContext.Provider>
  );
}

/** Takes an account's data away. What to say about it; `again`: its user has a newer login here, which keeps them. */
async function left(account: Account, asked: boolean, t: Texts): Promise<string | undefined> {
  const here = await whoIsHere(account);
  if (asked) return (await signOut(account)) ? undefined : t.signedOutUntold;
  if (here === "same") {
    await account.chat.close().catch(() => {});
    return "again";
  }
  if (here === "nobody") await forget(account);
  // Nobody has the tokens of the first login any more: without this it would go on until it runs out.
  else await signOut(account);
  return here === "nobody" ? t.signedOut : t.otherAccount;
}
