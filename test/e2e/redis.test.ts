/** The server with its cache in Redis, as a process. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test, vi } from "vitest";
import { startRedisGateway } from "../../scripts/redis/gateway.ts";
import { Api } from "../support/api.ts";
import { startProxy } from "../support/proxy.ts";
import { runServer, startServer, type Server } from "../support/server.ts";

const redis = inject("redisServer");
const prefix = `mpim-test-${randomBytes(4).toString("hex")}`;
const config = { auth: { scrypt_log_n: 10 }, cache: { prefix, open_ms: 100 } };

interface Metrics {
  readonly redis: { readonly metadata: Readonly<Record<string, unknown>> };
}

async function metrics(server: Server): Promise<Metrics> {
  const { ADMIN_KEY } = JSON.parse(readFileSync(join(server.data, "secrets.json"), "utf8")) as { ADMIN_KEY: string };
  return new Api(server.url).get<Metrics>("GET /v1/admin/cache", ADMIN_KEY);
}

describe.runIf(redis !== "")("a server with Redis", () => {
  test("keeps profiles there, serves while it is down, and goes back to it by itself", async () => {
    const { hostname: host, port } = new URL(redis);
    await using proxy = await startProxy({ host, port: Number(port || 6379) });
    await using server = await startServer({ config, redis: `redis://${proxy.host}:${proxy.port}` });
    expect(server.output()).toContain(`redis 127.0.0.1:${proxy.port} answers`);
    const api = new Api(server.url);
    const { token, user } = await api.register("alice");
    expect((await metrics(server)).redis.metadata["requests"]).toBeGreaterThan(0);

    for (const mode of ["refuse", "garbage"] as const) {
      await proxy.set({ kind: mode });
      // New ids are nowhere but in the database, so each is asked of Redis, until the breaker is open.
      await vi.waitUntil(async () => {
        expect((await api.call("GET /v1/users/nobody-" + randomBytes(8).toString("hex"), token)).status).toBe(404);
        return (await metrics(server)).redis.metadata["state"] !== "closed";
      }, 60_000);
      expect(await api.get("PATCH /v1/me", token, { name: `Alice in ${mode}` })).toMatchObject({ id: user.id });
      expect(await api.get("GET /v1/me", token)).toMatchObject({ name: `Alice in ${mode}` });
      expect((await api.call("GET /readyz")).status).toBe(200);

      await proxy.set({ kind: "pass" });
      await vi.waitUntil(async () => {
        await api.call("GET /v1/users/nobody-" + randomBytes(8).toString("hex"), token);
        const { state, owed } = (await metrics(server)).redis.metadata;
        return state === "closed" && owed === 0;
      }, 60_000);
    }
    expect(server.output()).not.toContain(token);

    const gateway = await startRedisGateway(redis);
    try {
      const ask = async (...command: string[]): Promise<unknown> => {
        const headers = { authorization: `Bearer ${gateway.token}`, "content-type": "application/json" };
        const response = await fetch(gateway.url, { method: "POST", headers, body: JSON.stringify(command) });
        const { result } = await response.json<{ result: unknown }>();
        return result;
      };
      const keys = (await ask("KEYS", `${prefix}:*`)) as string[];
      expect(keys).toContain(`${prefix}:user:${user.id}`);
      await ask("DEL", ...keys);
    } finally {
      await gateway.close();
    }
  });
});

test("a Redis that is not there is said, and the server serves", async () => {
  await using server = await startServer({ config, redis: "redis://127.0.0.1:1" });
  expect(server.output()).toContain("redis 127.0.0.1:1 does not answer");
  const api = new Api(server.url);
  const { token } = await api.register("alice");
  expect(await api.get("GET /v1/me", token)).toMatchObject({ username: "alice" });
});

test("an address that is none is refused, without what is secret in it", async () => {
  const { code, output } = await runServer(["--redis", "http://ann:hushhush@127.0.0.1"]);
  expect(code).toBe(1);
  expect(output).toMatch(/^error: --redis takes redis:/);
  expect(output).not.toContain("hushhush");
});
