/**
 * The watermarks of one client in one group that go over its relay link. They are cumulative, so the newest says all: `read`
 * goes soon, `ack` waits for company, because each of them costs a relay with thousands of links as much as a multicast. Pure.
 */
import type { RelayUpFrame } from "../../protocol/link.ts";
import type { Cid } from "../../protocol/ids.ts";

/**
 * A new link is told again what happened in the seconds before the old one broke, ms: longer than an ack waits here, at the relay, and
 * at the group for the disk.
 */
const RECENT_MS = 12_000;
/** `read` goes at once, but not more often than this, ms. */
const READ_MS = 50;

export interface MarkTimes {
  /** How long an `ack` may wait, ms. */
  readonly wait: number;
  /** A device that has so many messages without having acknowledged them is told heads only (FLW1). */
  readonly window: number;
}

export class RelayMarks {
  readonly #cid: Cid;
  #ack = 0;
  #read = 0;
  /** What went over the link. */
  #toldAck = 0;
  #toldRead = 0;
  #toldAt = 0;
  #notedAt = 0;
  /** When they go; undefined while nothing waits. */
  due: number | undefined;

  constructor(cid: Cid) {
    this.#cid = cid;
  }

  note(frame: RelayUpFrame, times: MarkTimes, now: number): void {
    this.#notedAt = now;
    if (frame.t === "read") {
      if (frame.seq <= this.#read) return;
      this.#read = frame.seq;
      return this.#wait(this.#toldAt + READ_MS);
    }
    if (frame.seq <= Math.max(this.#ack, this.#read)) return;
    this.#ack = frame.seq;
    // The window must not fill while an ack waits.
    this.#wait(frame.seq - this.#toldAck >= times.window / 4 ? now : now + times.wait);
  }

  /** The frames that have not gone, which go now. */
  take(now: number): RelayUpFrame[] {
    this.due = undefined;
    const frames: RelayUpFrame[] = [];
    const [ack, read, cid] = [this.#ack, this.#read, this.#cid];
    // `read` includes `ack`.
    if (read > this.#toldRead) frames.push({ t: "read", cid, seq: read });
    if (ack > Math.max(this.#toldAck, read)) frames.push({ t: "ack", cid, seq: ack });
    this.#toldRead = read;
    this.#toldAck = Math.max(ack, read);
    if (frames.length > 0) this.#toldAt = now;
    return frames;
  }

  /** There is a new link; the old one broke at `brokenAt`, and its relay may have died before it had told anybody. */
  again(brokenAt: number): void {
    if (this.#notedAt < brokenAt - RECENT_MS) return;
    this.#toldRead = 0;
    this.#toldAck = 0;
    this.#wait(0);
  }

  /** What another way has to tell again, as there is no relay any more. */
  recent(now: number): RelayUpFrame[] {
    this.again(now);
    return this.take(now);
  }

  #wait(until: number): void {
    this.due = Math.min(this.due ?? Number.POSITIVE_INFINITY, until);
  }
}
