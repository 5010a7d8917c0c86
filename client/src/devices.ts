/** Where a user is signed in. */
import { MpimError } from "./errors.ts";
import type { Http } from "./http.ts";

/** A device that a user has signed in on; each tab of a browser is one. Times in ms since the epoch. */
export interface Device {
  readonly id: string;
  /** What it calls itself, by `device.name` of `connect`; may be empty. */
  readonly name: string;
  /** Likewise, by `device.platform`. */
  readonly platform: string;
  readonly firstSeen: number;
  /** When it was connected last: now, if it is. */
  readonly lastSeen: number;
  readonly online: boolean;
  /** It has the login that this device has, as all tabs of a browser do: signing it out signs this device out. */
  readonly current: boolean;
  /** It is this very device. */
  readonly thisDevice: boolean;
  /** The same for devices that sign out together; undefined where another issuer made the token, and may make it a new one. */
  readonly login: string | undefined;
}

interface WireDevice {
  readonly id: string;
  readonly name: string;
  readonly platform: string;
  readonly first_seen: number;
  readonly last_seen: number;
  readonly online: boolean;
  readonly current: boolean;
  readonly login?: string;
}

/** One's own devices, and signing them out. */
export class Devices {
  readonly #http: Http;
  readonly #self: string;

  constructor(http: Http, self: string) {
    this.#http = http;
    this.#self = self;
  }

  /** Those that are online first, then the one seen last. */
  async list(): Promise<readonly Device[]> {
    const { devices } = await this.#http.call<{ devices: WireDevice[] }>("GET /devices");
    return devices.map(({ first_seen: firstSeen, last_seen: lastSeen, login, ...device }) => {
      return { ...device, firstSeen, lastSeen, thisDevice: device.id === this.#self, login };
    });
  }

  /** Ends the login of a device, with all that share it. One that is signed out already is no error. */
  async signOut(id: string): Promise<void> {
    try {
      await this.#http.call(`DELETE /devices/${encodeURIComponent(id)}`);
    } catch (error) {
      if (!(error instanceof MpimError) || error.code !== "not_found") throw error;
    }
  }

  /** Signs out all devices but those that share this one's login. Throws `invalid_argument` where another issuer made the token. */
  async signOutOthers(): Promise<void> {
    await this.#http.call("DELETE /devices");
  }
}
