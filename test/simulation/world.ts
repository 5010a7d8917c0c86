/** One simulated world, made from a seed. */
import type { Config } from "../../src/config/config.ts";
import { kindOf, type Cid, type Uid } from "../../src/protocol/ids.ts";
import type { Bug } from "./bugs.ts";
import { Chance } from "./chance.ts";
import { Checks } from "./checks.ts";
import { Clock } from "./clock.ts";
import { ConversationHost } from "./conversation-host.ts";
import { Device } from "./device.ts";
import { Edge } from "./edge.ts";
import { GroupHost } from "./groups/group-host.ts";
import { groupProfileOf } from "./groups/profile.ts";
import { RelayHost } from "./groups/relay-host.ts";
import { Roll } from "./groups/roll.ts";
import { HistoryChecks } from "./history/checks.ts";
import { historyProfileOf } from "./history/profile.ts";
import { Blocks } from "./history/reader.ts";
import { StoreLine } from "./history/store-line.ts";
import { Ledger } from "./ledger.ts";
import { profileOf, type Profile } from "./profile.ts";
import type { Sim } from "./sim.ts";
import { Stats } from "./stats.ts";
import { UserHost } from "./user-host.ts";

/** Every so many seeds all frames are checked against their schemas. */
const SCHEMA_EVERY = 10;
const GROUPS = ["g.aaaaaaaaaaaaaaaaaaaaaaaaaa", "g.bbbbbbbbbbbbbbbbbbbbbbbbbb"] as Cid[];

/** Direct chats; groups; direct chats with a past, which leaves their logs. */
export type WorldKind = "chats" | "groups" | "history";
const PROFILES = { chats: profileOf, groups: groupProfileOf, history: historyProfileOf } as const;

export class World implements Sim {
  readonly chance: Chance;
  readonly clock = new Clock();
  readonly profile: Profile;
  readonly config: Config;
  readonly stats = new Stats();
  readonly ledger: Ledger;
  readonly checks: Checks;
  readonly bug: Bug | undefined;
  readonly uids: readonly Uid[];
  readonly edges: readonly Edge[];
  readonly devices: readonly Device[];
  calm = false;
  lull = false;
  readonly history: Sim["history"];
  readonly #users: ReadonlyMap<Uid, UserHost>;
  readonly groups: readonly Cid[];
  readonly rolls: ReadonlyMap<Cid, Roll>;
  readonly #chats = new Map<Cid, ConversationHost>();
  readonly #groupHosts = new Map<Cid, GroupHost>();
  readonly #relays = new Map<string, RelayHost>();
  #names = 0;

  readonly #tracer: ((line: string) => void) | undefined;

  constructor(seed: number, bug?: Bug, tracer?: (line: string) => void, kind: WorldKind = "chats") {
    this.#tracer = tracer;
    this.chance = new Chance(seed);
    this.profile = PROFILES[kind](this.chance);
    this.groups = GROUPS.slice(0, this.profile.groups);
    this.config = this.profile.config;
    this.ledger = new Ledger(this.stats);
    this.rolls = new Map(this.groups.map((cid) => [cid, new Roll(cid, this.ledger, this.profile.history, this.stats)]));
    this.checks = new Checks(this.ledger, this.rolls, this.stats, seed % SCHEMA_EVERY === 0);
    this.bug = bug;
    const line = new StoreLine(this, seed);
    this.history = { line, blocks: new Blocks(), checks: new HistoryChecks(this.ledger, line) };
    this.uids = ["ada", "bea", "cyd", "dot", "eve", "fay", "gus", "hal"].slice(0, this.profile.users) as Uid[];
    this.#users = new Map(this.uids.map((uid) => [uid, new UserHost(this, uid)]));
    this.edges = Array.from({ length: this.profile.edges }, () => new Edge(this));
    this.devices = this.uids.flatMap((uid) => {
      const count = this.chance.between(1, this.profile.devices);
      return Array.from({ length: count }, (_, i) => new Device(this, uid, `${uid}-${i + 1}`, this.edges));
    });
  }

  user(uid: Uid): UserHost {
    const host = this.#users.get(uid);
    if (host === undefined) throw new Error(`no user ${uid}`);
    return host;
  }

  conversation(cid: Cid): ConversationHost {
    return kindOf(cid) === "group"
      ? this.group(cid)
      : madeOnce(this.#chats, cid, () => new ConversationHost(this, cid));
  }

  group(cid: Cid): GroupHost {
    return madeOnce(this.#groupHosts, cid, () => new GroupHost(this, cid));
  }

  relay(cid: Cid, node: number): RelayHost {
    return madeOnce(this.#relays, `${cid}#${node}`, () => new RelayHost(this, cid, node));
  }

  get relays(): readonly RelayHost[] {
    return [...this.#relays.values()];
  }

  get conversations(): ConversationHost[] {
    return [...this.#chats.values(), ...this.#groupHosts.values()];
  }

  get hosts(): (UserHost | ConversationHost | RelayHost)[] {
    return [...this.#users.values(), ...this.#chats.values(), ...this.#groupHosts.values(), ...this.#relays.values()];
  }

  roll(cid: Cid): Roll {
    const roll = this.rolls.get(cid);
    if (roll === undefined) throw new Error(`no group ${cid}`);
    return roll;
  }

  trace(who: string, what: () => string): void {
    this.#tracer?.(`${String(this.clock.now % 1e7).padStart(7)} ${who.padEnd(12)} ${what()}`);
  }

  hop(): number {
    return this.chance.duration(8, 1500);
  }

  name(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }
}

function madeOnce<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
