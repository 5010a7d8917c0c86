/** GET /v1/admin/cache: what the cache of the isolate that answers has done. */
import { createRoute, z } from "@hono/zod-openapi";
import { json, refusals, type App } from "./respond.ts";

const Redis = z
  .object({
    state: z.enum(["closed", "open", "half-open"]).openapi({ description: "Of the breaker; `closed`: it is asked." }),
    requests: z.number(),
    failures: z.number(),
    refused: z.number().openapi({ description: "Requests that were not made because the breaker was open." }),
    owed: z.number().openapi({ description: "Invalidations that it has not heard of yet." }),
  })
  .openapi("CacheRedis");

const Kind = z
  .object({
    isolate: z.number().openapi({ description: "Values that the isolate had." }),
    redis: z.number().openapi({ description: "Values that Redis had." }),
    negative: z.number().openapi({ description: "Ids that one of the two knew not to exist." }),
    stale: z.number().openapi({ description: "Of both: handed out old while they were fetched again." }),
    miss: z.number(),
    joined: z.number().openapi({ description: "Ids that another read was fetching already." }),
    load: z.number().openapi({ description: "Calls to the source." }),
    error: z.number().openapi({ description: "Those that failed." }),
    late: z.number().openapi({ description: "Loaded, but replaced meanwhile, so not kept." }),
    garbage: z.number().openapi({ description: "Not of the kind, so not believed." }),
  })
  .openapi("CacheKind");

const View = z
  .object({
    kinds: z.record(z.string(), Kind),
    redis: z.object({ cache: Redis.optional(), metadata: Redis.optional() }).openapi({
      description: "By purpose; absent: there is none.",
    }),
    isolate_bytes: z.number(),
  })
  .openapi("Cache");

const cacheRoute = createRoute({
  tags: ["admin"],
  security: [{ admin: [] }],
  method: "get",
  path: "/v1/admin/cache",
  operationId: "getCache",
  summary: "What the cache of the isolate that answers has done",
  responses: { 200: json("Its counters, since the isolate began.", View), ...refusals },
});

/** Adds the route of the cache. */
export function adminCacheRoutes(app: App): void {
  app.openapi(cacheRoute, (c) => c.json(c.get("services").cache.metrics(), 200));
}
