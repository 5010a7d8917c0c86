/**
 * A client's watermarks on their way to the user's object. They go at once, but not more often than every so often: what comes
 * meanwhile goes together, or with the next frame that goes anyway. A message into an object costs it far more than the few
 * words in it. Pure.
 */
import type { ClientFrameOf } from "../../protocol/frames.ts";
import { Lately } from "./lately.ts";

type Mark = ClientFrameOf<"ack" | "read">;

/** How often they go, ms, unless so many wait. */
const EVERY_MS = 50;
const WAITING = 64;
/** What happened in the last seconds is told again over a new link: the object may have died before it was written. */
export const RECENT_MS = 5000;
export const RECENT_CHATS = 64;

export class Watermarks {
  readonly #buffer: number;
  #waiting: Mark[] = [];
  #wentAt = 0;
  /** The newest by sort and conversation. */
  readonly #recent = new Lately<Mark>();

  /** `buffer`: how many are kept while there is no link. */
  constructor(buffer: number) {
    this.#buffer = buffer;
  }

  /** `linked` false: it is kept until there is a link. */
  add(mark: Mark, linked: boolean, now: number): void {
    const most = linked ? RECENT_CHATS : this.#buffer;
    this.#recent.note(`${mark.t} ${mark.cid}`, mark, now, linked ? now - RECENT_MS : 0, most);
    this.#waiting.push(mark);
  }

  due(now: number): boolean {
    if (this.#waiting.length === 0) return false;
    return this.#waiting.length >= WAITING || now >= this.#wentAt + EVERY_MS;
  }

  nextDue(): number {
    return this.#waiting.length === 0 ? Number.POSITIVE_INFINITY : this.#wentAt + EVERY_MS;
  }

  /** Those that wait, which go now. */
  take(now: number): Mark[] {
    if (this.#waiting.length === 0) return [];
    const marks = this.#waiting;
    this.#waiting = [];
    this.#wentAt = now;
    return marks;
  }

  /** What a new link has to be told again; they count as told now. */
  again(since: number, now: number): Mark[] {
    return this.#recent.again(since, now);
  }
}
