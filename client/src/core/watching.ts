/** Whose presence is watched, and what is known of it. Pure. */
import type { ClientFrame } from "../wire.ts";

/** Whether somebody is there. */
export interface Presence {
  readonly user: string;
  readonly online: boolean;
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
    return this.#known.get(user);
  }

  watch(users: readonly string[], on: boolean): void {
    for (const user of users) {
      const count = (this.#wanted.get(user) ?? 0) + (on ? 1 : -1);
      if (count > 0) this.#wanted.set(user, count);
      else {
        this.#wanted.delete(user);
        this.#known.delete(user);
      }
    }
  }

  told(user: string, online: boolean, lastSeen: number | undefined): void {
    if (!this.#wanted.has(user)) return;
    const before = this.#known.get(user);
    const presence = { user, online, lastSeen };
    this.#known.set(user, presence);
    if (before?.online !== online || before.lastSeen !== lastSeen) this.#tell(presence);
  }

  /** A new connection watches nobody yet. */
  again(): void {
    this.#asked.clear();
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
    put("watch", more);
    return frames;
  }
}
