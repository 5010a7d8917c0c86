/** Where one is signed in, and signing out elsewhere. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useAsked, useHome, useShared } from "../state/use.ts";
import { placesOf, type Place } from "../view/places.ts";
import { refusalText } from "../view/refusal.ts";
import { listTime } from "../view/times.ts";
import { Confirm } from "./dialog.tsx";
import { Icon, type IconName } from "./icon.tsx";
import { IconButton, Spinner } from "./parts.tsx";

const ICONS: Readonly<Record<Place["kind"], IconName>> = { computer: "computer", phone: "phone", terminal: "terminal" };

type Doubt = { readonly what: "others" } | { readonly what: "one"; readonly place: Place };

export function Devices() {
  const { t } = useShared();
  const { chat, say } = useHome();
  const [asked, setAsked] = useState(0);
  const [doubt, setDoubt] = useState<Doubt>();
  const [busy, setBusy] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const id = useId();
  const list = useAsked(async () => placesOf(await chat.devices.list(), t.unnamedDevice), [chat, asked, t]);
  useEffect(() => {
    // Somebody looks again: what was signed out or closed meanwhile shows.
    const again = (): void => {
      if (document.visibilityState === "visible") setAsked((count) => count + 1);
    };
    addEventListener("focus", again);
    document.addEventListener("visibilitychange", again);
    const off = chat.on("synced", again);
    return () => {
      removeEventListener("focus", again);
      document.removeEventListener("visibilitychange", again);
      off();
    };
  }, [chat]);
  const end = async (action: () => Promise<void>, done: string): Promise<void> => {
    setBusy(true);
    try {
      await action();
      say(done);
      // The button that had the focus is going.
      heading.current?.focus();
    } catch (error) {
      say(refusalText(error, t.errors));
    }
    setBusy(false);
    setAsked((count) => count + 1);
  };
  const places = list.value ?? [];
  const others = places.filter(({ here }) => !here);
  return (
    <section class="card" aria-busy={busy}>
      <h2 id={id} class="list-title" ref={heading} tabIndex={-1}>
        {t.devices}
      </h2>
      {list.value === undefined &&
        (list.loading ? (
          <Spinner label={t.loading} />
        ) : (
          <>
            <p class="card-text">{refusalText(list.error, t.errors)}</p>
            <button type="button" class="button" onClick={() => setAsked(asked + 1)}>
              {t.retry}
            </button>
          </>
        ))}
      {places.length > 0 && (
        <ul class="places" aria-labelledby={id}>
          {places.map((place) => (
            <PlaceRow key={place.id} place={place} busy={busy} onEnd={() => setDoubt({ what: "one", place })} />
          ))}
        </ul>
      )}
      {others.length > 0 && (
        <button
          type="button"
          class="button button-danger button-wide"
          disabled={busy}
          onClick={() => setDoubt({ what: "others" })}
        >
          {t.signOutOthers}
        </button>
      )}
      {list.value !== undefined && others.length === 0 && <p class="card-text">{t.onlyHere}</p>}
      {doubt?.what === "one" && (
        <Confirm
          title={t.signOutPlaceTitle(doubt.place.name)}
          text={t.signOutPlaceText}
          yes={t.signOut}
          onYes={() => void end(async () => chat.devices.signOut(doubt.place.id), t.signedOutPlace(doubt.place.name))}
          onClose={() => setDoubt(undefined)}
        />
      )}
      {doubt?.what === "others" && (
        <Confirm
          title={t.signOutOthersTitle}
          text={t.signOutOthersText(others.length)}
          yes={t.signOut}
          onYes={() => void end(async () => chat.devices.signOutOthers(), t.signedOutOthers)}
          onClose={() => setDoubt(undefined)}
        />
      )}
    </section>
  );
}

function PlaceRow({
  place: { name, kind, here, online, lastSeen, open },
  busy,
  onEnd,
}: {
  readonly place: Place;
  readonly busy: boolean;
  readonly onEnd: () => void;
}) {
  const { t, lang } = useShared();
  const state = online ? t.online : t.lastSeen(listTime(lastSeen, Date.now(), lang));
  return (
    <li class={here ? "place place-here" : "place"}>
      <span class="place-sign" aria-hidden="true">
        <Icon name={ICONS[kind]} size={22} />
        {online && <span class="avatar-online" />}
      </span>
      <span class="place-text">
        <span class="place-name">{name}</span>
        <span class="place-note">
          {here && <span class="place-badge">{t.thisBrowser}</span>}
          <span>{open > 1 ? `${state} · ${t.tabs(open)}` : state}</span>
        </span>
      </span>
      {!here && (
        <IconButton
          icon="leave"
          label={t.signOutPlace(name, state)}
          class="icon-button-danger"
          disabled={busy}
          onClick={onEnd}
        />
      )}
    </li>
  );
}
