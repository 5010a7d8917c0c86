/** The life of the connection: when it is made, kept alive, given up, and made again. Pure. */
import { MpimError } from "../errors.ts";

/**
 * `connecting`: a connection is being made. `online`. `offline`: there is none, the next try comes at `retryAt`. `closed`:
 * none, and none is tried: another device took its place, the login is over, or the application closed it.
 */
export interface Connection {
  readonly state: "connecting" | "online" | "offline" | "closed";
  /** When the next attempt comes, ms since the epoch; only in `offline`. */
  readonly retryAt?: number | undefined;
  /** Why it is `offline` or `closed`, if there was a reason. */
  readonly error?: MpimError | undefined;
}

/** Pauses between attempts to connect: they grow from the one to the other. */
export interface Backoff {
  /** ms before the first new attempt, at most. */
  readonly least: number;
  /** ms between attempts, at most. */
  readonly most: number;
}

/** Making a connection takes at most so long. */
const MAKING_MS = 15_000;
/** A ping is answered within this time, or the connection is dead. */
const ANSWER_MS = 6_000;
/** What wants an answer and has none after so long is reason for a ping: the server itself may take longer. */
const DOUBT_MS = 4_000;
/** After this share of the heartbeat without anything written, or heard, comes a ping. */
const HEARTBEAT_SHARE = 0.7;
/** Everybody is told to go away at once, and must not come back at once. */
const GOAWAY_JITTER_MS = 2_000;

const CODES: Readonly<Record<number, string>> = {
  4400: "invalid_frame",
  4401: "unauthenticated",
  4403: "permission_denied",
  4408: "timeout",
  4409: "replaced",
  4413: "too_large",
  4429: "rate_limited",
  4500: "internal",
  4503: "unavailable",
};
/** After these a new connection would be refused again, or put another one out. */
const ENDING = new Set([4403, 4409]);
/** After these the next attempt comes late: something of ours is not as it should be. */
const SLOW = new Set([4400, 4413, 4429]);
const SLOW_MS = 10_000;

type Phase = "idle" | "waiting" | "making" | "online" | "ended";

export class Link {
  #phase: Phase = "idle";
  #error: MpimError | undefined;
  #retryAt = 0;
  #makingSince = 0;
  #attempts = 0;
  #heartbeat = 30_000;
  #wrote = 0;
  #heard = 0;
  /** When something was written that wants an answer; undefined when something was heard since. */
  #wants: number | undefined;
  /** When a ping was written; undefined when something was heard since. */
  #asked: number | undefined;
  /** What a `goaway` said. */
  #comeBack: number | undefined;
  /** The token was refused, and no connection was welcomed since. */
  refused = false;
  readonly #backoff: Backoff;
  readonly #chance: () => number;
  readonly #wall: (at: number) => number;

  /** `wall`: a time of the core as ms since the epoch. */
  constructor(backoff: Backoff, chance: () => number, wall = (at: number): number => at) {
    this.#backoff = backoff;
    this.#chance = chance;
    this.#wall = wall;
  }

  get online(): boolean {
    return this.#phase === "online";
  }

  get ended(): boolean {
    return this.#phase === "ended";
  }

  get connection(): Connection {
    const error = this.#error;
    switch (this.#phase) {
      case "online":
        return { state: "online" };
      case "making":
        return { state: "connecting", error };
      case "ended":
        return { state: "closed", error };
      default:
        return { state: "offline", retryAt: this.#wall(this.#retryAt), error };
    }
  }

  /** When the next attempt comes, by the core's time; only while there is no connection. */
  get nextTry(): number {
    return this.#phase === "waiting" ? this.#retryAt : 0;
  }

  /** Time for an attempt: begins it. */
  due(now: number): boolean {
    if (this.#phase !== "waiting" || now < this.#retryAt) return false;
    this.#phase = "making";
    this.#makingSince = now;
    return true;
  }

  /** Wants a connection from now on. */
  start(now: number): void {
    if (this.#phase !== "idle") return;
    this.#phase = "waiting";
    this.#retryAt = now;
  }

  /** Something says that the network is there: no need to wait. */
  hurry(now: number): void {
    if (this.#phase === "waiting") this.#retryAt = Math.min(this.#retryAt, now);
    // The connection may be of a network that is gone: ask.
    else if (this.#phase === "online") this.#wrote = Math.min(this.#wrote, now - this.#heartbeat);
  }

  welcomed(heartbeat: number, now: number): void {
    this.#phase = "online";
    this.#heartbeat = heartbeat * 1000;
    this.#attempts = 0;
    this.#error = undefined;
    this.refused = false;
    this.#wrote = now;
    this.heard(now);
  }

  heard(now: number): void {
    this.#heard = now;
    this.#asked = undefined;
    this.#wants = undefined;
  }

  /** Something was written; `wants`: an answer to it is due. */
  wrote(now: number, wants: boolean): void {
    this.#wrote = now;
    if (wants) this.#wants ??= now;
  }

  goAway(retryAfter: number): void {
    this.#comeBack = retryAfter;
  }

  /** The connection is gone, or could not be made. `error`: what the server said about it, or why there is no token. */
  lost(code: number, error: MpimError | undefined, now: number): void {
    if (this.#phase === "ended") return;
    const known = CODES[code];
    this.#error =
      error ?? (known === undefined ? undefined : new MpimError(known, `the connection was closed: ${known}`));
    this.#asked = undefined;
    this.#wants = undefined;
    const refusedAgain = code === 4401 && this.refused;
    if (code === 4401) this.refused = true;
    if (ENDING.has(code) || refusedAgain || (code === 0 && error?.code === "unauthenticated")) {
      this.#phase = "ended";
      return;
    }
    this.#phase = "waiting";
    this.#retryAt = now + this.#wait(code);
    this.#comeBack = undefined;
    this.#attempts += 1;
  }

  end(error: MpimError | undefined): void {
    this.#phase = "ended";
    this.#error = error;
  }

  /** What the time asks for: a ping, or giving the connection up. */
  check(now: number): "ping" | "drop" | undefined {
    if (this.#phase === "making") return now >= this.#makingSince + MAKING_MS ? "drop" : undefined;
    if (this.#phase !== "online") return undefined;
    if (this.#asked !== undefined && now >= this.#asked + ANSWER_MS) return "drop";
    if (this.#asked === undefined && now >= this.#pingAt) {
      this.#asked = now;
      return "ping";
    }
    return undefined;
  }

  nextTick(): number {
    switch (this.#phase) {
      case "waiting":
        return this.#retryAt;
      case "making":
        return this.#makingSince + MAKING_MS;
      case "online":
        return this.#asked === undefined ? this.#pingAt : this.#asked + ANSWER_MS;
      default:
        return Infinity;
    }
  }

  get #pingAt(): number {
    const usual = Math.min(this.#wrote, this.#heard) + this.#heartbeat * HEARTBEAT_SHARE;
    return Math.min(usual, (this.#wants ?? Infinity) + DOUBT_MS);
  }

  #wait(code: number): number {
    if (this.#comeBack !== undefined) return this.#comeBack + this.#chance() * GOAWAY_JITTER_MS;
    if (code === 4401) return 0;
    const { least, most } = this.#backoff;
    const growing = Math.min(most, least * 2 ** Math.min(this.#attempts, 20));
    const wait = SLOW.has(code) ? Math.max(growing, Math.min(most, SLOW_MS)) : growing;
    return wait * (0.5 + this.#chance() / 2);
  }
}
