import { describe, expect, test } from "vitest";
import type { Device } from "../../../client/src/devices.ts";
import { placesOf } from "../../../web/src/view/places.ts";

const device = (id: string, change: Partial<Device> = {}): Device => ({
  id,
  name: "Chrome, Linux",
  platform: "web",
  firstSeen: 1,
  lastSeen: 10,
  online: false,
  current: false,
  thisDevice: false,
  login: id,
  ...change,
});
const places = (...devices: Device[]) => placesOf(devices, "Unnamed");

describe("places where one is signed in", () => {
  test("tabs of one login are one place, as of its newest device, and how many of them are open", () => {
    expect(
      places(
        device("tab-1", { login: "a", lastSeen: 30, online: true }),
        device("tab-2", { login: "a", lastSeen: 30, online: true }),
        device("tab-3", { login: "a", lastSeen: 20, name: "Older" }),
        device("tv", { login: "b", lastSeen: 40 }),
      ),
    ).toEqual([
      { id: "tab-1", name: "Chrome, Linux", kind: "computer", here: false, online: true, lastSeen: 30, open: 2 },
      { id: "tv", name: "Chrome, Linux", kind: "computer", here: false, online: false, lastSeen: 40, open: 0 },
    ]);
  });

  test("the own comes first, by the name of this very device, then who is online, then who was here last", () => {
    const order = places(
      device("phone", { online: true }),
      device("old", { lastSeen: 5 }),
      device("tv", { lastSeen: 8 }),
      device("other tab", { login: "own", current: true, online: true, lastSeen: 50 }),
      device("here", { login: "own", current: true, thisDevice: true, name: "This" }),
    );
    expect(order.map(({ id, here }) => [id, here])).toEqual([
      ["here", true],
      ["phone", false],
      ["tv", false],
      ["old", false],
    ]);
    expect(order[0]).toMatchObject({ name: "This", lastSeen: 50, online: true });
  });

  test("devices with tokens of another issuer stand each for itself", () => {
    const found = places(
      device("a", { login: undefined }),
      device("b", { login: undefined, thisDevice: true }),
      // An id may look like a login.
      device("c", { login: "a" }),
    );
    expect(found.map(({ id, here }) => [id, here])).toEqual([
      ["b", true],
      ["a", false],
      ["c", false],
    ]);
  });

  test("are shown by what they are, as far as they say", () => {
    const kinds: [string, string, string][] = [
      ["Safari, iPhone", "web", "phone"],
      ["Chrome, Android", "web", "phone"],
      ["My phone", "ios", "phone"],
      ["terminal on desk", "linux", "terminal"],
      ["Firefox, Windows", "web", "computer"],
      ["  ", "", "computer"],
    ];
    for (const [name, platform, kind] of kinds) expect(places(device("d", { name, platform }))[0]?.kind).toBe(kind);
    expect(places(device("d", { name: "  " }))[0]?.name).toBe("Unnamed");
    expect(places()).toEqual([]);
  });
});
