/** One conversation as one device of the model client has it: written from the protocol alone. */
import type { MessageView } from "../../src/protocol/frames.ts";
import type { Shown } from "./shown.ts";

export class Chat {
  /** Applied without a gap: entry n stands at n - 1. */
  readonly shown: Shown[] = [];
  /** Came early: something before it is missing. */
  readonly #early = new Map<number, MessageView>();
  /** The greatest seq that this device was told of. */
  known = 0;
  /** The pull under way. */
  pulling: { req: string; at: number } | undefined;
  /** No pull before this time. */
  pullAt = 0;
  /** Acknowledged over the connection in use; read by this user, on any device. */
  acked = 0;
  read = 0;
  peerDelivered = 0;
  peerRead = 0;

  get applied(): number {
    return this.shown.length;
  }

  /** Something is missing that the device knows of. */
  get hole(): boolean {
    return this.applied < this.known;
  }

  /** Takes an entry, in whatever order it comes. False: it was had already (DUP3). */
  take(view: MessageView): boolean {
    const { seq = 0 } = view;
    this.known = Math.max(this.known, seq);
    if (seq <= this.applied) return false;
    this.#early.set(seq, view);
    for (;;) {
      const next = this.#early.get(this.applied + 1);
      if (next === undefined) return true;
      this.#early.delete(this.applied + 1);
      this.#apply(next);
    }
  }

  #apply(view: MessageView): void {
    const { seq = 0, id, from, kind, body, edited, recalled = false, reactions = {} } = view;
    this.shown.push({
      seq,
      id,
      from,
      kind,
      body: kind === "amend" || recalled ? "" : JSON.stringify(body),
      edited: edited?.seq ?? 0,
      recalled,
      reactions: new Set(Object.entries(reactions).flatMap(([emoji, uids]) => uids.map((uid) => `${emoji} ${uid}`))),
    });
    if (kind === "amend" && view.target !== undefined) this.#amend(view, view.target);
  }

  #amend({ seq = 0, from, op, body }: MessageView, target: number): void {
    const at = this.shown[target - 1];
    if (at === undefined || at.recalled) return;
    if (op === "recall") {
      this.shown[target - 1] = { ...at, body: "", edited: 0, recalled: true, reactions: new Set() };
    } else if (op === "edit" && seq > at.edited && body !== undefined) {
      // A page may have shown a later edit already; and the text of an edit is erased when its message is recalled.
      this.shown[target - 1] = { ...at, body: JSON.stringify(body), edited: seq };
    } else if (op === "react" || op === "unreact") {
      const reaction = `${(body as { emoji: string }).emoji} ${from}`;
      if (op === "react") at.reactions.add(reaction);
      else at.reactions.delete(reaction);
    }
  }
}
