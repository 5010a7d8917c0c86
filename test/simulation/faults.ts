/** What goes wrong, at random, until the storm ends. Lost calls and late requests are in calls.ts, slow disks in disk.ts. */
import { directCid } from "../../src/protocol/ids.ts";
import type { ConversationHost } from "./conversation-host.ts";
import type { Device } from "./device.ts";
import type { Edge } from "./edge.ts";
import type { Sim } from "./sim.ts";

const FAULTS = {
  "user crash": 5,
  "conversation crash": 5,
  "both crash": 1,
  "edge crash": 1,
  socket: 3,
  link: 3,
  hibernation: 6,
  eviction: 3,
  outage: 2,
  disk: 1,
} as const;

const IN_GROUPS = { ...FAULTS, "relay crash": 3, "relay link": 3, "relay hibernation": 4, "store outage": 0 } as const;

const NO_GROUPS = { ...FAULTS, "relay crash": 0, "relay link": 0, "relay hibernation": 0, "store outage": 0 } as const;

const WITH_A_PAST = { ...NO_GROUPS, "store outage": 3 } as const;

export interface Victims {
  readonly devices: readonly Device[];
  readonly edges: readonly Edge[];
}

/** Begins to do harm. */
export function storm(sim: Sim, victims: Victims): void {
  const next = (): void => {
    if (sim.calm) return;
    if (!sim.lull) harm(sim, victims);
    sim.clock.after(sim.chance.between(1, 2 * sim.profile.faultEvery), next);
  };
  sim.clock.after(sim.chance.between(0, sim.profile.faultEvery), next);
}

function weightsOf(sim: Sim): Record<keyof typeof IN_GROUPS, number> {
  if (sim.groups.length > 0) return IN_GROUPS;
  return sim.profile.past > 0 ? WITH_A_PAST : NO_GROUPS;
}

function harm(sim: Sim, { devices, edges }: Victims): void {
  const { chance, stats, clock } = sim;
  const user = sim.user(chance.pick(sim.uids));
  const conversation = anyConversation(sim);
  const what = chance.weighted<keyof typeof IN_GROUPS>(weightsOf(sim));
  switch (what) {
    case "user crash":
      if (user.life !== undefined) stats.count("user crashes");
      return user.crash();
    case "conversation crash":
      if (conversation.life !== undefined) stats.count("conversation crashes");
      return conversation.crash();
    case "both crash":
      stats.count("user crashes");
      stats.count("conversation crashes");
      user.crash();
      return conversation.crash();
    case "edge crash":
      stats.count("edge crashes");
      return chance.pick(edges).crash();
    case "socket":
      return chance.pick(devices).breakOff();
    case "link": {
      const { connections } = chance.pick(edges);
      if (connections.length > 0) chance.pick(connections).breakLink();
      return;
    }
    case "relay crash":
      if (sim.relays.length === 0) return;
      stats.count("relay crashes");
      return chance.pick(sim.relays).crash();
    case "relay link": {
      const { connections } = chance.pick(edges);
      if (connections.length > 0) chance.pick(connections).breakRelay();
      return;
    }
    case "relay hibernation":
      for (const relay of sim.relays) if (relay.evict()) stats.count("relay hibernations");
      return;
    case "hibernation":
      // Any that can: a busy object never sleeps.
      for (const uid of sim.uids) {
        if (!sim.user(uid).evict()) continue;
        stats.count("hibernations");
      }
      return;
    case "eviction":
      if (conversation.evict()) stats.count("evictions");
      return;
    case "outage":
      stats.count("outages");
      if (sim.profile.crowd) return user.goAway(chance.between(5000, 15_000));
      return (chance.hit(0.5) ? user : conversation).goAway(chance.duration(4000, 40_000));
    case "store outage":
      stats.count("store outages");
      return sim.history.line.goDown(chance.duration(3000, 20_000));
    case "disk": {
      const { disk } = chance.hit(0.5) ? user : conversation;
      disk.refuses = true;
      clock.after(chance.duration(1500, 4000), () => {
        disk.refuses = false;
      });
    }
  }
}

function anyConversation(sim: Sim): ConversationHost {
  if (sim.groups.length > 0) return sim.group(sim.chance.pick(sim.groups));
  const [a, b] = [sim.chance.pick(sim.uids), sim.chance.pick(sim.uids)];
  const peer = a === b ? sim.uids.find((uid) => uid !== a) : b;
  return sim.conversation(directCid(a, peer ?? b));
}
