/**
 * Push or pull: what a message costs decides. Pushing costs one call per member; multicast costs one per relay, whatever the number
 * of members. Switching tells every member once, so between the two thresholds a group stays as it is.
 */
import type { Config } from "../../config/config.ts";
import type { Mode } from "../group-rpc.ts";

/** Below this a group is pushed, however busy it is. */
const FEW = 16;
/** The averages reach back so far, ms. */
const AVERAGE_MS = 60_000;

/** Pushes a second, averaged so that what is a minute old counts a third. */
export class PushRate {
  readonly #since: number;
  #sum = 0;
  #at: number;

  constructor(now: number) {
    this.#since = now;
    this.#at = now;
  }

  add(pushes: number, now: number): void {
    this.#sum = this.#decayed(now) + pushes;
    this.#at = now;
  }

  perSecond(now: number): number {
    return this.#decayed(now) / (AVERAGE_MS / 1000);
  }

  /** It has been measured for long enough to say that there is little traffic. */
  known(now: number): boolean {
    return now - this.#since >= AVERAGE_MS;
  }

  #decayed(now: number): number {
    return this.#sum * Math.exp((this.#at - now) / AVERAGE_MS);
  }
}

/** The mode that a group should have now. */
export function modeFor(mode: Mode, members: number, rate: PushRate, now: number, limits: Config["groups"]): Mode {
  const perSecond = rate.perSecond(now);
  if (mode === "push") {
    return members >= limits.pull_members || (members > FEW && perSecond >= limits.pull_pushes) ? "pull" : "push";
  }
  if (members >= limits.pull_members / 2) return "pull";
  return members <= FEW || (rate.known(now) && perSecond < limits.pull_pushes / 4) ? "push" : "pull";
}
