/** One run: a storm, then healing, with the invariants checked at every step and at the end. */
import { directCid, type Uid } from "../../src/protocol/ids.ts";
import type { Bug } from "./bugs.ts";
import { storm } from "./faults.ts";
import { live } from "./habits.ts";
import { checkOutcome, checkReads, checkTaken } from "./outcome.ts";
import { changeGroup, liveInGroups } from "./groups/habits.ts";
import { checkOutcomeOfGroups, checkTakenInGroups } from "./groups/outcome.ts";
import { writePast } from "./history/past.ts";
import type { Stats } from "./stats.ts";
import { Violation } from "./violation.ts";
import { World, type WorldKind } from "./world.ts";

/** Time for everything that objects owe each other, ms: the longest back-offs and alarms. */
const MENDING_MS = 120_000;
/** Time for clients to come back and get what they lack, ms, and how often it is looked whether they have. */
const HEALING_MS = 240_000;
const LOOK_MS = 1000;
/** Longer than a reader believes that its watermarks arrived with somebody else's answer, ms. */
const TRUST_MS = 10_000;
/** Time for a disk to have confirmed, and for the store to have been told, ms. */
const WRITTEN_MS = 500;
const STORED_MS = 15_000;
/** Sizes that nothing may pass. */
const MOST_EVENTS = 20_000;
const MOST_UNDER_WAY = 2000;

export interface Run {
  readonly seed: number;
  readonly stats: Stats;
  /** Undefined: every invariant held. */
  readonly violation: Violation | undefined;
  /** Virtual ms since the start. */
  readonly at: number;
}

/** Runs one seed, with a deliberate fault if one is named. Exceptions other than violations are bugs of the cores or of the world. */
export function simulate(seed: number, bug?: Bug, tracer?: (line: string) => void, kind?: WorldKind): Run {
  const world = new World(seed, bug, tracer, kind);
  const begun = world.clock.now;
  const end = (violation?: Violation): Run => ({ seed, stats: world.stats, violation, at: world.clock.now - begun });
  try {
    run(world);
    return end();
  } catch (error) {
    if (error instanceof Violation) return end(error);
    throw new Error(`seed ${seed}`, { cause: error });
  } finally {
    for (const { disk } of world.hosts) disk.close();
  }
}

function run(world: World): void {
  const { clock, devices, profile } = world;
  const inGroups = world.groups.length > 0;
  if (profile.past > 0) {
    const [first, second] = world.uids as [Uid, Uid];
    writePast(world, directCid(first, second), profile.past);
    pass(world, WRITTEN_MS);
  }
  for (const device of devices) (inGroups ? liveInGroups : live)(world, device);
  for (const cid of world.groups) changeGroup(world, cid);
  storm(world, world);
  pass(world, profile.stormy);
  if (profile.lull > 0) {
    world.lull = true;
    pass(world, profile.lull);
    world.lull = false;
    pass(world, profile.stormy);
  }

  for (const mortal of [...world.hosts, ...world.edges]) if (world.chance.hit(profile.blow)) mortal.crash();
  world.calm = true;
  world.trace("world", () => "calm");
  for (const host of world.hosts) {
    host.comeBack();
    host.disk.refuses = false;
  }
  world.history.line.comeUp();
  if (profile.vanish) for (const device of devices) device.leave();
  pass(world, MENDING_MS);
  if (inGroups) {
    if (profile.vanish) checkTakenInGroups(world);
  } else if (profile.vanish) checkTaken(world, devices);
  else checkReads(world, devices);

  world.trace("world", () => "everybody comes back");
  for (const device of devices) device.settle();
  const deadline = clock.now + HEALING_MS;
  do pass(world, LOOK_MS);
  while (clock.now < deadline && !devices.every((device) => device.content));
  // Later than marks that rode along are trusted: who repeats them then is heard.
  pass(world, TRUST_MS);
  for (const device of devices) device.settle();
  pass(world, 15_000);
  if (profile.past > 0) checkArchived(world);
  if (!inGroups) return checkOutcome(world, devices);
  for (const device of devices) device.lookAgain();
  pass(world, 15_000);
  checkOutcomeOfGroups(world, devices);
}

/** Objects that died with something to tell the store tell it when they wake, for whatever reason. */
function checkArchived(world: World): void {
  for (const host of world.conversations) host.awake();
  pass(world, STORED_MS);
  for (const host of world.conversations) world.history.checks.outcome(host);
}

/** Lets virtual time pass. */
function pass(world: World, ms: number): void {
  const { clock, stats } = world;
  const until = clock.now + ms;
  while (clock.step(until));
  stats.peak("events", clock.size);
  if (clock.size > MOST_EVENTS) throw new Violation("queues", `${clock.size} events are waiting`);
  for (const { disk } of world.hosts) bounded(world, "held by one gate", disk.most);
  for (const uid of world.uids) {
    for (const { down } of world.user(uid).wires) bounded(world, "under way on one link", down.most);
  }
}

function bounded(world: World, what: string, size: number): void {
  world.stats.peak(what, size);
  if (size > MOST_UNDER_WAY) throw new Violation("queues", `${size} ${what}`);
}
