/** How much one may write: frames a second, and frames and bytes of one WebSocket message. Pure. */
import type { ClientFrame, Limits } from "../wire.ts";

/** Less than what is allowed, since the server's clock and ours differ. */
const RATE_SHARE = 0.9;
/** What was delayed on its way arrives at once, on top of what may be written at once: the server's burst has to hold both. */
const BURST_SHARE = 0.5;
const FLYING_SHARE = 0.4;
/** Long answers cost the connection one frame for so many characters. */
const CHARACTERS_PER_TOKEN = 8192;
/** Below what a server may allow at the least. */
const CAUTIOUS: Limits = { frame: 65_536, batch: 128, body: 16_384, rate: 50, burst: 200, window: 512 };

export class Pace {
  limits: Limits = CAUTIOUS;
  #tokens = 0;
  #at = 0;

  /** A connection begins: its allowance is whole. */
  begin(limits: Limits, now: number): void {
    this.limits = limits;
    this.#tokens = this.#most;
    this.#at = now;
  }

  /** Frames that may be written now. */
  room(now: number): number {
    const { rate } = this.limits;
    this.#tokens = Math.min(this.#most, this.#tokens + ((now - this.#at) / 1000) * rate * RATE_SHARE);
    this.#at = now;
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** What may be written at once; of the smallest burst, too, one frame. */
  get #most(): number {
    return Math.max(1, this.limits.burst * BURST_SHARE);
  }

  /** Messages that may be without an answer at a time. */
  get flying(): number {
    return Math.max(1, Math.floor(this.limits.burst * FLYING_SHARE));
  }

  spend(frames: number): void {
    this.#tokens -= frames;
  }

  /** An answer of so many characters came. */
  answered(characters: number): void {
    this.#tokens -= characters / CHARACTERS_PER_TOKEN;
  }

  /** When there is room again, when there is none. */
  nextTick(now: number): number {
    const missing = 1 - this.#tokens;
    return missing <= 0 ? now : now + Math.ceil((missing / (this.limits.rate * RATE_SHARE)) * 1000);
  }

  /** Frames as WebSocket messages, as few as the limits allow. `left`: frames that are over the limit by themselves. */
  pack(frames: readonly ClientFrame[]): { readonly texts: string[]; readonly left: ClientFrame[] } {
    const texts: string[] = [];
    const left: ClientFrame[] = [];
    let batch: string[] = [];
    let size = 2;
    const close = (): void => {
      if (batch.length === 1) texts.push(batch[0] ?? "");
      else if (batch.length > 1) texts.push(`[${batch.join(",")}]`);
      batch = [];
      size = 2;
    };
    for (const frame of frames) {
      const json = JSON.stringify(frame);
      const bytes = utf8Length(json) + 1;
      if (bytes > this.limits.frame + 1) {
        left.push(frame);
        continue;
      }
      if (batch.length >= this.limits.batch || size + bytes > this.limits.frame) close();
      batch.push(json);
      size += bytes;
    }
    close();
    return { texts, left };
  }
}

const encoder = new TextEncoder();

/** Length of a text in bytes of UTF-8. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length;
}
