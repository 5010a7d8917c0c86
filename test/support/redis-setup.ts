/** Set-up of the projects that want Redis: a server, and for tests inside workerd a gateway to it and proxies that fail. */
import type { TestProject } from "vitest/node";
import { startRedisGateway } from "../../scripts/redis/gateway.ts";
import { serveProxies } from "./proxy.ts";
import { openRedisServer } from "./redis.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Address of a server; empty when there is none. */
    redisServer: string;
    /** Address and token of a gateway to it; empty when there is none. */
    redisGateway: { readonly url: string; readonly token: string };
    /** Address of `serveProxies`; empty outside of the project `store`. */
    proxies: string;
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const inside = project.name === "store";
  const proxies = inside ? await serveProxies() : undefined;
  project.provide("proxies", proxies?.url ?? "");
  const server = await openRedisServer();
  project.provide("redisServer", server?.url ?? "");
  project.provide("redisGateway", { url: "", token: "" });
  if (server === undefined) {
    if (process.env["CI"] === "true") throw new Error("no Redis: set REDIS_URL, or install redis-server");
    console.warn(
      `${project.name}: tests with Redis are skipped: none runs, REDIS_URL names none, redis-server is not installed`,
    );
    return async () => {
      await proxies?.[Symbol.asyncDispose]();
    };
  }
  const gateway = inside ? await startRedisGateway(server.url) : undefined;
  if (gateway !== undefined) project.provide("redisGateway", { url: gateway.url, token: gateway.token });
  return async () => {
    await gateway?.close();
    await proxies?.[Symbol.asyncDispose]();
    await server.stop();
  };
}
