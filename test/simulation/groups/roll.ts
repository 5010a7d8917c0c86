/**
 * Who is a member of a group since which entry and until which, read from the log as it is durable and from nothing else: what anybody
 * may see is decided here (SEC1).
 */
import type { Cid, Uid } from "../../../src/protocol/ids.ts";
import type { Durable, Ledger } from "../ledger.ts";
import type { Stats } from "../stats.ts";

export interface Stay {
  /** Entries up to here are from before; where reading begins. */
  readonly floor: number;
  readonly since: number;
  /** The entry that ended it; undefined: it goes on. */
  left: number | undefined;
}

interface Body {
  readonly event: string;
  readonly users?: readonly Uid[];
  readonly user?: Uid;
  readonly role?: string;
  readonly history?: "join" | "all";
}

/** An entry just before a removal crossed it. */
const CROSSING = 3;

export class Roll {
  readonly #cid: Cid;
  readonly #ledger: Ledger;
  readonly #stats: Stats;
  readonly #stays = new Map<Uid, Stay[]>();
  #history: "join" | "all";
  #read = 0;
  #ended = false;
  #owner: Uid | undefined;

  constructor(cid: Cid, ledger: Ledger, history: "join" | "all", stats: Stats) {
    this.#cid = cid;
    this.#ledger = ledger;
    this.#history = history;
    this.#stats = stats;
  }

  get head(): number {
    return this.#ledger.head(this.#cid);
  }

  get owner(): Uid | undefined {
    this.#update();
    return this.#owner;
  }

  get ended(): boolean {
    this.#update();
    return this.#ended;
  }

  get members(): Uid[] {
    this.#update();
    return [...this.#stays.keys()].filter((uid) => this.inside(uid) !== undefined);
  }

  stays(uid: Uid): readonly Stay[] {
    this.#update();
    return this.#stays.get(uid) ?? [];
  }

  /** The membership that goes on. */
  inside(uid: Uid): Stay | undefined {
    const last = this.stays(uid).at(-1);
    return last?.left === undefined ? last : undefined;
  }

  /** Whether the entry is, or was, this user's to see. */
  visible(uid: Uid, seq: number): boolean {
    return this.stays(uid).some(({ floor, left }) => seq > floor && seq <= (left ?? Number.POSITIVE_INFINITY));
  }

  /** The last entry of which this user may know that it is there; 0 = none. */
  horizon(uid: Uid): number {
    const last = this.stays(uid).at(-1);
    return last === undefined ? 0 : (last.left ?? this.head);
  }

  /** It has been a stranger to the group, or is one: refusals may come of that. */
  wasOutside(uid: Uid): boolean {
    const stays = this.stays(uid);
    return stays.length !== 1 || stays[0]?.left !== undefined;
  }

  #update(): void {
    const entries = this.#ledger.entries(this.#cid);
    for (; this.#read < entries.length; this.#read += 1) {
      const entry = entries[this.#read] as Durable;
      if (entry.kind === "system") this.#event(entry, JSON.parse(entry.body) as Body);
    }
  }

  #event({ seq, id, from }: Durable, { event, users = [], user, history }: Body): void {
    const first = id.startsWith("created");
    if (event === "created") {
      this.#owner = from as Uid;
      this.#begin(from as Uid, 0, 0);
    } else if (event === "member_added" || event === "member_joined") {
      for (const one of users) {
        if (first) this.#begin(one, 0, 0);
        else this.#begin(one, this.#history === "all" ? 0 : seq - 1, seq - 1);
      }
    } else if (event === "member_removed") for (const one of users) this.#end(one, seq);
    else if (event === "owner_changed") this.#owner = user;
    else if (event === "changed") this.#history = history ?? this.#history;
    else if (event === "dismissed") {
      this.#ended = true;
      for (const one of this.#stays.keys()) this.#end(one, seq);
    }
  }

  #begin(uid: Uid, floor: number, since: number): void {
    const stays = this.#stays.get(uid) ?? [];
    this.#stats.count(stays.length > 0 ? "memberships begun again" : "memberships");
    this.#stays.set(uid, [...stays, { floor, since, left: undefined }]);
  }

  #end(uid: Uid, seq: number): void {
    const stay = this.#stays.get(uid)?.at(-1);
    if (stay === undefined || stay.left !== undefined) return;
    stay.left = seq;
    this.#stats.count("removals");
    const near = this.#ledger.entries(this.#cid).slice(Math.max(0, seq - 1 - CROSSING), seq - 1);
    if (near.some(({ kind }) => kind === "text")) this.#stats.count("messages crossing a removal");
  }
}
