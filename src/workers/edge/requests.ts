/** What a client has asked and was not answered: it is asked again over a new link (deduplication makes it safe). Pure. */
import { keyOf, type UpFrame } from "../../protocol/link.ts";

export class Requests {
  readonly #limit: number;
  /** By key, with how many answers the client is owed: it may ask the same again before it was answered. */
  readonly #open = new Map<string, { frame: UpFrame; owed: number }>();
  /** Frames without an answer that came while there was no link. */
  #waiting: UpFrame[] = [];

  /** `limit`: how many of each sort are kept. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Keeps a frame until it is answered, if it is one that is. False: there are too many. */
  add(frame: UpFrame): boolean {
    const key = keyOf(frame);
    if (key === undefined) return true;
    if (this.#open.size >= this.#limit) return false;
    this.#open.set(key, { frame, owed: (this.#open.get(key)?.owed ?? 0) + 1 });
    return true;
  }

  has(key: string): boolean {
    return this.#open.has(key);
  }

  /** False: it was not asked, or is answered already. */
  answered(key: string): boolean {
    const open = this.#open.get(key);
    if (open === undefined) return false;
    open.owed -= 1;
    if (open.owed === 0) this.#open.delete(key);
    return true;
  }

  /** There is no link: keeps what is not kept already. */
  wait(frames: readonly UpFrame[]): void {
    for (const frame of frames) {
      if (keyOf(frame) === undefined && this.#waiting.length < this.#limit) this.#waiting.push(frame);
    }
  }

  /** What a new link is told. */
  again(): UpFrame[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    const open = [...this.#open.values()];
    // Each is asked once.
    for (const request of open) request.owed = 1;
    return [...open.map(({ frame }) => frame), ...waiting];
  }
}
