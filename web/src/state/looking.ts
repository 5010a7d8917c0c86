/** Whether anybody looks at any tab of this browser that is signed in as the same user. */

/** Locks are seen by all tabs, and go with theirs; where there are none, each tab speaks for itself. */
const { locks } = navigator as Partial<Pick<Navigator, "locks">>;

/** This page is in front of somebody. */
function here(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

/** Tells the other tabs whenever somebody looks at this one, until the function that is returned is called. */
export function shareLooking(user: string): () => void {
  let release: (() => void) | undefined;
  const look = (): void => {
    if (!here()) {
      release?.();
      release = undefined;
    } else if (release === undefined && locks !== undefined) {
      const away = new Promise<void>((resolve) => (release = resolve));
      void locks.request(nameOf(user), { mode: "shared" }, () => away).catch(() => {});
    }
  };
  const over = new AbortController();
  addEventListener("focus", look, over);
  addEventListener("blur", look, over);
  document.addEventListener("visibilitychange", look, over);
  look();
  return () => {
    over.abort();
    release?.();
  };
}

/** Somebody looks at this tab, or at another one. */
export async function isLooking(user: string): Promise<boolean> {
  if (here() || locks === undefined) return here();
  const { held = [] } = await locks.query();
  return held.some(({ name }) => name === nameOf(user));
}

function nameOf(user: string): string {
  return `mpim:web:${user}:looking`;
}
