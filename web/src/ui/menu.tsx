/** A menu beside what opened it, in the browser's top layer: nothing cuts it off, a click elsewhere or Escape closes it. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { EMOJI } from "../view/emoji.ts";
import { Icon, type IconName } from "./icon.tsx";

export interface Choice {
  readonly label: string;
  readonly icon: IconName;
  readonly danger?: boolean;
  readonly onChoose: () => void;
}

/** Pictures to choose from. */
export interface Emoji {
  /** Those that are there at once; all others after one more click. None: all at once. */
  readonly quick: readonly string[];
  readonly labelOf: (emoji: string) => string;
  readonly more: string;
  readonly onChoose: (emoji: string) => void;
}

const GAP = 6;
const EDGE = 8;
/** Pictures in a line; the style says so, too. */
const LINE = 8;

export function Menu({
  label,
  anchor,
  choices,
  emoji,
  back = anchor,
  onClose,
}: {
  readonly label: string;
  readonly anchor: HTMLElement;
  readonly choices: readonly Choice[];
  readonly emoji?: Emoji | undefined;
  /** Has the focus afterwards. */
  readonly back?: HTMLElement;
  readonly onClose: () => void;
}) {
  const ref = useRef<HTMLDivElement>(null);
  const [all, setAll] = useState(emoji?.quick.length === 0);
  useLayoutEffect(() => {
    const menu = ref.current;
    if (menu === null) return;
    if (!menu.matches(":popover-open")) menu.showPopover();
    const beside = anchor.getBoundingClientRect();
    const { width, height } = menu.getBoundingClientRect();
    const below = beside.bottom + GAP + height < innerHeight;
    menu.style.top = `${Math.max(EDGE, below ? beside.bottom + GAP : beside.top - GAP - height)}px`;
    menu.style.left = `${Math.max(EDGE, Math.min(beside.right - width, innerWidth - width - EDGE))}px`;
    menu.querySelector("button")?.focus();
  }, [anchor, all]);
  useLayoutEffect(() => {
    const menu = ref.current;
    return () => {
      // What was chosen may have put the focus elsewhere: into the field where one writes, for instance.
      const at = document.activeElement;
      const lost = at === null || at === document.body || menu?.contains(at) === true;
      if (lost && back.isConnected) back.focus();
    };
  }, [back]);
  const choose = (action: () => void): void => {
    // A window that is opened now gives the focus back to what has it before.
    back.focus();
    onClose();
    action();
  };
  const move = (event: KeyboardEvent): void => {
    const items = [...(ref.current?.querySelectorAll("button") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    // In a grid of pictures up and down are a line away.
    const line = all && document.activeElement?.closest(".menu-emoji") !== null ? LINE : 1;
    const steps: Readonly<Record<string, number>> = { ArrowDown: line, ArrowRight: 1, ArrowUp: -line, ArrowLeft: -1 };
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
      {emoji !== undefined && (
        <div class={all ? "menu-emoji menu-emoji-all" : "menu-emoji"} role="group">
          {(all ? EMOJI : emoji.quick).map((one) => (
            <button
              key={one}
              type="button"
              role="menuitem"
              tabIndex={-1}
              aria-label={emoji.labelOf(one)}
              onClick={() => choose(() => emoji.onChoose(one))}
            >
              {one}
            </button>
          ))}
          {!all && (
            <button type="button" role="menuitem" tabIndex={-1} aria-label={emoji.more} onClick={() => setAll(true)}>
              <Icon name="plus" />
            </button>
          )}
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
