/** Who is typing to this user. What is not renewed lapses, because the one who types may have gone. */
import type { Cid, Uid } from "../../protocol/ids.ts";
import type { Devices } from "./devices.ts";
import { typingFrame } from "./server-frames.ts";

/** Groups of which it is remembered what they were told. */
const REMEMBERED = 64;

export class Typing {
  readonly #devices: Devices;
  readonly #lapse: number;
  readonly #mine: (cid: Cid) => boolean;
  /** What groups were told of this user. */
  readonly #told = new Map<Cid, { on: boolean; at: number }>();
  readonly #now = new Map<string, { cid: Cid; user: Uid; until: number }>();

  /** `lapse` in ms. `mine`: whether this user has a part in a conversation. */
  constructor(devices: Devices, lapse: number, mine: (cid: Cid) => boolean) {
    this.#devices = devices;
    this.#lapse = lapse;
    this.#mine = mine;
  }

  set(cid: Cid, user: Uid, on: boolean, now: number): void {
    const key = `${cid} ${user}`;
    if (on) this.#now.set(key, { cid, user, until: now + this.#lapse });
    else this.#now.delete(key);
    if (this.#mine(cid)) this.#devices.tellAll(typingFrame(cid, user, on));
  }

  /** Whether a group has to hear that this user types, or no longer: it knows for a while, and hears of an end once. */
  news(cid: Cid, on: boolean, now: number): boolean {
    const told = this.#told.get(cid);
    if (told !== undefined && (on ? now - told.at < this.#lapse / 2 : !told.on)) return false;
    this.#told.delete(cid);
    this.#told.set(cid, { on, at: on ? now : (told?.at ?? now) });
    const [oldest] = this.#told.keys();
    if (this.#told.size > REMEMBERED && oldest !== undefined) this.#told.delete(oldest);
    return true;
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
