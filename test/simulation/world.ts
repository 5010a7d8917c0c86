/** One simulated world, made from a seed. */
import type { Config } from "../../src/config/config.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import type { Bug } from "./bugs.ts";
import { Chance } from "./chance.ts";
import { Checks } from "./checks.ts";
import { Clock } from "./clock.ts";
import { ConversationHost } from "./conversation-host.ts";
import { Device } from "./device.ts";
import { Edge } from "./edge.ts";
import { Ledger } from "./ledger.ts";
import { profileOf, type Profile } from "./profile.ts";
import type { Sim } from "./sim.ts";
import { Stats } from "./stats.ts";
import { UserHost } from "./user-host.ts";

/** Every so many seeds all frames are checked against their schemas. */
const SCHEMA_EVERY = 10;

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
  readonly #users: ReadonlyMap<Uid, UserHost>;
  readonly #conversations = new Map<Cid, ConversationHost>();
  #names = 0;

  readonly #tracer: ((line: string) => void) | undefined;

  constructor(seed: number, bug?: Bug, tracer?: (line: string) => void) {
    this.#tracer = tracer;
    this.chance = new Chance(seed);
    this.profile = profileOf(this.chance);
    this.config = this.profile.config;
    this.ledger = new Ledger(this.stats);
    this.checks = new Checks(this.ledger, seed % SCHEMA_EVERY === 0);
    this.bug = bug;
    this.uids = ["ada", "bea", "cyd", "dot"].slice(0, this.profile.users) as Uid[];
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
    let host = this.#conversations.get(cid);
    if (host === undefined) {
      host = new ConversationHost(this, cid);
      this.#conversations.set(cid, host);
    }
    return host;
  }

  get hosts(): (UserHost | ConversationHost)[] {
    return [...this.#users.values(), ...this.#conversations.values()];
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
