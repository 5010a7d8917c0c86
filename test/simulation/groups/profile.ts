/** What a seed makes of a world of groups: small limits, so that groups change their mode as people come and go. */
import { Config } from "../../../src/config/config.ts";
import type { Chance } from "../chance.ts";
import { NO_PAST, UNARCHIVED, type Profile } from "../profile.ts";

export function groupProfileOf(chance: Chance): Profile {
  const crowd = chance.hit(0.08);
  return {
    users: chance.between(5, 8),
    devices: chance.pick([1, 2]),
    edges: chance.between(1, 2),
    stormy: chance.between(8_000, 25_000),
    pace: chance.pick([400, 1000, 2500]),
    faultEvery: chance.pick([300, 800, 2500, 10_000]),
    lossy: chance.pick([0, 0.01, 0.05, 0.15]),
    fragile: chance.pick([0, 0.002, 0.02]),
    blow: chance.pick([0, 0.5, 1]),
    crowd,
    burst: crowd ? 120 : chance.pick([1, 3, 12]),
    vanish: chance.hit(0.4),
    groups: chance.pick([1, 1, 2]),
    history: chance.pick(["join", "join", "all"]),
    ...NO_PAST,
    config: Config.parse({
      history: UNARCHIVED,
      limits: { rate: 1e6, burst: 1e6, window: chance.pick([4, 16, 512, 512]) },
      timeouts: { reattach_ms: chance.pick([3000, 30_000]), send_ms: chance.pick([2000, 15_000]) },
      groups: {
        pull_members: chance.pick([4, 5, 6]),
        relay_members: chance.pick([2, 3, 8]),
        relay_links: chance.pick([0, 1, 8, 8, 8]),
        poll_ms: chance.pick([1000, 4000]),
        receipts: chance.pick([0, 50]),
        mark_ms: chance.pick([100, 1000]),
        relay_mark_ms: chance.pick([100, 2000]),
        mark_flush_ms: chance.pick([500, 6_000]),
      },
      writes: {
        flush_ms: chance.pick([50, 1000, 1000]),
        settle_ms: chance.pick([50, 250]),
        offer_ms: chance.pick([200, 2000, 10_000]),
      },
    }),
  };
}
