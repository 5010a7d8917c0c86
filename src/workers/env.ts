/**
 * From bindings to services: the only place that reads them. Services are made once per isolate and shared by its requests,
 * so they hold bindings and plain data, never anything that belongs to one request.
 */
import { parseConfig, type Config } from "../config/config.ts";
import type { ConversationObject } from "../durable-objects/conversation/conversation-object.ts";
import type { ConversationRpc, UserRpc } from "../durable-objects/rpc.ts";
import type { UserObject } from "../durable-objects/user/user-object.ts";
import { log } from "../observability/log.ts";
import type { Cid, Uid } from "../protocol/ids.ts";
import { d1Store } from "../store/d1/store.ts";
import type { Store, Users } from "../store/store.ts";
import { ExternalKeys } from "./edge/external-keys.ts";
import { fetchJson } from "./edge/http/fetch-json.ts";
import { Recent } from "./edge/recent.ts";
import { readTokenKey, type TokenKey } from "./edge/tokens.ts";

export interface Env {
  readonly USERS: DurableObjectNamespace<UserObject>;
  readonly CONVERSATIONS: DurableObjectNamespace<ConversationObject>;
  readonly DB: D1Database;
  /** Secret: at least 32 random bytes in base64url. */
  readonly TOKEN_KEY?: string;
  /** JSON overrides of the configuration. */
  readonly CONFIG?: string;
}

export interface Services {
  readonly config: Config;
  readonly store: Store;
  /** The same as `store.users`. */
  readonly users: Users;
  /** Undefined: TOKEN_KEY is unusable, which `problems` says. */
  readonly tokenKey: TokenKey | undefined;
  /** Keys of the external issuer, when one is configured. */
  readonly external: ExternalKeys | undefined;
  /** Logins that were looked up lately. */
  readonly logins: Recent<"live" | "ended">;
  /** Wrong passwords lately, by username. */
  readonly attempts: Recent<number>;
  /** External users who have a row. */
  readonly ensured: Recent<true>;
  /** What is wrong with configuration and secrets; the edge serves nothing while there is something. */
  readonly problems: readonly string[];
  /** A fresh stub: one that threw is broken, so none is kept. */
  user(uid: Uid): UserRpc;
  conversation(cid: Cid): ConversationRpc;
}

/** Keys of small facts that an isolate remembers; about 100 bytes each. */
const REMEMBERED = 20_000;

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
  for (const problem of problems) log("error", "start-up error", { problem });
  const store = d1Store(env.DB);
  const { external } = config.auth;
  return {
    config,
    store,
    users: store.users,
    tokenKey: tokenKey.ok ? tokenKey.value : undefined,
    external: external === undefined ? undefined : new ExternalKeys(external.jwks_url, fetchJson),
    logins: new Recent(REMEMBERED),
    attempts: new Recent(REMEMBERED),
    ensured: new Recent(REMEMBERED),
    problems,
    user: (uid) => {
      // The type of a stub, mapped over the recursive type of JSON, is too deep for the compiler.
      const stub: unknown = env.USERS.get(env.USERS.idFromName(uid));
      return stub as UserRpc;
    },
    conversation: (cid) => env.CONVERSATIONS.get(env.CONVERSATIONS.idFromName(cid)),
  };
}

function readConfig(json: string | undefined, problems: string[]): Config {
  try {
    return parseConfig(json);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : "CONFIG is not valid");
    return parseConfig(undefined);
  }
}
