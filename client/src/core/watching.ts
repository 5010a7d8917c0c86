/** Whose presence is watched, and what is known of it. Pure. */
import type { ClientFrame } from "../wire.ts";

/** Whether somebody is there. */
export interface Presence {
  readonly user: string;
  /** Undefined: nobody knows, since there is no connection. */
  readonly online: boolean | undefined;
  /** When they were last there, ms since the epoch, if that is known. */
  readonly lastSeen: number | undefined;
}

/** Users of one frame. */
const USERS = 200;

export class Watching {
  /** How many want to know. */
  readonly #wanted = new Map<string, number>();
  /** What this connection was asked to watch. */
  readonly #asked = new Set<string>();
  readonly #known = new Map<string, Presence>();
  readonly #tell: (presence: Presence) => void;

  constructor(tell: (presence: Presence) => void) {
    this.#tell = tell;
  }

  /** What is known of a user who is watched. */
  of(user: string): Presence | undefined {
    return this.#wanted.has(user) ? this.#known.get(user) : undefined;
  }

  watch(users: readonly string[], on: boolean): void {
    for (const user of users) {
      const count = (this.#wanted.get(user) ?? 0) + (on ? 1 : -1);
      if (count > 0) this.#wanted.set(user, count);
      else this.#wanted.delete(user);
    }
    this.#forget();
  }

  told(user: string, online: boolean, lastSeen: number | undefined): void {
    // Who is wanted no more, and may be again before the server knows, is told of only now.
    const wanted = this.#wanted.has(user);
    if (!wanted && !this.#asked.has(user)) return;
    const before = this.#known.get(user);
    const presence = { user, online, lastSeen };
    this.#known.set(user, presence);
    if (!wanted) return;
    if (before?.online !== online || before.lastSeen !== lastSeen) this.#tell(presence);
  }

  /** There is no connection: nothing is known, and the next one watches nobody yet. */
  grounded(): void {
    this.#asked.clear();
    for (const user of this.#known.keys()) {
      this.#known.delete(user);
      if (this.#wanted.has(user)) this.#tell({ user, online: undefined, lastSeen: undefined });
    }
  }

  /** The server tells of somebody once: that is kept as long as it takes them for watched. */
  #forget(): void {
    for (const user of this.#known.keys())
      if (!this.#wanted.has(user) && !this.#asked.has(user)) this.#known.delete(user);
  }

  /** At most so many frames that bring the connection up to what is wanted. */
  take(room: number): ClientFrame[] {
    const more = [...this.#wanted.keys()].filter((user) => !this.#asked.has(user));
    const less = [...this.#asked].filter((user) => !this.#wanted.has(user));
    const frames: ClientFrame[] = [];
    const put = (t: "watch" | "unwatch", all: readonly string[]): void => {
      for (let i = 0; i < all.length && frames.length < room; i += USERS) {
        const users = all.slice(i, i + USERS);
        frames.push({ t, users });
        for (const user of users)
          if (t === "watch") this.#asked.add(user);
          else this.#asked.delete(user);
      }
    };
    put("unwatch", less);
    this.#forget();
    put("watch", more);
    return frames;
  }
}
