/** What a device has been handed without acknowledging it (FLW1), over all conversations of one link. Pure. */
import type { Cid } from "../protocol/ids.ts";

interface Handed {
  /** The newest seq handed, and how many were handed and not acknowledged. */
  last: number;
  count: number;
}

export class Window {
  readonly #handed = new Map<Cid, Handed>();
  #unacknowledged = 0;

  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  /** A message was handed to the device. */
  hand(cid: Cid, seq: number): void {
    const handed = this.#handed.get(cid);
    if (handed === undefined) this.#handed.set(cid, { last: seq, count: 1 });
    else {
      handed.last = seq;
      handed.count += 1;
    }
    this.#unacknowledged += 1;
  }

  /** The device has everything up to `seq`. What was never handed changes nothing. */
  acknowledge(cid: Cid, seq: number): void {
    const handed = this.#handed.get(cid);
    if (handed === undefined) return;
    const left = Math.max(0, Math.min(handed.count, handed.last - seq));
    this.#unacknowledged -= handed.count - left;
    if (left === 0) this.#handed.delete(cid);
    else handed.count = left;
  }
}
