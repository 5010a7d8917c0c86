/**
 * The header `Idempotency-Key`: a repeated request has the outcome of the first. What makes something claims its id in the
 * store; what changes something that exists gives the change an id, by which the object recognises a repetition.
 */
import { z } from "@hono/zod-openapi";
import { err, ok, type Result } from "../../../lib/result.ts";
import { refuse, type Refusal } from "../../../protocol/codes.ts";
import { makeUlid, type Uid } from "../../../protocol/ids.ts";
import { keyedHash } from "../tokens.ts";
import type { KeyedServices } from "./keyed.ts";
import type { Random } from "./random.ts";

/** How long an idempotency key is known. */
const CLAIM_MS = 24 * 3_600_000;

/** The header, for `request.headers`; `description` says what a repetition finds. */
export const IdempotencyKey = (description: string) =>
  z.object({
    "idempotency-key": z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/, "1 to 255 printable characters")
      .optional()
      .openapi({ description }),
  });

/**
 * The id of what a request makes: `fresh`, or with a key the one that its first request claimed. `operation` says what is
 * made and for whom; the same key with another `request` is refused with `id_conflict`.
 */
export async function claimed<Id extends string>(
  services: KeyedServices,
  operation: readonly string[],
  key: string | undefined,
  request: readonly unknown[],
  fresh: Id,
  now: number,
): Promise<Result<Id, Refusal>> {
  if (key === undefined) return ok(fresh);
  // Keyed hashes: a request may hold a password, and a plain hash of it could be guessed from a copy of the store.
  const mine = {
    key: await keyedHash(services.tokenKey, "idempotency-key", [...operation, key].join("\n")),
    request: await keyedHash(services.tokenKey, "idempotency-request", JSON.stringify([...operation, key, ...request])),
    outcome: fresh,
    expires: now + CLAIM_MS,
  };
  const held = await services.store.claims.claim(mine, now);
  if (held.request !== mine.request) return err(refuse("id_conflict", "this idempotency key was used otherwise"));
  return ok(held.outcome as Id);
}

/** The id of a change: the same for all requests of a user to a route with a key, fresh without one. */
export async function changeId(
  services: KeyedServices,
  uid: Uid,
  route: string,
  key: string | undefined,
  now: number,
  random: Random,
): Promise<string> {
  if (key === undefined) return makeUlid(now, random(16));
  return keyedHash(services.tokenKey, "idempotent-change", JSON.stringify([uid, route, key]));
}
