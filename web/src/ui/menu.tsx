/** A menu beside what opened it, in the browser's top layer: nothing cuts it off, a click elsewhere or Escape closes it. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icon.tsx";

export interface Choice {
  readonly label: string;
  readonly icon: IconName;
  readonly danger?: boolean;
  readonly onChoose: () => void;
}

const GAP = 6;
const EDGE = 8;

export function Menu({
  label,
  anchor,
  choices,
  emoji = [],
  onEmoji,
  emojiLabel,
  onClose,
}: {
  readonly label: string;
  readonly anchor: HTMLElement;
  readonly choices: readonly Choice[];
  readonly emoji?: readonly string[];
  readonly onEmoji?: (emoji: string) => void;
  readonly emojiLabel?: (emoji: string) => string;
  readonly onClose: () => void;
}) {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const menu = ref.current;
    if (menu === null) return;
    menu.showPopover();
    const beside = anchor.getBoundingClientRect();
    const { width, height } = menu.getBoundingClientRect();
    const below = beside.bottom + GAP + height < innerHeight;
    menu.style.top = `${Math.max(EDGE, below ? beside.bottom + GAP : beside.top - GAP - height)}px`;
    menu.style.left = `${Math.max(EDGE, Math.min(beside.right - width, innerWidth - width - EDGE))}px`;
    menu.querySelector("button")?.focus();
  }, [anchor]);
  useEffect(
    () => () => {
      if (anchor.isConnected) anchor.focus();
    },
    [anchor],
  );
  const choose = (action: () => void): void => {
    onClose();
    action();
  };
  const move = (event: KeyboardEvent): void => {
    const items = [...(ref.current?.querySelectorAll("button") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    const step = steps[event.key];
    const next = event.key === "Home" ? 0 : event.key === "End" ? items.length - 1 : step && at + step;
    if (event.key === "Tab") onClose();
    if (next === undefined) return;
    event.preventDefault();
    items.at(next % items.length)?.focus();
  };
  return (
    <div
      ref={ref}
      popover="auto"
      class="menu"
      role="menu"
      aria-label={label}
      onKeyDown={move}
      onToggle={(event) => {
        if ((event as unknown as ToggleEvent).newState === "closed") onClose();
      }}
    >
      {emoji.length > 0 && (
        <div class="menu-emoji" role="group">
          {emoji.map((one) => (
            <button
              key={one}
              type="button"
              role="menuitem"
              tabIndex={-1}
              aria-label={emojiLabel?.(one)}
              onClick={() => choose(() => onEmoji?.(one))}
            >
              {one}
            </button>
          ))}
        </div>
      )}
      {choices.map(({ label: text, icon, danger, onChoose }) => (
        <button
          key={text}
          type="button"
          role="menuitem"
          tabIndex={-1}
          class={danger === true ? "menu-item danger" : "menu-item"}
          onClick={() => choose(onChoose)}
        >
          <Icon name={icon} size={18} />
          {text}
        </button>
      ))}
    </div>
  );
}
