/** Who is signed in, and how the page looks; the rest follows. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { goOn, type Account } from "../state/login.ts";
import { applySettings, loadSettings, saveSettings, TEXTS, type Settings } from "../state/settings.ts";
import { SharedContext, type Shared } from "../state/use.ts";
import { Home } from "./home.tsx";
import { Spinner } from "./parts.tsx";
import { SignIn } from "./sign-in.tsx";

type State =
  | { readonly at: "starting" }
  | { readonly at: "out"; readonly why?: string }
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
  useEffect(() => {
    applySettings(settings);
    saveSettings(settings);
  }, [settings]);
  useEffect(() => {
    goOn().then(
      (account) => setState(account === undefined ? { at: "out" } : { at: "in", account }),
      (error: unknown) => {
        const ended = (error as { code?: unknown }).code === "unauthenticated";
        setState({ at: "out", why: ended ? shared.t.signedOut : shared.t.errors.offline });
      },
    );
    // Once, at the start.
  }, []);
  return (
    <SharedContext.Provider value={shared}>
      {state.at === "starting" && (
        <main class="starting">
          <Spinner label={shared.t.starting} />
        </main>
      )}
      {state.at === "out" && <SignIn why={state.why} onDone={(account) => setState({ at: "in", account })} />}
      {state.at === "in" && (
        <Home
          key={state.account.session.user.id}
          account={state.account}
          onOut={(ended) => setState(ended ? { at: "out", why: shared.t.signedOut } : { at: "out" })}
        />
      )}
    </SharedContext.Provider>
  );
}
