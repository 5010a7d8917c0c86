/** What the people of the simulated world do, at random. */
import { directCid, kindOf, makeUlid, type Cid } from "../../src/protocol/ids.ts";
import type { Device } from "./device.ts";
import type { Post, PostFrame } from "./outbox.ts";
import type { Sim } from "./sim.ts";

const ACTS = {
  send: 10,
  burst: 1,
  amend: 3,
  read: 4,
  conflict: 1,
  sync: 0.5,
  release: 0.5,
  deaf: 0.5,
  hear: 1,
  away: 0.4,
  back: 2,
  look: 0,
} as const;
const WITH_A_PAST = { ...ACTS, amend: 6, look: 4 } as const;

const EMOJI = ["👍", "🎉"];

/** Lets a device act again and again until the storm ends. */
export function live(sim: Sim, device: Device): void {
  const next = (): void => {
    if (sim.calm) return;
    if (!sim.lull) act(sim, device);
    sim.clock.after(sim.chance.between(1, 2 * sim.profile.pace), next);
  };
  sim.clock.after(sim.chance.between(0, sim.profile.pace), next);
}

function act(sim: Sim, device: Device): void {
  const { chance, profile } = sim;
  const what = chance.weighted<keyof typeof ACTS>(
    profile.past > 0 ? WITH_A_PAST : profile.crowd ? { ...ACTS, burst: 4 } : ACTS,
  );
  if (what === "send") device.post([message(sim, device)]);
  else if (what === "burst") {
    const cid = chat(sim, device);
    device.post(Array.from({ length: chance.between(1, profile.burst) }, () => message(sim, device, cid)));
  } else if (what === "amend") device.post(amendment(sim, device));
  else if (what === "conflict") device.post(conflict(sim, device));
  else if (what === "read") device.read(chat(sim, device));
  else if (what === "sync") device.sync();
  else if (what === "release") device.release();
  else if (what === "deaf") device.deaf = true;
  else if (what === "hear") device.deaf = false;
  else if (what === "look") device.look(chat(sim, device));
  else if (what === "away") device.leave();
  else device.away = false;
}

function chat(sim: Sim, device: Device): Cid {
  const others = sim.uids.filter((uid) => uid !== device.uid);
  // One chat is busy, the others are not.
  const other = sim.chance.hit(0.6) ? others[0] : undefined;
  return directCid(device.uid, other ?? sim.chance.pick(others));
}

export function message(sim: Sim, device: Device, cid = chat(sim, device)): Post {
  const to = kindOf(cid) === "group" || sim.chance.hit(0.5) ? cid : `@${device.peer(cid)}`;
  const id = idOf(sim);
  return post(cid, {
    t: "send",
    id,
    to,
    kind: "text",
    body: { text: `text of ${id}` },
    qos: sim.chance.hit(0.2) ? 2 : 1,
    ...answering(sim, device, cid),
  });
}

/** The newest; where there is a past, also anything in it, and its beginning more than the rest. */
function talkedAbout<T>({ profile, chance }: Sim, shown: readonly T[]): readonly T[] {
  const what = profile.past > 0 ? chance.weighted({ newest: 3, anything: 3, beginning: 4 }) : "newest";
  return what === "newest" ? shown.slice(-8) : what === "beginning" ? shown.slice(0, 8) : shown;
}

/** Where there is much to answer, some do. */
function answering(sim: Sim, device: Device, cid: Cid): { reply_to?: number } {
  if (sim.profile.past === 0 || !sim.chance.hit(0.3)) return {};
  const { shown } = device.chat(cid);
  return shown.length > 0 ? { reply_to: sim.chance.pick(shown).seq } : {};
}

export function amendment(sim: Sim, device: Device, cid = chat(sim, device)): Post[] {
  const { chance } = sim;
  const shown = device
    .chat(cid)
    .shown.filter((entry) => entry.kind !== "amend" && entry.kind !== "system" && !entry.recalled);
  if (shown.length === 0) return [];
  const { seq, from } = chance.pick(talkedAbout(sim, shown));
  const own = from === device.uid;
  const op = own
    ? chance.pick(["edit", "edit", "recall", "react"] as const)
    : chance.pick(["react", "unreact"] as const);
  const id = idOf(sim);
  const frame = { t: "amend", id, cid, target: seq, op } as const;
  if (op === "recall") return [post(cid, frame)];
  return [post(cid, { ...frame, body: op === "edit" ? { text: `edit ${id}` } : { emoji: chance.pick(EMOJI) } })];
}

/** The id of something sent, used again for something else. */
export function conflict(sim: Sim, device: Device): Post[] {
  const sent = device.outbox.posts.filter(
    ({ state, conflicting, frame }) => state === "sent" && !conflicting && frame.t === "send",
  );
  if (sent.length === 0) return [];
  const { frame, cid } = sim.chance.pick(sent);
  const known = device.outbox.posts.some((other) => other.conflicting && other.frame.id === frame.id);
  return known ? [] : [{ ...post(cid, { ...frame, body: { text: "something else" } }), conflicting: true }];
}

function post(cid: Cid, frame: PostFrame): Post {
  return {
    frame,
    cid,
    conflicting: false,
    state: "open",
    seq: undefined,
    code: undefined,
    writtenAt: undefined,
    notBefore: 0,
  };
}

/** ULIDs, and ids that carry no time: those are only known inside the window. */
function idOf(sim: Sim): string {
  const { chance, clock, config } = sim;
  if (config.messages.dedup_ms > 1e6 && chance.hit(0.5)) return sim.name("message-");
  const random = Uint8Array.from({ length: 16 }, () => chance.between(0, 255));
  return makeUlid(clock.now, random);
}
