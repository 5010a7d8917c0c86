/** Small parts that many screens use. */
import type { ComponentChildren } from "preact";
import { colourOf, initials } from "../view/avatar.ts";
import { visible } from "../view/name.ts";
import { Icon, type IconName } from "./icon.tsx";

export function Avatar({
  id,
  name,
  size = "m",
  online,
}: {
  readonly id: string;
  readonly name: string;
  readonly size?: "s" | "m" | "l";
  readonly online?: boolean | undefined;
}) {
  return (
    <span class={`avatar avatar-${size} tone-${colourOf(id)}`} aria-hidden="true">
      {id.startsWith("s.") ? <Icon name="bell" /> : initials(visible(name))}
      {online === true && <span class="avatar-online" />}
    </span>
  );
}

/** A button that is a sign only; `label` says what it does. */
export function IconButton({
  icon,
  label,
  onClick,
  pressed,
  expanded,
  disabled,
  tabIndex,
  class: extra = "",
}: {
  readonly icon: IconName;
  readonly label: string;
  readonly onClick: (event: MouseEvent) => void;
  readonly pressed?: boolean;
  readonly expanded?: boolean;
  readonly disabled?: boolean;
  readonly tabIndex?: number;
  readonly class?: string;
}) {
  return (
    <button
      type="button"
      class={`icon-button ${extra}`}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      aria-expanded={expanded}
      disabled={disabled}
      tabIndex={tabIndex}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

/** What stands where nothing is yet. */
export function Empty({
  icon,
  title,
  hint,
  children,
}: {
  readonly icon: IconName;
  readonly title: string;
  readonly hint?: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} size={28} />
      </span>
      <p class="empty-title">{title}</p>
      {hint !== undefined && <p class="empty-hint">{hint}</p>}
      {children}
    </div>
  );
}

export function Spinner({ label }: { readonly label: string }) {
  return (
    <p class="spinner" role="status">
      <span class="spinner-ring" aria-hidden="true" />
      {label}
    </p>
  );
}

/** As `ref` of a field: it has the focus as soon as it is there. */
export function focus(field: HTMLInputElement | null): void {
  field?.focus();
}
