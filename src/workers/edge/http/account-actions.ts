/** Accounts and logins: registering, logging in, exchanging refresh tokens, logging out. */
import { err, ok, type Result } from "../../../lib/result.ts";
import { refuse, type Refusal } from "../../../protocol/codes.ts";
import { makeUlid, type Uid } from "../../../protocol/ids.ts";
import type { User } from "../../../store/store.ts";
import type { Services } from "../../env.ts";
import { LIVE_MS, type Identity } from "../auth.ts";
import { ask } from "./ask.ts";
import { claimed } from "./idempotency.ts";
import type { KeyedServices } from "./keyed.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";
import type { Random } from "./random.ts";
import { formatRefreshToken, judge, makeRefreshToken, parseRefreshToken, type RefreshToken } from "../refresh.ts";
import { hashSecret, issueToken, keyedHash } from "../tokens.ts";

/** What a client gets for registering, logging in and refreshing. */
export interface Granted {
  readonly user: User;
  readonly token: string;
  readonly refresh_token: string;
  /** Seconds until `token` ends. */
  readonly expires_in: number;
}

export interface Registration {
  readonly username: string;
  readonly password: string;
  readonly name: string;
}

/**
 * Makes an account and its first login. With an idempotency key a repetition finds the account that the first request made,
 * and the same key with another request is refused with `id_conflict`.
 */
export async function register(
  services: KeyedServices,
  input: Registration,
  key: string | undefined,
  now: number,
  random: Random,
): Promise<Result<Granted, Refusal>> {
  const { users } = services.store;
  const fresh = `u_${makeUlid(now, random(16))}` as Uid;
  const request = [input.username, input.password, input.name];
  const uid = await claimed(services, ["register"], key, request, fresh, now);
  if (!uid.ok) return uid;
  // A username that is taken is found out before the costly hash; `create` decides between two at once.
  const holder = await users.findByUsername(input.username);
  if (holder === undefined) {
    const password = await hashPassword(input.password, services.config.auth.scrypt_log_n, random(16));
    const { username, name } = input;
    await users.create({ id: uid.value, username, name, password }, now);
  }
  const user = holder ?? (await users.findByUsername(input.username));
  if (user?.id !== uid.value) return err(refuse("already_exists", "this username is taken"));
  return ok(await begin(services, user, now, random));
}

/** Wrong passwords for one username within a minute, as one isolate counts them; the right one waits as well then. */
const ATTEMPTS = 20;
const ATTEMPTS_MS = 60_000;

/** Begins a login. An unknown username and a wrong password are one answer, after the same work. */
export async function login(
  services: KeyedServices,
  username: string,
  password: string,
  now: number,
  random: Random,
): Promise<Result<Granted, Refusal>> {
  const attempts = services.attempts.get(username, now) ?? 0;
  if (attempts >= ATTEMPTS) return err(refuse("rate_limited", "too many attempts for this username", ATTEMPTS_MS));
  const known = await services.store.users.credentials(username);
  const right = await verifyPassword(password, known?.password, services.config.auth.scrypt_log_n);
  if (known === undefined || !right) {
    services.attempts.set(username, attempts + 1, now + ATTEMPTS_MS);
    return err(refuse("unauthenticated", "username or password is wrong"));
  }
  return ok(await begin(services, known.user, now, random));
}

/**
 * Exchanges a refresh token. Repeated within the grace it gives the same successor, since an answer may get lost; one that was
 * exchanged before that ends its login, since one of the two holders is a thief.
 */
export async function refresh(services: KeyedServices, text: string, now: number): Promise<Result<Granted, Refusal>> {
  const { logins, users } = services.store;
  const { refresh_s, refresh_grace_s } = services.config.auth;
  const token = parseRefreshToken(text);
  let row = token && (await logins.find(token.login));
  const user = row && (await users.find(row.uid));
  if (token === undefined || row === undefined || user === undefined || user.deleted > 0) return err(NO_REFRESH);
  const next = { ...token, secret: await successor(services, token) };
  const hashes = {
    family: await hashSecret(token.family),
    secret: await hashSecret(token.secret),
    next: await hashSecret(next.secret),
  };
  let verdict = judge(hashes, row, now, refresh_grace_s * 1000);
  if (verdict === "newest") {
    if (await logins.rotate(token.login, hashes.secret, hashes.next, now + refresh_s * 1000, now)) {
      return ok(await grant(services, user, next, now));
    }
    // Somebody was faster: the same client once more, or a thief.
    row = await logins.find(token.login);
    verdict = judge(hashes, row, now, refresh_grace_s * 1000);
  }
  if (verdict === "repeated") return ok(await grant(services, user, next, now));
  if (verdict === "unknown" || row === undefined) return err(NO_REFRESH);
  const ended = await end(services, row.uid, token.login, now);
  return ended.ok ? err(refuse("unauthenticated", "the refresh token was used before; this login has ended")) : ended;
}

/** The secret that a token is exchanged for: known to whoever has the server's key, and to nobody from a copy of the store. */
function successor({ tokenKey }: KeyedServices, { login: id, secret }: RefreshToken): Promise<string> {
  return keyedHash(tokenKey, "refresh", `${id}\n${secret}`);
}

const NO_REFRESH = refuse("unauthenticated", "the refresh token is not valid");

/** Ends the login of a token; its refresh tokens, and its connections. May be repeated. */
export async function logout(services: Services, identity: Identity, now: number): Promise<Result<void, Refusal>> {
  if (identity.login === undefined) {
    return err(refuse("invalid_argument", "this token is of another issuer, which alone can end it"));
  }
  return end(services, identity.uid, identity.login, now);
}

/** Deletes the account: what belongs to it goes by and by, its logins at once. May be repeated. */
export async function deleteAccount(
  services: Services,
  identity: Identity,
  now: number,
): Promise<Result<void, Refusal>> {
  const { uid, login: id } = identity;
  const begun = await ask(() => services.user(uid).remove(true));
  if (!begun.ok) return begun;
  if (id === undefined) services.ensured.set(uid, "deleted", now + LIVE_MS);
  else services.logins.set(id, "ended", now + services.config.auth.access_s * 1000);
  return ok(undefined);
}

/** Ends a login of a user: what it could do, then its connections; its devices are forgotten. May be repeated. */
export async function end(services: Services, uid: Uid, id: string, now: number): Promise<Result<void, Refusal>> {
  // First what keeps the login from connecting again, then its connections.
  await services.store.logins.end(id);
  services.logins.set(id, "ended", now + services.config.auth.access_s * 1000);
  return ask(() => services.user(uid).endSessions(id));
}

async function begin(services: KeyedServices, user: User, now: number, random: Random): Promise<Granted> {
  const token = makeRefreshToken(makeUlid(now, random(16)), random(48));
  const expires = now + services.config.auth.refresh_s * 1000;
  const hashes = { family: await hashSecret(token.family), current: await hashSecret(token.secret) };
  await services.store.logins.begin({ id: token.login, uid: user.id, ...hashes, expires, exchanged: 0 }, now);
  return grant(services, user, token, now);
}

async function grant(services: KeyedServices, user: User, refreshToken: RefreshToken, now: number): Promise<Granted> {
  const { auth } = services.config;
  // What usually comes next is a request or a connection with this token, here.
  services.logins.set(refreshToken.login, "live", now + LIVE_MS);
  return {
    user,
    token: await issueToken(services.tokenKey, auth, user.id, refreshToken.login, now),
    refresh_token: formatRefreshToken(refreshToken),
    expires_in: auth.access_s,
  };
}
