/** What a seed makes of the world: its size, its configuration, how rough it is. */
import { Config } from "../../src/config/config.ts";
import type { Chance } from "./chance.ts";

export interface Profile {
  readonly users: number;
  /** Devices of one user, at most. */
  readonly devices: number;
  readonly edges: number;
  /** How long things go wrong, virtual ms. */
  readonly stormy: number;
  /** Mean time between two acts of a device, and between two faults, ms. */
  readonly pace: number;
  readonly faultEvery: number;
  /** Share of calls whose request, or whose answer, is lost. */
  readonly lossy: number;
  /** Share of writes whose object dies before they are confirmed. */
  readonly fragile: number;
  /** The storm ends with a blow: this share of everything dies at once; all of it, as when a machine does. */
  readonly blow: number;
  /** Messages that a device sends at once, at most. */
  readonly burst: number;
  /** Much is sent, and some are away for long: they find holes. */
  readonly crowd: boolean;
  /** When the storm ends all clients vanish, and the objects must mend things by themselves. */
  readonly vanish: boolean;
  /** Groups there are; 0: people chat directly. What new members of them see. */
  readonly groups: number;
  readonly history: "join" | "all";
  /** Entries that the busiest chat begins with; 0: everything begins empty, and nothing leaves a log. */
  readonly past: number;
  /** How long nobody does anything in the middle of the storm, ms. */
  readonly lull: number;
  /** Share of requests to the history store that fail in some way; share of its writes of which it loses an entry. */
  readonly store: { readonly lossy: number; readonly forgetful: number };
  readonly config: Config;
}

/** Nothing waits long enough for the store to be told of it. */
export const UNARCHIVED = { wait_ms: 1e9 };
export const NO_PAST = { past: 0, lull: 0, store: { lossy: 0, forgetful: 0 } };

/** The profile of a seed. Small limits make rare situations common. */
export function profileOf(chance: Chance): Profile {
  const limited = chance.hit(0.15);
  const crowd = chance.hit(0.1);
  return {
    users: chance.between(2, 4),
    devices: 2,
    edges: chance.between(1, 2),
    stormy: chance.between(6_000, 20_000),
    pace: chance.pick([150, 400, 1500]),
    faultEvery: chance.pick([300, 800, 2500]),
    lossy: chance.pick([0, 0.01, 0.05, 0.15]),
    fragile: chance.pick([0, 0.002, 0.02]),
    blow: chance.pick([0, 0.5, 1]),
    crowd,
    burst: crowd ? 120 : chance.pick([1, 3, 12]),
    vanish: chance.hit(0.5),
    groups: 0,
    history: "join",
    ...NO_PAST,
    config: Config.parse({
      history: UNARCHIVED,
      limits: {
        rate: limited ? 20 : 1e6,
        burst: limited ? 40 : 1e6,
        window: chance.pick([4, 16, 512]),
        session_frames: !crowd && chance.hit(0.1) ? 400 : 5_000_000,
      },
      timeouts: {
        reattach_ms: chance.pick([3000, 30_000]),
        send_ms: chance.pick([2000, 15_000]),
      },
      messages: { dedup_ms: chance.hit(0.1) ? 60_000 : 24 * 3_600_000 },
      writes: {
        flush_ms: chance.pick([50, 1000, 1000]),
        settle_ms: chance.pick([50, 250]),
        offer_ms: chance.pick([200, 2000, 10_000]),
      },
    }),
  };
}
