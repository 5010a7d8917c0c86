/** Redis by Upstash's REST interface: HTTP, so that a Worker needs no connection that outlives a request. */
import { Redis as Upstash } from "@upstash/redis/cloudflare";
import type { RedisAddress } from "./address.ts";
import { PUT_SCRIPT } from "./entry.ts";
import type { Redis } from "./remote.ts";

/** A client holds the address only, so one serves all requests of an isolate. */
export function upstash({ url, token }: RedisAddress, deadlineMs: number): Redis {
  const client = new Upstash({
    url,
    token,
    // The breaker decides whether to ask again.
    retry: { retries: 0 },
    signal: () => AbortSignal.timeout(deadlineMs),
    // Values come back as they were written: what they are is decided here.
    automaticDeserialization: false,
    responseEncoding: false,
    enableTelemetry: false,
    enableAutoPipelining: false,
  });
  return {
    async get(keys) {
      const values: unknown = await client.mget(...keys);
      if (!Array.isArray(values) || values.length !== keys.length) throw new RedisAnswerError("mget");
      return values as unknown[];
    },
    async put(puts) {
      const args = puts.flatMap(({ version, text, lifeMs }) => [String(version), text, String(lifeMs)]);
      const keys = puts.map(({ key }) => key);
      const done: unknown = await client.eval(PUT_SCRIPT, keys, args);
      if (Number(done) !== puts.length) throw new RedisAnswerError("eval");
    },
  };
}

/** It answered, with something else than was asked for. Errors of the client quote keys and values; this one does not. */
class RedisAnswerError extends Error {
  override readonly name = "RedisAnswerError";
}
