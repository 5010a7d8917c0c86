/**
 * Keys of an external issuer, fetched from its JWKS document and kept as plain data: requests of an isolate may not share
 * a fetch that is under way, so each that needs one makes its own, and only what came of it is shared.
 */
import type { JSONWebKeySet } from "jose";
import { z } from "zod";
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";

/** Keys older than this are fetched anew, so that a key the issuer withdrew lapses. */
const FRESH_MS = 10 * 60_000;
/** Tokens with unknown key ids, which anybody can make, cause no more than one fetch in this time. */
const COOLDOWN_MS = 30_000;
/** After a failed fetch. */
const RETRY_MS = 2_000;

const Jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })).max(100) });

/** The JSON document at a URL; rejects when there is none to be had. */
export type FetchJson = (url: string) => Promise<unknown>;

export class ExternalKeys {
  readonly #url: string;
  readonly #fetchJson: FetchJson;
  #keys: JSONWebKeySet | undefined;
  #fetched = Number.NEGATIVE_INFINITY;
  #failed = Number.NEGATIVE_INFINITY;
  #failing = false;

  constructor(url: string, fetchJson: FetchJson) {
    this.#url = url;
    this.#fetchJson = fetchJson;
  }

  /** The keys to check a token with that names the key `kid`. Refuses with `unavailable` when there are none. */
  async resolve(kid: string | undefined, now: number): Promise<Result<JSONWebKeySet, Refusal>> {
    if (this.#wanting(kid, now)) await this.#refresh(now);
    if (this.#keys === undefined || (this.#failing && !this.#knows(kid))) {
      return err(refuse("unavailable", "the keys of the token's issuer cannot be fetched", RETRY_MS));
    }
    return ok(this.#keys);
  }

  #wanting(kid: string | undefined, now: number): boolean {
    if (now - this.#failed < RETRY_MS) return false;
    const age = now - this.#fetched;
    return age >= FRESH_MS || (age >= COOLDOWN_MS && !this.#knows(kid));
  }

  #knows(kid: string | undefined): boolean {
    return this.#keys !== undefined && (kid === undefined || this.#keys.keys.some((key) => key.kid === kid));
  }

  async #refresh(now: number): Promise<void> {
    try {
      this.#keys = Jwks.parse(await this.#fetchJson(this.#url)) as JSONWebKeySet;
      this.#fetched = now;
      this.#failing = false;
    } catch {
      this.#failed = now;
      this.#failing = true;
    }
  }
}
