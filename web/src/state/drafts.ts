/** What somebody began to write in each chat and has not sent: theirs alone, and still there after a reload. */
import { draftsOf, withDraft, type Draft } from "../view/drafts.ts";
import type { Shelf } from "./shelf.ts";

const PAUSE_MS = 400;
const NONE: Draft = { text: "" };

export class Drafts {
  readonly #shelf: Shelf;
  /** As this page knows them. */
  readonly #drafts: Map<string, Draft>;
  /** Chats whose draft is not kept yet. */
  readonly #changed = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
    this.#drafts = new Map(draftsOf(shelf.read("drafts")));
    // The page goes away before the pause is over.
    addEventListener("pagehide", this.#keep);
  }

  of(cid: string): Draft {
    return this.#drafts.get(cid) ?? NONE;
  }

  /** One without a text: there is none. What is no change is not written: another tab may know better. */
  set(cid: string, draft: Draft): void {
    const before = this.of(cid);
    const same = draft.text === before.text && draft.reply === before.reply;
    if (draft.text === "" ? before === NONE : same && (draft.people?.length ?? 0) === (before.people?.length ?? 0))
      return;
    if (draft.text === "") this.#drafts.delete(cid);
    else this.#drafts.set(cid, draft);
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
