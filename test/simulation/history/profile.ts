/** What a seed makes of a world whose logs are long: entries leave them for the store, which is as unreliable as everything else. */
import type { Chance } from "../chance.ts";
import { profileOf, type Profile } from "../profile.ts";

export function historyProfileOf(chance: Chance): Profile {
  const base = profileOf(chance);
  return {
    ...base,
    users: chance.between(2, 3),
    crowd: false,
    burst: chance.pick([1, 3, 12]),
    past: chance.between(700, 1900),
    // Longer than ids are known, so that what was said before it may leave the log after it.
    lull: chance.pick([0, 130_000]),
    store: {
      lossy: chance.pick([0, 0.05, 0.2, 0.5]),
      forgetful: chance.pick([0, 0, 0.2, 0.5]),
    },
    config: {
      ...base.config,
      messages: { ...base.config.messages, dedup_ms: 60_000, recall_ms: 0 },
      history: {
        wait_ms: chance.pick([100, 1000, 5000]),
        tail: 256,
        retry_ms: chance.pick([50, 1000]),
        longest_retry_ms: chance.pick([1000, 60_000]),
      },
    },
  };
}
