/** One conversation as one device of the model client has it: written from the protocol alone. */
import type { HeadView, MessageView } from "../../src/protocol/frames.ts";
import { shownOf, type Shown } from "./shown.ts";

export class Chat {
  /** Applied without a gap, by seq. */
  readonly #shown = new Map<number, Shown>();
  /** Came early: something before it is missing. */
  readonly #early = new Map<number, MessageView>();
  /** The first entry of the membership. */
  #first = 1;
  /** The greatest seq that this device was told of. */
  known = 0;
  /** Everything up to here is shown, or is not there for this user. */
  applied = 0;
  /** In a group: what the newest head said. */
  head: HeadView | undefined;
  /** The pull under way. */
  pulling: { req: string; at: number; after: number } | undefined;
  /** No pull before this time. */
  pullAt = 0;
  /** Acknowledged over the connection in use; read by this user, on any device. */
  acked = 0;
  read = 0;
  peerDelivered = 0;
  peerRead = 0;

  get shown(): readonly Shown[] {
    return [...this.#shown.values()];
  }

  at(seq: number): Shown | undefined {
    return this.#shown.get(seq);
  }

  /** The user is no member any more. */
  get left(): boolean {
    return this.head?.left === true;
  }

  /** Something is missing that the device knows of. */
  get hole(): boolean {
    return this.applied < this.known && !this.left;
  }

  /** The server tells the head of a group: a new membership begins at its first entry. */
  tell(head: HeadView): void {
    const { first = 1, left } = head;
    if (left !== true && this.#first !== first) {
      this.#first = first;
      this.#shown.clear();
      this.applied = 0;
      this.pulling = undefined;
      this.skip(first - 1);
    }
    this.head = head;
  }

  /** Entries up to here are not there for this user. */
  skip(seq: number): void {
    this.applied = Math.max(this.applied, seq);
    for (const early of this.#early.keys()) if (early <= this.applied) this.#early.delete(early);
    this.#drain();
  }

  /** Takes an entry, in whatever order it comes. False: it was had already (DUP3). */
  take(view: MessageView): boolean {
    const { seq = 0 } = view;
    this.known = Math.max(this.known, seq);
    if (seq <= this.applied) return false;
    this.#early.set(seq, view);
    this.#drain();
    return true;
  }

  #drain(): void {
    for (;;) {
      const next = this.#early.get(this.applied + 1);
      if (next === undefined) return;
      this.applied += 1;
      this.#early.delete(this.applied);
      this.#apply(next);
    }
  }

  #apply(view: MessageView): void {
    const { seq = 0, kind } = view;
    this.#shown.set(seq, shownOf(view));
    if (kind === "amend" && view.target !== undefined) this.#amend(view, view.target);
  }

  #amend({ seq = 0, from, op, body }: MessageView, target: number): void {
    const at = this.#shown.get(target);
    if (at === undefined || at.recalled) return;
    if (op === "recall") {
      this.#shown.set(target, { ...at, body: "", edited: 0, recalled: true, reactions: new Set() });
    } else if (op === "edit" && seq > at.edited && body !== undefined) {
      // A page may have shown a later edit already; and the text of an edit is erased when its message is recalled.
      this.#shown.set(target, { ...at, body: JSON.stringify(body), edited: seq });
    } else if (op === "react" || op === "unreact") {
      const reaction = `${(body as { emoji: string }).emoji} ${from}`;
      if (op === "react") at.reactions.add(reaction);
      else at.reactions.delete(reaction);
    }
  }
}
