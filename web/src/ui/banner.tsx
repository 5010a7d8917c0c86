/** Says when there is no connection, and for how much it matters; or that nothing is kept here. */
import { useEffect, useState } from "preact/hooks";
import { useChats, useHome, useShared } from "../state/use.ts";
import { Icon } from "./icon.tsx";

/** A break that is over sooner is not worth a word, ms. */
const PATIENCE_MS = 1_200;

/** `stored`: what is written here outlives the page. */
export function Banner({ stored }: { readonly stored: boolean }) {
  const { t } = useShared();
  const { chat } = useHome();
  // How many messages wait is told with them.
  useChats();
  const { state, error } = chat.connection;
  const [late, setLate] = useState(false);
  const network = useNetwork();
  // A network that is gone is known before the connection is.
  const broken = state !== "online" || !network;
  useEffect(() => {
    setLate(false);
    if (!broken) return undefined;
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [broken]);
  const shown = broken && (late || state === "closed" || !network);
  const text =
    state === "closed"
      ? error?.code === "replaced"
        ? t.replacedBanner
        : t.closedBanner
      : state !== "offline" && network
        ? t.connectingBanner
        : t.offlineBanner;
  return (
    <div class="banner-place" role="status">
      {shown && (
        <div class="banner">
          <span class="banner-dot" aria-hidden="true" />
          <span class="banner-text">
            {text}
            {chat.outbox > 0 && <strong> {t.waitingOutbox(chat.outbox)}</strong>}
          </span>
          {(state === "offline" || state === "closed") && network && (
            <button
              type="button"
              class="banner-button"
              onClick={() => (state === "closed" ? location.reload() : chat.reconnect())}
            >
              {t.reconnect}
            </button>
          )}
        </div>
      )}
      {!shown && !stored && (
        <div class="banner">
          <Icon name="info" size={18} />
          <span class="banner-text">{t.storeBanner}</span>
        </div>
      )}
    </div>
  );
}

function useNetwork(): boolean {
  const [network, setNetwork] = useState(navigator.onLine);
  useEffect(() => {
    const changed = (): void => setNetwork(navigator.onLine);
    for (const name of ["online", "offline"]) addEventListener(name, changed);
    return () => {
      for (const name of ["online", "offline"]) removeEventListener(name, changed);
    };
  }, []);
  return network;
}
