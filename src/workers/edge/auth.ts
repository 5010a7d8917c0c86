/** From a bearer token to whom it speaks for; for HTTP requests and for `hello` alike. */
import { decodeProtectedHeader, createLocalJWKSet, jwtVerify } from "jose";
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { Uid } from "../../protocol/ids.ts";
import { StoreError } from "../../store/store.ts";
import type { Services } from "../env.ts";
import { ask } from "./http/ask.ts";
import { CLOCK_TOLERANCE_S, explain, verifyToken as verifyOwn } from "./tokens.ts";
import { DisplayName } from "./user-rules.ts";

export interface Identity {
  readonly uid: Uid;
  /** The login whose token it is; absent for tokens of an external issuer. */
  readonly login?: string;
  /** When the token ends, ms. */
  readonly expires: number;
  readonly external: boolean;
}

/** As much as `hello` takes. */
const TOKEN_CHARACTERS = 8192;
/** Only signatures that a public key checks: a shared secret cannot come out of a public document. */
const EXTERNAL_ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");
/** A logout, or the end of an account, takes effect at once in its own isolate, and this much later in all others. */
export const LIVE_MS = 30_000;

interface Verified {
  readonly identity: Identity;
  /** A name that the external issuer gives its user. */
  readonly name?: string;
}

/**
 * Who presents this token: of a login that still stands, or of the external issuer, whose user then has a row. Refuses with
 * `unauthenticated`, or `unavailable` when that could not be found out.
 */
export async function authenticate(token: string, services: Services, now: number): Promise<Result<Identity, Refusal>> {
  const verified = await verify(token, services, now);
  if (!verified.ok) return verified;
  const { identity, name } = verified.value;
  if (identity.login === undefined) return ensure(identity, name ?? identity.uid, services, now);
  if (await stands(identity.login, services, now)) return ok(identity);
  return err(refuse("unauthenticated", "this login has ended"));
}

/** The identity of a token by its signature alone; its login may have ended meanwhile. */
export async function authenticateToken(
  token: string,
  services: Services,
  now: number,
): Promise<Result<Identity, Refusal>> {
  const verified = await verify(token, services, now);
  return verified.ok ? ok(verified.value.identity) : verified;
}

async function verify(token: string, services: Services, now: number): Promise<Result<Verified, Refusal>> {
  if (services.tokenKey === undefined) return err(refuse("unavailable", "the server is not ready"));
  const header = readHeader(token);
  if (header === undefined) return err(refuse("unauthenticated", "the token is not valid"));
  if (header.alg !== "HS256") return verifyExternal(token, header.kid, services, now);
  const own = await verifyOwn(token, services.tokenKey, services.config.auth, now);
  if (!own.ok) return own;
  const { uid, login, expires } = own.value;
  return ok({ identity: { uid, login, expires, external: false } });
}

function readHeader(token: string): { alg: unknown; kid: string | undefined } | undefined {
  if (token.length > TOKEN_CHARACTERS) return undefined;
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    return { alg, kid: typeof kid === "string" ? kid : undefined };
  } catch {
    return undefined;
  }
}

async function verifyExternal(
  token: string,
  kid: string | undefined,
  services: Services,
  now: number,
): Promise<Result<Verified, Refusal>> {
  const issuer = services.config.auth.external;
  if (issuer === undefined || services.external === undefined) {
    return err(refuse("unauthenticated", "the token is not valid"));
  }
  const keys = await services.external.resolve(kid, now);
  if (!keys.ok) return keys;
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys.value), {
      algorithms: EXTERNAL_ALGORITHMS,
      issuer: issuer.issuer,
      audience: issuer.audience,
      requiredClaims: ["sub", "exp"],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(now),
    });
    const uid = Uid.safeParse(payload.sub);
    if (!uid.success) return err(refuse("unauthenticated", "the token's sub is not a user id"));
    const identity = { uid: uid.data, expires: (payload.exp ?? 0) * 1000, external: true };
    const name = DisplayName.safeParse(payload["name"]);
    return ok(name.success ? { identity, name: name.data } : { identity });
  } catch (error) {
    return err(explain(error));
  }
}

/**
 * A store that does not answer does not end anybody's login: the token is signed and short-lived, and reconnecting has to
 * work then, too.
 */
async function stands(login: string, services: Services, now: number): Promise<boolean> {
  const known = services.logins.get(login, now);
  if (known !== undefined) return known === "live";
  try {
    const row = await services.store.logins.find(login);
    const live = row !== undefined && row.expires > now;
    services.logins.set(login, live ? "live" : "ended", now + LIVE_MS);
    return live;
  } catch (error) {
    if (error instanceof StoreError) return true;
    throw error;
  }
}

async function ensure(
  identity: Identity,
  name: string,
  services: Services,
  now: number,
): Promise<Result<Identity, Refusal>> {
  const { uid } = identity;
  let known = services.ensured.get(uid, now);
  if (known === undefined) {
    try {
      const user = await services.users.find(uid);
      if (user === undefined) await services.users.ensure(uid, name, now);
      known = user !== undefined && user.deleted > 0 ? "deleted" : "live";
    } catch (error) {
      if (error instanceof StoreError) return err(refuse("unavailable", "the store does not answer", 1_000));
      throw error;
    }
    services.ensured.set(uid, known, now + LIVE_MS);
  }
  return known === "live" ? ok(identity) : err(DELETED);
}

const DELETED = refuse("unauthenticated", "this account is deleted");

/**
 * As `authenticate`, but for the deletion of the account itself: that may be repeated, so it takes a token that has ended with the
 * account, and no other that has ended.
 */
export async function authenticateLeaver(
  token: string,
  services: Services,
  now: number,
): Promise<Result<Identity, Refusal>> {
  const identity = await authenticate(token, services, now);
  if (identity.ok || identity.error.code !== "unauthenticated") return identity;
  const signed = await authenticateToken(token, services, now);
  if (!signed.ok) return signed;
  const begun = await ask(() => services.user(signed.value.uid).remove(false));
  if (!begun.ok) return begun;
  return begun.value ? signed : identity;
}
