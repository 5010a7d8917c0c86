/** Which members had nobody connected lately: what is kept nowhere need not be offered to them. */
import type { Uid } from "../../protocol/ids.ts";

/** So long an answer "nobody is connected" is believed, ms. */
const BELIEVED_MS = 5_000;

export class Audience {
  readonly #away = new Map<Uid, number>();

  /** A member's object said whether a device is connected. */
  heard(uid: Uid, online: boolean, now: number): void {
    if (online) this.#away.delete(uid);
    else this.#away.set(uid, now);
  }

  /** Whether something of the moment is worth a call. */
  interested(uid: Uid, now: number): boolean {
    const since = this.#away.get(uid);
    if (since === undefined) return true;
    if (now - since < BELIEVED_MS) return false;
    this.#away.delete(uid);
    return true;
  }
}
