/**
 * The cache: the memory of an isolate, and Redis, in front of loaders that know the truth. Nothing is right because of it.
 *
 * Every key, behind `<cache.prefix>:` of the configuration:
 *
 * | key                | what                          | Redis    | life there, isolate | who changes it                          |
 * | ------------------ | ----------------------------- | -------- | ------------------- | --------------------------------------- |
 * | `user:<uid>`       | a row of the users, or none   | metadata | `profile_ms`, 5 s   | `users.ts`: create, ensure, update, remove |
 * | `history:<cid>:<generation>:<block>` | 64 entries that have left a log | cache | `history_ms`, the same | nobody: an amendment makes a new generation, and `history.ts` empties the old block |
 * | `username:<name>`  | the uid of a username, or none | metadata | `profile_ms`, 5 s  | `users.ts`: create; it never changes    |
 *
 * Reads look here, then there, then load, each id once at a time in an isolate. A value has a version, which its loader's
 * source gave it. A change (`write`, `invalidate`) leaves the version behind as a floor, in the isolate and in Redis, for
 * longer than a load may take: a loader that read before the change cannot bring back what it read (`isolate.ts`, `PUT_SCRIPT`).
 *
 * How old a value can be: after a change that Redis heard of, an isolate that did not make it hands out the old value for
 * `isolate_ms` and `stale_ms` of its kind, and a flight that began before. When Redis did not hear of it, who made the change
 * tells it later, and if he cannot, it lapses after `ttl_ms` and `stale_ms`.
 */
import { noCounts, type Counts } from "./counts.ts";
import type { Entry } from "./entry.ts";
import { Isolate, type Held } from "./isolate.ts";
import { jittered, type CacheKind, type Purpose } from "./kind.ts";
import { floorChange, Remote, type Change, type Redis, type RemoteMetrics, type RemotePort } from "./remote.ts";

export interface CacheOptions {
  readonly prefix: string;
  readonly isolate_bytes: number;
  /** Failures in a row after which Redis is left alone, and for how long. */
  readonly failures: number;
  readonly open_ms: number;
  /** How long a read waits for what another fetches, before it fetches by itself. */
  readonly flight_ms: number;
}

export interface CachePort extends RemotePort {
  /** From 0 to 1. */
  chance(): number;
  /** Resolves after so long, unless cancelled. */
  timer(ms: number): { readonly done: Promise<void>; cancel(): void };
}

export interface CacheMetrics {
  readonly kinds: Readonly<Record<string, Readonly<Counts>>>;
  /** Undefined: there is none. */
  readonly redis: Readonly<Record<Purpose, RemoteMetrics | undefined>>;
  readonly isolate_bytes: number;
}

/** Longer than any load takes whose result is kept. */
const FLOOR_MS = 60_000;
/** How far clocks may be apart: what lapses later than that is believed by nobody. */
const SKEW_MS = 60_000;
/** Flights of others that one read waits for in vain, one after the other. */
const MOST_WAITS = 2;

interface Flight {
  readonly values: Promise<ReadonlyMap<string, unknown>>;
  readonly began: number;
}

type Loader<K extends string, T> = (ids: readonly K[]) => Promise<ReadonlyMap<K, T>>;

export class Cache {
  readonly #options: CacheOptions;
  readonly #port: CachePort;
  readonly #isolate: Isolate;
  readonly #remotes: Readonly<Record<Purpose, Remote | undefined>>;
  readonly #flights = new Map<string, Flight>();
  readonly #counts = new Map<string, Counts>();

  /** One Redis may serve both purposes; without any, the isolate is all there is. */
  constructor(redis: Readonly<Record<Purpose, Redis | undefined>>, options: CacheOptions, port: CachePort) {
    this.#options = options;
    this.#port = port;
    this.#isolate = new Isolate(options.isolate_bytes, FLOOR_MS, () => port.now());
    const remote = (one: Redis | undefined): Remote | undefined =>
      one && new Remote(one, { failures: options.failures, openMs: options.open_ms, floorMs: FLOOR_MS }, port);
    const cache = remote(redis.cache);
    this.#remotes = { cache, metadata: redis.metadata === redis.cache ? cache : remote(redis.metadata) };
  }

  /** The value of an id; undefined when there is none. Rejects only with what `load` rejects with. */
  async read<T>(kind: CacheKind<T>, id: string, load: () => Promise<T | undefined>): Promise<T | undefined> {
    const values = await this.readMany(kind, [id], async () => {
      const value = await load();
      return new Map(value === undefined ? [] : [[id, value]]);
    });
    return values.get(id);
  }

  /** The values of those ids that have one, with one request to Redis and one load for all that is missing. */
  async readMany<K extends string, T>(kind: CacheKind<T>, ids: readonly K[], load: Loader<K, T>): Promise<Map<K, T>> {
    const now = this.#port.now();
    const counts = this.#count(kind);
    const values = new Map<K, T>();
    const missing: K[] = [];
    const old: K[] = [];
    for (const id of new Set(ids)) {
      const key = this.#key(kind, id);
      const held = this.#isolate.get(key, now);
      if (held === undefined) missing.push(id);
      else {
        counts[held.value === "absent" ? "negative" : "isolate"] += 1;
        if (held.value !== "absent") values.set(id, held.value.of as T);
        if (now < held.fresh) continue;
        counts.stale += 1;
        if (!this.#flights.has(key)) old.push(id);
      }
    }
    if (old.length > 0) this.#background(this.#depart(kind, old, load));
    if (missing.length > 0) await this.#fetch(kind, missing, load, values);
    return values;
  }

  /**
   * Puts a value that its source has taken already in the place of older ones; the change began at `since`. Never rejects.
   * After so long a time that newer changes may be forgotten, it only invalidates.
   */
  async write<T>(kind: CacheKind<T>, id: string, value: T, since: number): Promise<void> {
    const version = kind.version(value);
    if (this.#port.now() - since >= FLOOR_MS / 2) return this.invalidate(kind, id, version);
    await this.#change(kind, id, version, (key, now) => {
      const json = JSON.stringify(value);
      const fresh = now + jittered(kind.ttl_ms, this.#port.chance());
      const entry: Entry = { version, fresh, body: { json } };
      // Believed here from when it began on: another isolate's change may have come between.
      this.#isolate.learn(key, hold(kind, entry, { of: value }, since), since, now);
      return { key, entry, lifeMs: life(kind, entry, now) };
    });
  }

  /** From now on, nothing older than the version is read. Never rejects. */
  async invalidate<T>(kind: CacheKind<T>, id: string, version: number): Promise<void> {
    await this.#change(kind, id, version, (key) => floorChange(key, version, FLOOR_MS));
  }

  /** What happened in this isolate, as plain data. */
  metrics(): CacheMetrics {
    const now = this.#port.now();
    const kinds = Object.fromEntries([...this.#counts].map(([name, counts]) => [name, { ...counts }]));
    const { cache, metadata } = this.#remotes;
    return {
      kinds,
      redis: { cache: cache?.metrics(now), metadata: metadata?.metrics(now) },
      isolate_bytes: this.#isolate.bytes,
    };
  }

  async #change<T>(
    kind: CacheKind<T>,
    id: string,
    version: number,
    make: (key: string, now: number) => Change,
  ): Promise<void> {
    const key = this.#key(kind, id);
    const now = this.#port.now();
    this.#isolate.raise(key, version, now);
    // Who reads from now on does not wait for what was fetched before.
    this.#flights.delete(key);
    const change = make(key, now);
    await this.#remotes[kind.purpose]?.tell(change);
  }

  /** Adds to `values` what neither level here has at once: of those that are under way already it waits for them. */
  async #fetch<K extends string, T>(
    kind: CacheKind<T>,
    ids: readonly K[],
    load: Loader<K, T>,
    values: Map<K, T>,
    waited = 0,
  ): Promise<void> {
    const now = this.#port.now();
    const flights = new Map<Flight, K[]>();
    const own: K[] = [];
    for (const id of ids) {
      const flight = this.#flights.get(this.#key(kind, id));
      // One that should long be there may have been lost with the request that it belonged to. Who sees that first begins
      // anew, and the others wait for him, but not for ever.
      const lost = flight === undefined || now - flight.began >= this.#options.flight_ms;
      if (lost || waited === MOST_WAITS) own.push(id);
      else flights.set(flight, [...(flights.get(flight) ?? []), id]);
    }
    const mine = own.length === 0 ? undefined : this.#depart(kind, own, load);
    const late: K[] = [];
    const waits = [...flights].map(async ([flight, theirs]) => {
      this.#count(kind).joined += theirs.length;
      const arrived = await this.#arrival(flight, now);
      if (arrived === undefined) late.push(...theirs);
      else this.#collect(kind, theirs, arrived, values);
    });
    const [arrived] = await Promise.all([mine?.values, ...waits]);
    if (arrived !== undefined) this.#collect(kind, own, arrived, values);
    if (late.length > 0) await this.#fetch(kind, late, load, values, waited + 1);
  }

  #collect<K extends string, T>(
    kind: CacheKind<T>,
    ids: readonly K[],
    from: ReadonlyMap<string, unknown>,
    to: Map<K, T>,
  ): void {
    for (const id of ids) {
      const value = from.get(this.#key(kind, id));
      if (value !== undefined) to.set(id, value as T);
    }
  }

  /** What another request fetches; undefined when it takes too long. */
  async #arrival(flight: Flight, now: number): Promise<ReadonlyMap<string, unknown> | undefined> {
    const timer = this.#port.timer(flight.began + this.#options.flight_ms - now);
    try {
      return await Promise.race([flight.values, timer.done.then(() => undefined)]);
    } finally {
      timer.cancel();
    }
  }

  /** Begins to fetch, for everybody who wants these ids meanwhile, even if who began does not wait for it. */
  #depart<K extends string, T>(kind: CacheKind<T>, ids: readonly K[], load: Loader<K, T>): Flight {
    const began = this.#port.now();
    const flight: Flight = { values: this.#ask(kind, ids, load, began), began };
    this.#land(kind, ids, flight);
    return flight;
  }

  #land<T>(kind: CacheKind<T>, ids: readonly string[], flight: Flight): void {
    const keys = ids.map((id) => this.#key(kind, id));
    for (const key of keys) this.#flights.set(key, flight);
    const over = (): void => {
      for (const key of keys) if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    this.#port.later(flight.values.then(over, over));
  }

  /** Redis, then the loader. The result is by key. */
  async #ask<K extends string, T>(
    kind: CacheKind<T>,
    ids: readonly K[],
    load: Loader<K, T>,
    since: number,
  ): Promise<ReadonlyMap<string, unknown>> {
    const remote = this.#remotes[kind.purpose];
    const keys = ids.map((id) => this.#key(kind, id));
    const entries = remote === undefined ? [] : await remote.get(keys);
    const now = this.#port.now();
    const counts = this.#count(kind);
    const values = new Map<string, unknown>();
    const old: K[] = [];
    const missing = ids.filter((id, i) => {
      const key = keys[i] ?? "";
      const entry = entries[i];
      if (entry === undefined || entry.body === "floor" || entry.version < this.#isolate.floor(key, now)) return true;
      const value = parse(kind, entry.body);
      const { fresh } = entry;
      const credible = fresh <= now + (value === "absent" ? kind.negative_ms : kind.ttl_ms) + SKEW_MS;
      if (value === undefined || !credible) counts.garbage += 1;
      if (value === undefined || !credible || now >= fresh + kind.stale_ms) return true;
      counts[value === "absent" ? "negative" : "redis"] += 1;
      if (value !== "absent") values.set(key, value.of);
      if (now >= fresh) {
        counts.stale += 1;
        old.push(id);
      }
      this.#isolate.learn(key, hold(kind, entry, value, since), since, now);
      return false;
    });
    // What is old stays under way until it is loaded, so that the next reader does not begin it again.
    if (old.length > 0) this.#background(this.#reload(kind, old, load));
    if (missing.length === 0) return values;
    counts.miss += missing.length;
    for (const [key, value] of await this.#load(kind, missing, load, since)) values.set(key, value);
    return values;
  }

  #reload<K extends string, T>(kind: CacheKind<T>, ids: readonly K[], load: Loader<K, T>): Flight {
    const began = this.#port.now();
    const flight: Flight = { values: this.#load(kind, ids, load, began), began };
    this.#land(kind, ids, flight);
    return flight;
  }

  async #load<K extends string, T>(
    kind: CacheKind<T>,
    ids: readonly K[],
    load: Loader<K, T>,
    since: number,
  ): Promise<ReadonlyMap<string, unknown>> {
    const counts = this.#count(kind);
    counts.load += 1;
    let loaded: ReadonlyMap<K, T>;
    try {
      loaded = await load(ids);
    } catch (error) {
      counts.error += 1;
      throw error;
    }
    const now = this.#port.now();
    const values = new Map<string, unknown>();
    const changes: Change[] = [];
    for (const id of ids) {
      const key = this.#key(kind, id);
      const value = loaded.get(id);
      if (value !== undefined) values.set(key, value);
      const entry = this.#entryOf(kind, value, since);
      const kept = this.#isolate.learn(
        key,
        hold(kind, entry, value === undefined ? "absent" : { of: value }, since),
        since,
        now,
      );
      if (kept) changes.push({ key, entry, lifeMs: life(kind, entry, since) });
      else counts.late += 1;
    }
    const remote = this.#remotes[kind.purpose];
    if (remote !== undefined && changes.length > 0) this.#port.later(remote.keep(changes));
    return values;
  }

  #entryOf<T>(kind: CacheKind<T>, value: T | undefined, now: number): Entry {
    const fresh = now + jittered(value === undefined ? kind.negative_ms : kind.ttl_ms, this.#port.chance());
    if (value === undefined) return { version: 0, fresh, body: "absent" };
    return { version: kind.version(value), fresh, body: { json: JSON.stringify(value) } };
  }

  /** Whoever waits for it hears of a failure; nobody may. */
  #background({ values }: Flight): void {
    this.#port.later(values.catch(() => {}));
  }

  #key<T>(kind: CacheKind<T>, id: string): string {
    return `${this.#options.prefix}:${kind.name}:${id}`;
  }

  #count<T>({ name }: CacheKind<T>): Counts {
    const known = this.#counts.get(name);
    if (known !== undefined) return known;
    const fresh = noCounts();
    this.#counts.set(name, fresh);
    return fresh;
  }
}

function hold<T>(kind: CacheKind<T>, { version, fresh, body }: Entry, value: Held["value"], since: number): Held {
  const until = Math.min(fresh, since + kind.isolate_ms);
  return {
    version,
    value,
    fresh: until,
    stale: until + kind.stale_ms,
    size: typeof body === "object" ? body.json.length : 0,
  };
}

/** In Redis an entry that has a version lives as long as a floor at least, so that what is older stays out meanwhile. */
function life<T>(kind: CacheKind<T>, { version, fresh }: Entry, now: number): number {
  const ms = fresh - now + kind.stale_ms;
  return Math.max(1, version > 0 ? Math.max(ms, FLOOR_MS) : ms);
}

/** The value of a body; undefined when it is none of this kind. */
function parse<T>(
  kind: CacheKind<T>,
  body: { readonly json: string } | "absent",
): { readonly of: T } | "absent" | undefined {
  if (body === "absent") return body;
  try {
    const parsed = kind.schema.safeParse(JSON.parse(body.json));
    return parsed.success ? { of: parsed.data } : undefined;
  } catch {
    return undefined;
  }
}
