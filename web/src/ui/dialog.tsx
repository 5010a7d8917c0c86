/** Windows above the page: the browser keeps the focus inside, closes at Escape, and gives the focus back. */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { useShared } from "../state/use.ts";
import { IconButton } from "./parts.tsx";

export function Dialog({
  title,
  onClose,
  children,
  class: extra = "",
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly class?: string;
}) {
  const { t } = useShared();
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Closed while it is still in the page: only then does the browser give the focus back.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      class={`dialog ${extra}`}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => {
        // Beside the window, on what darkens the page.
        if (event.target === ref.current) onClose();
      }}
    >
      <div class="dialog-body">
        <div class="dialog-head">
          <h2 id={id}>{title}</h2>
          <IconButton icon="close" label={t.close} onClick={onClose} />
        </div>
        {children}
      </div>
    </dialog>
  );
}

export function Confirm({
  title,
  text,
  yes,
  onYes,
  onClose,
}: {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly onYes: () => void;
  readonly onClose: () => void;
}) {
  const { t } = useShared();
  return (
    <Dialog title={title} onClose={onClose} class="dialog-small">
      <p class="dialog-text">{text}</p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          {t.cancel}
        </button>
        <button
          type="button"
          class="button button-danger"
          onClick={() => {
            onClose();
            onYes();
          }}
        >
          {yes}
        </button>
      </div>
    </Dialog>
  );
}
