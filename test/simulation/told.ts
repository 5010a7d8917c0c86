/**
 * What the server has told one device of: no message may come before the device knows that there is something before it
 * (ORD2: a hole is announced, never silent).
 */
import type { ServerFrame } from "../../src/protocol/frames.ts";
import type { Cid } from "../../src/protocol/ids.ts";
import { Violation } from "./violation.ts";

interface Told {
  /** Everything up to here was handed over or announced. */
  upTo: number;
  /** Own entries beyond it, known by their `sent`. */
  readonly own: Set<number>;
}

export class ToldBefore {
  readonly #device: string;
  readonly #told = new Map<Cid, Told>();
  /** False while the connection has asked for no heads yet: then nothing is announced to it. */
  asked = true;

  constructor(device: string) {
    this.#device = device;
  }

  /** A frame arrived. */
  hears(frame: ServerFrame): void {
    if (frame.t === "heads") for (const { cid, head } of frame.heads) this.#upTo(cid, head);
    else if (frame.t === "synced") this.asked = true;
    else if (frame.t === "sent") {
      const told = this.#of(frame.cid);
      told.own.add(frame.seq);
      this.#upTo(frame.cid, told.upTo);
    } else if (frame.t === "message" && frame.seq !== undefined) {
      const { upTo } = this.#of(frame.cid);
      if (frame.seq > upTo + 1 && this.asked) {
        throw new Violation("ORD2", `${this.#device}: ${frame.cid}/${frame.seq}, told of no more than ${upTo} before`);
      }
      this.#upTo(frame.cid, frame.seq);
    }
  }

  #upTo(cid: Cid, seq: number): void {
    const told = this.#of(cid);
    told.upTo = Math.max(told.upTo, seq);
    while (told.own.delete(told.upTo + 1)) told.upTo += 1;
  }

  #of(cid: Cid): Told {
    let told = this.#told.get(cid);
    if (told === undefined) {
      told = { upTo: 0, own: new Set() };
      this.#told.set(cid, told);
    }
    return told;
  }
}
