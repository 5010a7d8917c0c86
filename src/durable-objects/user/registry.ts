/**
 * The registry of a user's devices: who is let in, who has to go, and what is remembered of those that were here. Pure. A row
 * is written when a device connects, and when it goes for good; nothing for a link that is made anew, and nothing per message.
 */
import type { Config } from "../../config/config.ts";
import type { DeviceId } from "../../protocol/ids.ts";
import type { Attach } from "../../protocol/link.ts";
import type { DeviceState } from "../rpc.ts";
import type { DeviceRow } from "./device-store.ts";
import type { Devices } from "./devices.ts";
import type { Link } from "./links.ts";
import type { Presence } from "./presence.ts";
import type { UserPort } from "./user-port.ts";
import type { UserStore } from "./user-store.ts";

/** Devices that are remembered; each tab of a browser is one. */
const REMEMBERED = 100;

export class Registry {
  readonly #store: UserStore;
  readonly #config: Config;
  readonly #port: UserPort;
  readonly #links: Set<Link>;
  readonly #presence: Presence;

  constructor(
    config: Config,
    port: UserPort,
    { store, devices, presence }: { store: UserStore; devices: Devices; presence: Presence },
  ) {
    this.#config = config;
    this.#port = port;
    this.#store = store;
    this.#links = devices.links;
    this.#presence = presence;
  }

  /** A session connects, or connects again: of two connections of one device the later one stays. False: it was shut. */
  admit(link: Link, attach: Attach, now: number): boolean {
    // It was on its way, or its link was broken, when its login ended.
    if (link.login !== undefined && this.#store.hasEnded(link.login)) {
      this.#port.shut(link, "unauthenticated");
      return false;
    }
    for (const other of this.#links) {
      if (other.device !== link.device || other === link) continue;
      if (other.session === link.session) {
        this.#links.delete(other);
        this.#port.drop(other);
      } else if (other.started > link.started) {
        this.#port.shut(link, "replaced");
        return false;
      } else {
        this.#links.delete(other);
        this.#port.shut(other, "replaced");
      }
    }
    if (this.#links.size >= this.#config.limits.connections) {
      const [oldest] = [...this.#links].toSorted((a, b) => a.started - b.started);
      if (oldest !== undefined) {
        this.#links.delete(oldest);
        this.#port.shut(oldest, "replaced");
        this.#store.devices.gone(oldest.device, oldest.login, now);
      }
    }
    this.#links.add(link);
    this.#port.keep(link);
    this.#note(link, attach, now);
    this.#presence.connected(now);
    return true;
  }

  /** A link is gone. */
  closed(link: Link, now: number): void {
    if (!this.#links.delete(link)) return;
    this.#store.devices.gone(link.device, link.login, now);
    if (this.#links.size === 0) this.#presence.disconnected(now);
  }

  /** The devices of logins that last, as they are now: who is here first, then whoever was here last. */
  list(now: number): DeviceState[] {
    const here = this.#here();
    return this.#rows()
      .filter(({ id, seen }) => here.has(id) || this.#lasts(seen, now))
      .map(({ id, name, platform, firstSeen, seen, login }) => {
        const online = here.has(id);
        const state = { id, name, platform, firstSeen, lastSeen: online ? now : seen, online };
        return login === undefined ? state : { ...state, login };
      })
      .toSorted((a, b) => Number(b.online) - Number(a.online) || b.lastSeen - a.lastSeen);
  }

  /** Ends the connections of a login, also those that are on their way, and forgets its devices; or of all that are here. */
  endSessions(login: string | undefined, now: number): void {
    this.#end((one) => login === undefined || one.login === login, now);
    if (login !== undefined) this.#keepOut(login, now);
  }

  /** The same for several logins; and for these devices, if they came with tokens of another issuer. */
  endDevices(logins: readonly string[], devices: readonly DeviceId[], now: number): void {
    this.#end(({ id, login }) => (login === undefined ? devices.includes(id) : logins.includes(login)), now);
    for (const login of logins) this.#keepOut(login, now);
  }

  #end(which: (device: Pick<DeviceRow, "id" | "login">) => boolean, now: number): void {
    const ended = this.#rows().filter(which);
    const before = this.#links.size;
    for (const link of this.#links) {
      if (!which({ id: link.device, login: link.login })) continue;
      this.#port.shut(link, "unauthenticated");
      this.#links.delete(link);
    }
    if (before > 0 && this.#links.size === 0) this.#presence.disconnected(now);
    this.#store.devices.forget(ended.map(({ id }) => id));
  }

  /** No token of the login is good for longer, and no connection that was opened with one lasts longer. */
  #keepOut(login: string, now: number): void {
    const { auth, limits } = this.#config;
    this.#store.endLogin(login, now, now - auth.access_s * 1000 - limits.session_ms);
  }

  #note({ device: id, login }: Link, { name = "", platform = "", again }: Attach, now: number): void {
    const fresh = !this.#store.devices.has(id);
    this.#store.devices.here({ id, name, platform, login }, again, now);
    if (!fresh) return;
    const here = this.#here();
    const old = this.#rows().filter((row, i) => !here.has(row.id) && (i >= REMEMBERED || !this.#lasts(row.seen, now)));
    this.#store.devices.forget(old.map((row) => row.id));
  }

  /** What is remembered, as the connections say it where there are any. */
  #rows(): DeviceRow[] {
    const here = this.#here();
    return this.#store.devices.all().map((row) => ({ ...row, login: (here.get(row.id) ?? row).login }));
  }

  #here(): Map<DeviceId, Link> {
    return new Map([...this.#links].map((link) => [link.device, link]));
  }

  /** A login may still be there: it is over when it was not used for so long. */
  #lasts(seen: number, now: number): boolean {
    return seen > now - this.#config.auth.refresh_s * 1000;
  }
}
