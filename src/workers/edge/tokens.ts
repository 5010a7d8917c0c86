/** Access tokens of our own: JWTs signed by TOKEN_KEY. */
import { base64url, errors, jwtVerify, SignJWT } from "jose";
import type { Config } from "../../config/config.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { Uid } from "../../protocol/ids.ts";

/** Clocks of edges, and of other issuers, may differ by this much. */
export const CLOCK_TOLERANCE_S = 5;
const KEY_BYTES = 32;
/** Keeps access tokens apart from whatever else may be signed by the same key one day. */
const TYPE = "at+jwt";
const SID = /^[0-9a-z]{26}$/;

const utf8 = new TextEncoder();

/** The bytes of TOKEN_KEY. */
export type TokenKey = Uint8Array<ArrayBuffer>;

export interface AccessClaims {
  readonly uid: Uid;
  readonly login: string;
  /** ms. */
  readonly expires: number;
}

/** Reads the TOKEN_KEY secret; the error names it and says what is wrong, without quoting it. */
export function readTokenKey(secret: string | undefined): Result<TokenKey, string> {
  if (secret === undefined || secret === "") return err("TOKEN_KEY is missing: set it to 32 random bytes in base64url");
  // A remainder of one character is no byte: decoding would throw.
  if (!/^[A-Za-z0-9_-]+=*$/.test(secret) || secret.replaceAll("=", "").length % 4 === 1)
    return err("TOKEN_KEY is not base64url");
  const bytes = new Uint8Array(base64url.decode(secret));
  if (bytes.byteLength >= KEY_BYTES) return ok(bytes);
  return err(`TOKEN_KEY is too short: ${bytes.byteLength} bytes, at least ${KEY_BYTES} are needed`);
}

/** A keyed hash for values that must not be guessed from a copy of the store. `purpose` keeps uses apart. */
export async function keyedHash(key: TokenKey, purpose: string, text: string): Promise<string> {
  const hmac = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  // What a JWT signs begins with `eyJ`, so no purpose can be mistaken for one.
  return encode(await crypto.subtle.sign("HMAC", hmac, utf8.encode(`${purpose}\n${text}`)));
}

/** A plain hash, for secrets that are random and long. */
export async function hashSecret(secret: string): Promise<string> {
  return encode(await crypto.subtle.digest("SHA-256", utf8.encode(secret)));
}

/** Names the key in a token, so that a token of another key is told from a broken one. */
async function keyId(key: TokenKey): Promise<string> {
  return encode(await crypto.subtle.digest("SHA-256", key)).slice(0, 8);
}

/** Signs an access token for a login; it is good for `access_s` from `now` (ms). */
export async function issueToken(
  key: TokenKey,
  auth: Config["auth"],
  uid: Uid,
  login: string,
  now: number,
): Promise<string> {
  const seconds = Math.floor(now / 1000);
  return new SignJWT({ sid: login })
    .setProtectedHeader({ alg: "HS256", typ: TYPE, kid: await keyId(key) })
    .setSubject(uid)
    .setIssuer(auth.issuer)
    .setAudience(auth.audience)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + auth.access_s)
    .sign(key);
}

/** Checks signature, issuer, audience, time and shape of one of our own tokens. */
export async function verifyToken(
  token: string,
  key: TokenKey,
  auth: Config["auth"],
  now: number,
): Promise<Result<AccessClaims, Refusal>> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ["HS256"],
      typ: TYPE,
      issuer: auth.issuer,
      audience: auth.audience,
      requiredClaims: ["sub", "sid", "iat", "exp"],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(now),
    });
    const uid = Uid.safeParse(payload.sub);
    const login = payload["sid"];
    if (!uid.success || typeof login !== "string" || !SID.test(login) || payload.exp === undefined) {
      return err(refuse("unauthenticated", "the token is not one of ours"));
    }
    return ok({ uid: uid.data, login, expires: payload.exp * 1000 });
  } catch (error) {
    return err(explain(error));
  }
}

/** The refusal for what jose threw; anything else is a bug and goes on. */
export function explain(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return refuse("unauthenticated", "the token has expired");
  if (error instanceof errors.JOSEError) return refuse("unauthenticated", "the token is not valid");
  throw error;
}

function encode(bytes: ArrayBuffer): string {
  return base64url.encode(new Uint8Array(bytes));
}
