/** The secret ADMIN_KEY, and who is let in by it. */
import { timingSafeEqual } from "node:crypto";
import { err, ok, type Result } from "../../../lib/result.ts";
import { refuse, type Refusal } from "../../../protocol/codes.ts";

/** As many as 24 random bytes make in base64: nobody guesses it. */
const CHARACTERS = 32;

const utf8 = new TextEncoder();

/** Reads the ADMIN_KEY secret, which may be missing; the error says what is wrong with it, without quoting it. */
export function readAdminKey(secret: string | undefined): Result<string | undefined, string> {
  if (secret === undefined || secret === "") return ok(undefined);
  if (!/^[A-Za-z0-9._~+/=-]+$/.test(secret)) return err("ADMIN_KEY has characters that no bearer token has");
  if (secret.length >= CHARACTERS) return ok(secret);
  return err(`ADMIN_KEY is too short: ${secret.length} characters, at least ${CHARACTERS} are needed`);
}

/** Why a bearer token does not open the admin routes; undefined when it does. Without a key none does. */
export async function refuseAdmin(bearer: string | undefined, key: string | undefined): Promise<Refusal | undefined> {
  if (key === undefined) return refuse("permission_denied", "there is no admin key, so there are no admin routes");
  if (bearer === undefined) return refuse("unauthenticated", "the admin key is needed, as a bearer token");
  // Hashes have one length, and how much of them agrees says nothing of the key.
  const [given, expected] = await Promise.all([digest(bearer), digest(key)]);
  return timingSafeEqual(given, expected) ? undefined : refuse("permission_denied", "this is not the admin key");
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", utf8.encode(text)));
}
