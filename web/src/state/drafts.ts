/** What somebody began to write in each chat and has not sent: theirs alone, and still there after a reload. */
import { draftsOf, withDraft } from "../view/drafts.ts";
import type { Shelf } from "./shelf.ts";

const PAUSE_MS = 400;

export class Drafts {
  readonly #shelf: Shelf;
  /** As this page knows them. */
  readonly #texts: Map<string, string>;
  /** Chats whose draft is not kept yet. */
  readonly #changed = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
    this.#texts = new Map(draftsOf(shelf.read("drafts")));
    // The page goes away before the pause is over.
    addEventListener("pagehide", this.#keep);
  }

  of(cid: string): string {
    return this.#texts.get(cid) ?? "";
  }

  set(cid: string, text: string): void {
    if (text === this.of(cid)) return;
    this.#texts.set(cid, text);
    this.#changed.add(cid);
    this.#timer ??= setTimeout(this.#keep, PAUSE_MS);
  }

  /** Nothing is kept from now on. */
  close(): void {
    removeEventListener("pagehide", this.#keep);
    clearTimeout(this.#timer);
    this.#changed.clear();
  }

  readonly #keep = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#changed.size === 0) return;
    // Other tabs keep theirs in the same place.
    let list = draftsOf(this.#shelf.read("drafts"));
    for (const cid of this.#changed) list = withDraft(list, cid, this.of(cid));
    this.#changed.clear();
    this.#shelf.write("drafts", list.length === 0 ? undefined : list);
  };
}
