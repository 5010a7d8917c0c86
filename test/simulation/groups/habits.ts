/** What the people of a world of groups do, at random: they write, and groups grow and shrink. */
import type { Cid, Uid } from "../../../src/protocol/ids.ts";
import type { Device } from "../device.ts";
import { amendment, conflict, message } from "../habits.ts";
import type { Sim } from "../sim.ts";
import { request, type Asked } from "./requests.ts";

const ACTS = {
  send: 10,
  burst: 1,
  amend: 3,
  read: 4,
  conflict: 0.5,
  mention: 0.5,
  sync: 0.7,
  release: 0.3,
  deaf: 0.4,
  hear: 1,
  away: 0.5,
  back: 2,
} as const;

const CHANGES = {
  people: 8,
  rename: 1,
  mute: 1,
  silence: 0.3,
  role: 1,
  owner: 0.5,
  history: 0.4,
  dismiss: 0.02,
} as const;
/** How long a group grows, or shrinks, ms. */
const TIDE_MS = 6000;

/** Lets a device act again and again until the storm ends. */
export function liveInGroups(sim: Sim, device: Device): void {
  repeat(sim, sim.profile.pace, () => act(sim, device));
}

/** Lets a group change until the storm ends: founded by one, it grows and shrinks in turn. */
export function changeGroup(sim: Sim, cid: Cid): void {
  const [owner, ...others] = shuffled(sim, sim.uids) as [Uid, ...Uid[]];
  const users = others.slice(0, sim.chance.between(1, others.length));
  let tide = sim.chance.hit(0.5) ? 1 : -1;
  repeat(sim, TIDE_MS, () => {
    tide = -tide;
  });
  request(sim, cid, owner, { do: "create", users }, () =>
    repeat(sim, sim.chance.pick([500, 1500]), () => change(sim, cid, tide)),
  );
}

function repeat(sim: Sim, every: number, run: () => void): void {
  const next = (): void => {
    if (sim.calm) return;
    run();
    sim.clock.after(sim.chance.between(1, 2 * every), next);
  };
  sim.clock.after(sim.chance.between(0, every), next);
}

function act(sim: Sim, device: Device): void {
  const { chance, profile } = sim;
  const what = chance.weighted(profile.crowd ? { ...ACTS, burst: 4 } : ACTS);
  if (what === "deaf" || what === "hear") device.deaf = what === "deaf";
  else if (what === "away") device.leave();
  else if (what === "back") device.away = false;
  else if (what === "sync") device.sync();
  else if (what === "release") device.release();
  else if (what === "conflict") device.post(conflict(sim, device));
  else {
    const cid = groupOf(sim, device);
    if (cid === undefined) return;
    if (what === "send") device.post([message(sim, device, cid)]);
    else if (what === "burst") {
      device.post(Array.from({ length: chance.between(1, profile.burst) }, () => message(sim, device, cid)));
    } else if (what === "amend") device.post(amendment(sim, device, cid));
    else if (what === "mention") device.mention(cid);
    else device.read(cid);
  }
}

/** A group that the device knows of; now and then one that it has left. */
function groupOf(sim: Sim, device: Device): Cid | undefined {
  const known = [...device.chats].filter(([, chat]) => !chat.left || sim.chance.hit(0.05)).map(([cid]) => cid);
  return known.length === 0 ? undefined : sim.chance.pick(known);
}

function change(sim: Sim, cid: Cid, tide: number): void {
  const { chance } = sim;
  const roll = sim.roll(cid);
  const { owner, members } = roll;
  if (owner === undefined || roll.ended) return;
  const other = chance.pick(members);
  const asked = ((): [Uid, Asked] | undefined => {
    switch (chance.weighted(CHANGES)) {
      case "people":
        return people(sim, cid, tide, owner, members);
      case "rename":
        return [owner, { do: "change", change: { name: sim.name("name ") } }];
      case "mute":
        return [owner, { do: "set", target: other, set: { muted_until: chance.hit(0.5) ? sim.clock.now + 3000 : 0 } }];
      case "silence":
        return [owner, { do: "change", change: { muted: chance.hit(0.3) } }];
      case "role":
        return [owner, { do: "set", target: other, set: { role: chance.pick(["admin", "member"] as const) } }];
      case "owner":
        return [owner, { do: "set", target: other, set: { role: "owner" } }];
      case "history":
        return [owner, { do: "change", change: { history: chance.pick(["join", "all"] as const) } }];
      case "dismiss":
        return [owner, { do: "dismiss" }];
    }
  })();
  if (asked !== undefined) request(sim, cid, ...asked);
}

function people(sim: Sim, cid: Cid, tide: number, owner: Uid, members: readonly Uid[]): [Uid, Asked] | undefined {
  const { chance } = sim;
  const outside = shuffled(
    sim,
    sim.uids.filter((uid) => !members.includes(uid)),
  );
  const others = members.filter((uid) => uid !== owner);
  const grows = chance.hit(0.9) ? tide > 0 : tide < 0;
  if (grows && outside.length > 0) {
    const [one] = outside as [Uid, ...Uid[]];
    if (chance.hit(0.4)) return [one, { do: "join" }];
    return [
      chance.hit(0.7) ? owner : chance.pick(members),
      { do: "add", users: outside.slice(0, chance.between(1, 3)) },
    ];
  }
  if (grows || others.length === 0) return undefined;
  const target = chance.pick(others);
  const by = chance.hit(0.4) ? target : owner;
  // Out and in again before anybody has heard of it.
  if (chance.hit(0.3))
    sim.clock.after(chance.between(1, 400), () => !sim.calm && request(sim, cid, target, { do: "join" }));
  return [by, { do: "remove", target }];
}

function shuffled<T>(sim: Sim, items: readonly T[]): T[] {
  const rest = [...items];
  const found: T[] = [];
  while (rest.length > 0) found.push(...rest.splice(sim.chance.between(0, rest.length - 1), 1));
  return found;
}
