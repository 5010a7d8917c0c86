/**
 * FLW1 at its source: how many messages an object has handed over one link without an acknowledgement. A hibernation forgets
 * it, as it may: then nothing of a device is in memory.
 */
import { decodeDown, type UpFrame } from "../../src/protocol/link.ts";
import type { ServerFrame } from "../../src/protocol/frames.ts";
import type { Cid } from "../../src/protocol/ids.ts";
import { Violation } from "./violation.ts";

export class Window {
  readonly #device: string;
  readonly #size: number;
  readonly #acknowledged = new Map<Cid, number>();
  readonly #full: () => void;
  #handed: { readonly cid: Cid; readonly seq: number }[] = [];

  /** `full` is called whenever the window has become full. */
  constructor(device: string, size: number, full: () => void) {
    this.#full = full;
    this.#device = device;
    this.#size = size;
  }

  /** Text to the device. */
  down(text: string): void {
    const down = decodeDown(text);
    if (!("payload" in down) || !down.payload.includes('"t":"message"')) return;
    for (const frame of [JSON.parse(down.payload) as ServerFrame | ServerFrame[]].flat()) {
      if (frame.t === "message" && frame.seq !== undefined) this.#hand(frame.cid, frame.seq);
    }
  }

  /** Frames of the device. */
  up(frames: readonly UpFrame[]): void {
    for (const frame of frames) {
      if (frame.t !== "ack" && frame.t !== "read") continue;
      const { cid, seq } = frame;
      this.#acknowledged.set(cid, Math.max(this.#acknowledged.get(cid) ?? 0, seq));
      this.#handed = this.#handed.filter((handed) => handed.cid !== cid || handed.seq > seq);
    }
  }

  #hand(cid: Cid, seq: number): void {
    // It may have come by a page before, and be acknowledged.
    if (seq <= (this.#acknowledged.get(cid) ?? 0)) return;
    this.#handed.push({ cid, seq });
    if (this.#handed.length === this.#size) this.#full();
    if (this.#handed.length <= this.#size) return;
    throw new Violation("FLW1", `${this.#device}: ${this.#handed.length} handed, the window is ${this.#size}`);
  }
}
