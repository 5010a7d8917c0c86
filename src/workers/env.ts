/**
 * From bindings to services: the only place that reads them. Services are made once per isolate and shared by its requests,
 * so they hold bindings and plain data, never anything that belongs to one request.
 */
import { waitUntil } from "cloudflare:workers";
import { redisAddresses, type RedisSecrets } from "../cache/address.ts";
import { Cache } from "../cache/cache.ts";
import { upstash } from "../cache/upstash.ts";
import { CachedHistory } from "../cache/history.ts";
import { cachedUsers } from "../cache/users.ts";
import { parseConfig, type Config } from "../config/config.ts";
import { historyBinding, MAIN_SHARD, NO_REGION } from "../config/routing.ts";
import type { ConversationObject } from "../durable-objects/conversation/conversation-object.ts";
import type { RelayObject } from "../durable-objects/relay/relay-object.ts";
import type { ConversationRpc, UserRpc } from "../durable-objects/rpc.ts";
import type { UserObject } from "../durable-objects/user/user-object.ts";
import { describe, log } from "../observability/log.ts";
import type { Cid, Uid } from "../protocol/ids.ts";
import { d1Store } from "../store/d1/store.ts";
import { databaseAddress, type DatabaseSecrets } from "../store/mysql/address.ts";
import { mysqlStore } from "../store/mysql/store.ts";
import type { Messages } from "../store/messages.ts";
import type { Store, Users } from "../store/store.ts";
import { ExternalKeys } from "./edge/external-keys.ts";
import { fetchJson } from "./edge/http/fetch-json.ts";
import { Recent } from "./edge/recent.ts";
import { readAdminKey } from "./edge/http/admin-key.ts";
import { readTokenKey, type TokenKey } from "./edge/tokens.ts";
import type { Router } from "./router/router.ts";
import type { RoutingObject } from "./router/routing-object.ts";
import type { RouterRpc } from "./router/rpc.ts";
import { Routes } from "./routes.ts";

export interface Env extends DatabaseSecrets, RedisSecrets {
  readonly USERS: DurableObjectNamespace<UserObject>;
  readonly CONVERSATIONS: DurableObjectNamespace<ConversationObject>;
  readonly RELAYS: DurableObjectNamespace<RelayObject>;
  readonly ROUTING: DurableObjectNamespace<RoutingObject>;
  readonly ROUTER: Service<Router>;
  /** The embedded store, which serves when no MySQL is bound. */
  readonly DB?: D1Database;
  /** Secret: at least 32 random bytes in base64url. */
  readonly TOKEN_KEY?: string;
  /** Secret: at least 32 random characters. Without it nobody is let in to the admin routes. */
  readonly ADMIN_KEY?: string;
  /** JSON overrides of the configuration. */
  readonly CONFIG?: string;
  /** The web client's files; without it there are no pages. */
  readonly ASSETS?: Fetcher;
}

export interface Services {
  readonly config: Config;
  /** Users are read through the cache. */
  readonly store: Store;
  /** The database of a history shard; undefined when none is bound for it. */
  history(shard: string): Messages | undefined;
  /** All of them: who searches does not know which conversation is where. */
  readonly histories: readonly Messages[];
  /** The same as `store.users`. */
  readonly users: Users;
  readonly cache: Cache;
  /** What has left the conversations' logs. */
  readonly pages: CachedHistory;
  /** Fetches ahead what a user who has just come will be asked for. At most three sub-requests, which nobody waits for. */
  warm(uid: Uid): void;
  /** Undefined: TOKEN_KEY is unusable, which `problems` says. */
  readonly tokenKey: TokenKey | undefined;
  /** Undefined: there is none, or it is unusable, which `problems` says. */
  readonly adminKey: string | undefined;
  /** Keys of the external issuer, when one is configured. */
  readonly external: ExternalKeys | undefined;
  /** Logins that were looked up lately. */
  readonly logins: Recent<"live" | "ended">;
  /** Wrong passwords lately, by username. */
  readonly attempts: Recent<number>;
  /** External users who were looked up lately. */
  readonly ensured: Recent<"live" | "deleted">;
  /** What is wrong with configuration and secrets; the edge serves nothing while there is something. */
  readonly problems: readonly string[];
  /** A fresh stub: one that threw is broken, so none is kept. An object is made near where the router hints, if it does. */
  user(uid: Uid): UserRpc;
  conversation(cid: Cid): ConversationRpc;
  /** Where keys belong, by a copy of the router's table. */
  readonly routes: Routes;
  readonly router: RouterRpc;
  /** Where an object that is made for this key had better be; undefined: wherever it is first asked for. */
  regionHint(key: string): DurableObjectLocationHint | undefined;
}

/** Keys of small facts that an isolate remembers; about 100 bytes each. */
const REMEMBERED = 20_000;

/** A router that takes longer is down: its callers go on by the table they have. */
const ROUTER_MS = 2_000;

const made = new WeakMap<Env, Services>();

/** The services behind an environment. Never throws: what is wrong with the environment is in `problems`. */
export function services(env: Env): Services {
  const known = made.get(env);
  if (known !== undefined) return known;
  const fresh = make(env);
  made.set(env, fresh);
  return fresh;
}

function make(env: Env): Services {
  const problems: string[] = [];
  const config = readConfig(env.CONFIG, problems);
  const tokenKey = readTokenKey(env.TOKEN_KEY);
  if (!tokenKey.ok) problems.push(tokenKey.error);
  const adminKey = readAdminKey(env.ADMIN_KEY);
  if (!adminKey.ok) problems.push(adminKey.error);
  const cache = cacheOf(env, config, problems);
  const source = storeOf(env, problems);
  const store = { ...source, users: cachedUsers(source.users, cache, config.cache) };
  for (const problem of problems) log("error", "start-up error", { problem });
  const history = historyOf(env, config, store, problems);
  const { external } = config.auth;
  const router = routerOf(env);
  const routes = new Routes(config.routing, {
    now: () => Date.now(),
    fetchTable: async (beyond) => {
      const answer = await within(ROUTER_MS, router.table(beyond));
      const table: unknown = structuredClone(answer);
      // An answer that is kept keeps the call that gave it, and so the object that asked, from sleeping.
      (answer as Partial<Disposable>)[Symbol.dispose]?.();
      return table;
    },
    later: waitUntil,
    failed: (error) => log("error", "the router does not answer", describe(error)),
  });
  const regionHint = (key: string): DurableObjectLocationHint | undefined => {
    const region = routes.local("region", key);
    if (!region.ok || region.value.node === NO_REGION) return undefined;
    return region.value.node as DurableObjectLocationHint;
  };
  const near = (key: string): DurableObjectNamespaceGetDurableObjectOptions => {
    const locationHint = regionHint(key);
    return locationHint === undefined ? {} : { locationHint };
  };
  return {
    config,
    store,
    history: (shard) => history.get(shard),
    histories: [...history.values()],
    users: store.users,
    cache,
    pages: new CachedHistory(cache, config.cache),
    // A store that does not answer says so to who asks.
    warm: (uid) => waitUntil(store.users.find(uid).catch(() => {})),
    tokenKey: tokenKey.ok ? tokenKey.value : undefined,
    adminKey: adminKey.ok ? adminKey.value : undefined,
    external: external === undefined ? undefined : new ExternalKeys(external.jwks_url, fetchJson),
    logins: new Recent(REMEMBERED),
    attempts: new Recent(REMEMBERED),
    ensured: new Recent(REMEMBERED),
    problems,
    user: (uid) => {
      // The type of a stub, mapped over the recursive type of JSON, is too deep for the compiler.
      const stub: unknown = env.USERS.get(env.USERS.idFromName(uid), near(uid));
      return stub as UserRpc;
    },
    conversation: (cid) => {
      const stub: unknown = env.CONVERSATIONS.get(env.CONVERSATIONS.idFromName(cid), near(cid));
      return stub as ConversationRpc;
    },
    routes,
    router,
    regionHint,
  };
}

/** MySQL when it is bound, else D1; where that is not bound either, every query fails. */
function storeOf(env: Env, problems: string[]): Store {
  const address = databaseAddress(env);
  if (!address.ok) problems.push(address.error);
  else if (address.value !== undefined) return mysqlStore({ url: address.value });
  else if (env.DB === undefined) problems.push("there is no store: bind the D1 database DB, or DATABASE_URL");
  return d1Store(env.DB as D1Database);
}

/** Without Redis the isolate is all the cache there is. */
function cacheOf(env: Env, config: Config, problems: string[]): Cache {
  const addresses = redisAddresses(env);
  if (!addresses.ok) problems.push(addresses.error);
  const { cache, metadata } = addresses.ok ? addresses.value : {};
  const redis = cache && upstash(cache, config.cache.deadline_ms);
  return new Cache(
    {
      cache: redis,
      metadata: metadata === cache ? redis : metadata && upstash(metadata, config.cache.deadline_ms),
    },
    config.cache,
    {
      now: () => Date.now(),
      chance: () => Math.random(),
      timer: (ms) => {
        const { promise: done, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, ms);
        return { done, cancel: () => clearTimeout(timer) };
      },
      later: waitUntil,
      failed: (error) => log("warn", "Redis does not answer; it is left alone for a while", describe(error)),
    },
  );
}

/** Where the history goes that is not in the store itself: for a shard `b` what is bound as `HISTORY_B`, a D1 database or a MySQL's address. */
function historyOf(env: Env, config: Config, store: Store, problems: string[]): Map<string, Messages> {
  const shards = new Map<string, Messages>([[MAIN_SHARD, store.messages]]);
  for (const { name } of config.routing.policies.history.nodes) {
    if (name === MAIN_SHARD) continue;
    const binding = historyBinding(name);
    const bound: unknown = (env as unknown as Record<string, unknown>)[binding];
    if (typeof bound === "object" && bound !== null) {
      shards.set(name, d1Store(bound as D1Database).messages);
      continue;
    }
    const address = databaseAddress(typeof bound === "string" ? { DATABASE_URL: bound } : {});
    if (address.ok && address.value !== undefined) shards.set(name, mysqlStore({ url: address.value }).messages);
    else
      problems.push(
        `the history shard ${name} has no database: bind ${binding}, a D1 database or a MySQL's https address`,
      );
  }
  return shards;
}

function readConfig(json: string | undefined, problems: string[]): Config {
  try {
    return parseConfig(json);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : "CONFIG is not valid");
    return parseConfig(undefined);
  }
}

/** The stub of an entrypoint keeps no connection, so one will do. */
function routerOf(env: Env): RouterRpc {
  const stub: unknown = env.ROUTER;
  return stub as RouterRpc;
}

/** Rejects when the work is not done in time; it may still come to its end. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
