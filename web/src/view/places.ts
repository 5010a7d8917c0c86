/** Where one is signed in, as people count it: a browser is one place, however many tabs it has. Pure. */
import type { Device } from "../../../client/src/devices.ts";

export interface Place {
  /** Any device of it: what is signed out by one is signed out as a whole. */
  readonly id: string;
  readonly name: string;
  readonly kind: "computer" | "phone" | "terminal";
  /** This page is in it. */
  readonly here: boolean;
  readonly online: boolean;
  readonly lastSeen: number;
  /** How many of its devices are online. */
  readonly open: number;
}

/** This place first, then those that are online, then the one seen last. `unnamed`: what a device without a name is called. */
export function placesOf(devices: readonly Device[], unnamed: string): Place[] {
  const places = new Map<string, Device[]>();
  for (const device of devices) {
    const key = device.login === undefined ? `device ${device.id}` : `login ${device.login}`;
    places.set(key, [...(places.get(key) ?? []), device]);
  }
  return [...places.values()]
    .map((group) => placeOf(group, unnamed))
    .toSorted((a, b) => order(b) - order(a) || b.lastSeen - a.lastSeen);
}

function placeOf(devices: readonly Device[], unnamed: string): Place {
  const newest = devices.reduce((best, one) => (one.lastSeen > best.lastSeen ? one : best));
  const shown = devices.find(({ thisDevice }) => thisDevice) ?? newest;
  const open = devices.filter(({ online }) => online).length;
  const { id, name, platform } = shown;
  return {
    id,
    name: name.trim() === "" ? unnamed : name,
    kind: /iphone|ipad|ios|android/i.test(`${name} ${platform}`)
      ? "phone"
      : /terminal/i.test(name)
        ? "terminal"
        : "computer",
    here: devices.some(({ current, thisDevice }) => current || thisDevice),
    online: open > 0,
    lastSeen: newest.lastSeen,
    open,
  };
}

function order({ here, online }: Place): number {
  return here ? 2 : online ? 1 : 0;
}
