/** Where Redis is: from a Worker's secrets to addresses, by purpose. */
import { err, ok, type Result } from "../lib/result.ts";
import type { Purpose } from "./kind.ts";

/** What may be bound, under the names that Upstash gives; none of it is ever logged. */
export interface RedisSecrets {
  /** `https://….upstash.io`; serves both purposes unless there is another for metadata. */
  readonly UPSTASH_REDIS_REST_URL?: string;
  readonly UPSTASH_REDIS_REST_TOKEN?: string;
  readonly UPSTASH_METADATA_REST_URL?: string;
  readonly UPSTASH_METADATA_REST_TOKEN?: string;
}

export interface RedisAddress {
  readonly url: string;
  readonly token: string;
}

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);
const TOKEN = /^[\w.~+/=-]+$/;

/** The addresses, the same object twice where one serves both; undefined where none does. The error quotes nothing of a secret. */
export function redisAddresses(secrets: RedisSecrets): Result<Record<Purpose, RedisAddress | undefined>, string> {
  const cache = read(secrets, "UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN");
  if (!cache.ok) return cache;
  const metadata = read(secrets, "UPSTASH_METADATA_REST_URL", "UPSTASH_METADATA_REST_TOKEN");
  if (!metadata.ok) return metadata;
  return ok({ cache: cache.value, metadata: metadata.value ?? cache.value });
}

function read(
  secrets: RedisSecrets,
  urlName: keyof RedisSecrets,
  tokenName: keyof RedisSecrets,
): Result<RedisAddress | undefined, string> {
  const [text, token] = [secrets[urlName], secrets[tokenName]];
  if (!text && !token) return ok(undefined);
  if (!text || !token) return err(`${urlName} and ${tokenName} are needed together`);
  if (!URL.canParse(text)) return err(`${urlName} is no address`);
  const url = new URL(text);
  if (/^rediss?:$/.test(url.protocol)) {
    return err(
      `${urlName} begins with ${url.protocol}, which a Worker cannot reach; write the https address of the REST API`,
    );
  }
  const clear = url.protocol === "http:" && LOOPBACK.has(url.hostname);
  if (url.protocol !== "https:" && !clear) return err(`${urlName} must be an https address`);
  if (url.username !== "" || url.password !== "")
    return err(`${urlName} has credentials in it; they belong into ${tokenName}`);
  if (!TOKEN.test(token)) return err(`${tokenName} has characters that no token has`);
  return ok({ url: url.href.replace(/\/$/, ""), token });
}
