/**
 * Whether this user is online, and who wants to know. Online = connected, or disconnected for less than the grace, so
 * that a reconnect does not flap. A watcher that has nobody connected any more is forgotten when it is told something.
 */
import type { Config } from "../../config/config.ts";
import type { Uid } from "../../protocol/ids.ts";
import type { Link } from "./links.ts";
import type { UserPort } from "./user-port.ts";
import type { UserStore } from "./user-store.ts";

export class Presence {
  readonly #uid: Uid;
  readonly #store: UserStore;
  readonly #config: Config;
  readonly #port: UserPort;
  readonly #links: () => ReadonlySet<Link>;

  constructor(uid: Uid, store: UserStore, config: Config, port: UserPort, links: () => ReadonlySet<Link>) {
    this.#uid = uid;
    this.#store = store;
    this.#config = config;
    this.#port = port;
    this.#links = links;
  }

  /** When the last connection ended, ms; 0 = never, or still connected since the first. */
  get #lastSeen(): number {
    return Number(this.#store.setting("last_seen") ?? 0);
  }

  /** Watchers were told "offline", or were never told anything. */
  get #toldOffline(): boolean {
    return this.#store.setting("told") !== "online";
  }

  /** A connection came. */
  connected(now: number): void {
    if (this.#toldOffline) this.#tellAll(true, now);
  }

  /** The last connection went: watchers hear of it after the grace. */
  disconnected(now: number): void {
    this.#store.setSetting("last_seen", String(now));
    if (this.#store.watchers().length > 0) this.#port.alarm(now + this.#config.timeouts.presence_grace_ms);
  }

  /** The grace may be over. */
  alarm(now: number): void {
    if (this.#links().size > 0 || this.#toldOffline) return;
    const end = this.#lastSeen + this.#config.timeouts.presence_grace_ms;
    if (now < end) this.#port.alarm(end);
    else this.#tellAll(false, this.#lastSeen);
  }

  /** This user goes for good. */
  gone(): void {
    this.#tellAll(false, this.#lastSeen);
  }

  /** Somebody starts or stops watching this user; answers the state now. To who is blocked this user is offline. */
  watched(by: Uid, on: boolean, now: number): { online: boolean; lastSeen: number } {
    if (this.#store.isBlocked(by)) return { online: false, lastSeen: 0 };
    this.#store.setWatcher(by, on);
    const connected = this.#links().size > 0;
    const lastSeen = this.#lastSeen;
    const online = connected || (lastSeen > 0 && now - lastSeen < this.#config.timeouts.presence_grace_ms);
    if (on && online) this.#noteTold(true);
    if (on && online && !connected) this.#port.alarm(lastSeen + this.#config.timeouts.presence_grace_ms);
    return { online, lastSeen };
  }

  /** To a watcher who is blocked from now on this user has gone; who no longer is sees the truth again. */
  blocked(other: Uid, on: boolean): void {
    if (!this.#store.watchers().includes(other)) return;
    const online = !on && this.#links().size > 0;
    this.#port.signal(other, { t: "presence", user: this.#uid, online, lastSeen: 0 }, () => {});
  }

  /** This user watches others. Answers come one by one. */
  watch(users: readonly Uid[], tell: (user: Uid, online: boolean, lastSeen: number) => void): void {
    // Objects are only woken for users that exist; of the others it is known that they are not online.
    this.#port.names(users, (known) => {
      for (const user of users) {
        if (known?.has(user) === false) tell(user, false, 0);
        else this.#port.watch(user, true, (state) => state && tell(user, state.online, state.lastSeen));
      }
    });
  }

  /** The edge stops showing at once; the watched are told only when no other device could be watching. */
  unwatch(users: readonly Uid[]): void {
    if (this.#links().size > 1) return;
    this.#port.names(users, (known) => {
      for (const user of users) if (known?.has(user)) this.#port.watch(user, false, () => {});
    });
  }

  #tellAll(online: boolean, lastSeen: number): void {
    const watchers = this.#store.watchers().filter((watcher) => !this.#store.isBlocked(watcher));
    if (watchers.length === 0) return;
    this.#noteTold(online);
    for (const watcher of watchers) {
      this.#port.signal(watcher, { t: "presence", user: this.#uid, online, lastSeen }, (interested) => {
        if (interested === false) this.#store.setWatcher(watcher, false);
      });
    }
  }

  #noteTold(online: boolean): void {
    const told = online ? "online" : "offline";
    if (this.#store.setting("told") !== told) this.#store.setSetting("told", told);
  }
}
