/** Who is typing to this user. What is not renewed lapses, because the one who types may have gone. */
import type { Cid, Uid } from "../../protocol/ids.ts";
import type { Devices } from "./devices.ts";
import { typingFrame } from "./server-frames.ts";

export class Typing {
  readonly #devices: Devices;
  readonly #lapse: number;
  readonly #now = new Map<string, { cid: Cid; user: Uid; until: number }>();

  /** `lapse` in ms. */
  constructor(devices: Devices, lapse: number) {
    this.#devices = devices;
    this.#lapse = lapse;
  }

  set(cid: Cid, user: Uid, on: boolean, now: number): void {
    const key = `${cid} ${user}`;
    if (on) this.#now.set(key, { cid, user, until: now + this.#lapse });
    else this.#now.delete(key);
    this.#devices.tellAll(typingFrame(cid, user, on));
  }

  tick(now: number): void {
    for (const { cid, user, until } of this.#now.values()) if (until <= now) this.set(cid, user, false, now);
  }

  nextTick(): number | undefined {
    let next: number | undefined;
    for (const { until } of this.#now.values()) if (next === undefined || until < next) next = until;
    return next;
  }
}
