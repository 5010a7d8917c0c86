/** The cache on a real Redis, by Upstash's client and a gateway that speaks its protocol; and what becomes of it when that fails. */
import { Redis as Upstash } from "@upstash/redis/cloudflare";
import { env as bound } from "cloudflare:workers";
import fc from "fast-check";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { encodeEntry } from "../../src/cache/entry.ts";
import { upstash } from "../../src/cache/upstash.ts";
import type { Uid } from "../../src/protocol/ids.ts";
import { services, type Env, type Services } from "../../src/workers/env.ts";
import { advance } from "../support/faults.ts";
import { account, call, env } from "../support/http.ts";
import { openProxy, type FaultMode, type RemoteProxy } from "../support/proxy-control.ts";
import { FakeRedis, Time } from "../unit/cache/fixture.ts";

const { TEST_REDIS, TEST_PROXIES } = bound;
const there = TEST_REDIS.url !== "";
/** Of this run alone. */
const PREFIX = `mpim-test-${crypto.randomUUID().slice(0, 8)}`;
const OPEN_MS = 5_000;

/** An isolate of its own: services with a memory, and a count of the statements that its database is asked. */
function isolate(bindings: Partial<Env> = {}, deadline_ms = 10_000): Services & { statements(): number } {
  let asked = 0;
  const config = { cache: { prefix: PREFIX, failures: 3, open_ms: OPEN_MS, deadline_ms }, auth: { scrypt_log_n: 10 } };
  const made = services({
    ...env,
    UPSTASH_REDIS_REST_URL: TEST_REDIS.url,
    UPSTASH_REDIS_REST_TOKEN: TEST_REDIS.token,
    CONFIG: JSON.stringify(config),
    DB: {
      prepare: (sql: string) => {
        asked += 1;
        return env.DB.prepare(sql);
      },
    } as D1Database,
    ...bindings,
  });
  return { ...made, statements: () => asked };
}

const plain = new Upstash({
  url: there ? TEST_REDIS.url : "http://127.0.0.1:9",
  token: TEST_REDIS.token,
  automaticDeserialization: false,
  responseEncoding: false,
});
afterAll(async () => {
  if (!there) return;
  const keys = await plain.keys(`${PREFIX}:*`);
  if (keys.length > 0) await plain.del(...keys);
});

const uid = (): Uid => `u_${crypto.randomUUID()}` as Uid;

async function user(from: Services, name: string): Promise<Uid> {
  const id = uid();
  expect(await from.users.create({ id, username: id.toLowerCase(), name, password: "hash" }, Date.now())).toBe(
    "created",
  );
  return id;
}

let lines: string[];
beforeEach(() => {
  lines = [];
  vi.spyOn(console, "warn").mockImplementation((line: unknown) => void lines.push(String(line)));
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe.runIf(there)("a real Redis", () => {
  const redis = upstash(TEST_REDIS, 10_000);

  test("takes what is newer and nothing older, as the model of the unit tests does", async () => {
    const put = fc.record({
      id: fc.constantFrom("a", "b", "c"),
      version: fc.nat({ max: 6 }),
      body: fc.constantFrom("absent" as const, "floor" as const, { json: '{"n":"愛 \\u0000 -"}' }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uuid(),
        fc.array(fc.array(put, { minLength: 1, maxLength: 4 }), { maxLength: 6 }),
        async (run, batches) => {
          const fake = new FakeRedis(new Time());
          const keys = ["a", "b", "c"].map((id) => `${PREFIX}:${run}:${id}`);
          for (const batch of batches) {
            const puts = batch.map(({ id, version, body }) => ({
              key: `${PREFIX}:${run}:${id}`,
              version,
              text: encodeEntry({ version, fresh: 5, body }),
              lifeMs: 60_000,
            }));
            await Promise.all([redis.put(puts), fake.put(puts)]);
          }
          expect(await redis.get(keys)).toEqual(await fake.get(keys));
          await plain.del(...keys);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("forgets an entry when its life is over", async () => {
    const key = `${PREFIX}:life`;
    await redis.put([{ key, version: 1, text: "1 1 1 !", lifeMs: 60_000 }]);
    expect(await plain.pttl(key)).toBeGreaterThan(50_000);
    expect(await plain.pttl(key)).toBeLessThanOrEqual(60_000);
  });

  test("that has something else under a key is written over, and read as if it had nothing", async () => {
    const one = isolate();
    const ids = [await user(one, "A"), await user(one, "B"), await user(one, "C")];
    const keys = ids.map((id) => `${PREFIX}:user:${id}`);
    await plain.del(...keys);
    await plain.rpush(keys[0] ?? "", "a list");
    await plain.set(keys[1] ?? "", "\u0000\ufffd no entry");
    await plain.set(keys[2] ?? "", `1 5 ${Date.now()} ={"id":7}`);
    const other = isolate();
    expect(await other.users.names(ids)).toEqual(new Map(ids.map((id, i) => [id, "ABC"[i]])));
    expect(other.statements()).toBe(1);
    expect(other.cache.metrics().kinds["user"]).toMatchObject({ garbage: 1, miss: 3, load: 1 });
    await vi.waitUntil(async () => (await redis.get(keys)).every((text) => String(text).includes('"name"')));
  });

  test("tells another isolate who somebody is, and that a username is nobody's, without a query", async () => {
    const [one, other] = [isolate(), isolate()];
    const id = await user(one, "Ann");
    const made = await one.users.update(id, { avatar: "a.png" }, Date.now());
    expect(await other.users.find(id)).toEqual(made);
    expect(await other.users.findByUsername(id.toLowerCase())).toEqual(made);
    expect(await other.users.exists(id)).toBe(true);
    expect(other.statements()).toBe(0);
    const nobody = crypto.randomUUID();
    expect(await one.users.findByUsername(nobody)).toBeUndefined();
    await vi.waitUntil(async () => (await redis.get([`${PREFIX}:username:${nobody}`]))[0] !== null);
    expect(await other.users.findByUsername(nobody)).toBeUndefined();
    expect(other.statements()).toBe(0);
    expect(await one.users.create({ id: uid(), username: nobody, name: "N", password: "h" }, Date.now())).toBe(
      "created",
    );
    expect(await isolate().users.findByUsername(nobody)).toMatchObject({ name: "N" });
  });

  test("is asked once for the names of many", async () => {
    const [one, other] = [isolate(), isolate()];
    const ids = await Promise.all(Array.from({ length: 30 }, (_, n) => user(one, `name ${n}`)));
    expect((await other.users.names(ids)).size).toBe(30);
    expect([other.statements(), other.cache.metrics().redis.metadata?.requests]).toEqual([0, 1]);
  });

  test("has no password, of nobody", async () => {
    const one = isolate();
    const id = await user(one, "Ann");
    await one.users.credentials(id.toLowerCase());
    const keys = await plain.keys(`${PREFIX}:*`);
    expect(keys).toContain(`${PREFIX}:user:${id}`);
    for (const text of await redis.get(keys)) expect(String(text)).not.toMatch(/hash|password/);
  });

  test("may be another for metadata", async () => {
    const one = isolate({
      UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9",
      UPSTASH_METADATA_REST_URL: TEST_REDIS.url,
      UPSTASH_METADATA_REST_TOKEN: TEST_REDIS.token,
    });
    await user(one, "Ann");
    const { cache, metadata } = one.cache.metrics().redis;
    expect(cache?.requests).toBe(0);
    expect(metadata).toMatchObject({ failures: 0, state: "closed" });
    expect(metadata?.requests).toBeGreaterThan(0);
  });

  test("that does not know the token is a Redis that is down", async () => {
    const one = isolate({ UPSTASH_REDIS_REST_TOKEN: "wrong" });
    const id = await user(one, "Ann");
    expect(await one.users.find(id)).toMatchObject({ name: "Ann" });
    expect(one.cache.metrics().redis.metadata).toMatchObject({ failures: 2 });
  });
});

describe.runIf(there)("a Redis that fails", () => {
  const { hostname: host, port } = new URL(there ? TEST_REDIS.url : "http://127.0.0.1:9");
  const behind = async (): Promise<RemoteProxy> => openProxy(TEST_PROXIES, { host, port: Number(port) });
  const through = (proxy: RemoteProxy, deadlineMs: number) =>
    isolate({ UPSTASH_REDIS_REST_URL: `http://${proxy.host}:${proxy.port}` }, deadlineMs);

  test.each<[string, FaultMode]>([
    ["refuses connections", { kind: "refuse" }],
    ["answers after five seconds", { kind: "stall", ms: 5_000 }],
    ["breaks connections in the middle of an answer", { kind: "cut", bytes: 20 }],
    ["answers garbage", { kind: "garbage" }],
  ])("and %s: nobody notices, it is left alone, told what it missed, and used again", async (_what, mode) => {
    await using proxy = await behind();
    const one = through(proxy, mode.kind === "stall" ? 200 : 10_000);
    const id = await user(one, "before");
    // From where it has to go.
    expect(await isolate().users.find(id)).toMatchObject({ name: "before" });

    await proxy.set(mode);
    expect(await one.users.update(id, { name: "after" }, Date.now())).toMatchObject({ name: "after" });
    for (let i = 0; i < 4; i += 1) expect(await one.users.find(uid())).toBeUndefined();
    expect(await one.users.find(id)).toMatchObject({ name: "after" });
    const outage = () => one.cache.metrics().redis.metadata;
    expect(outage()).toMatchObject({ state: "open", owed: 1 });
    const { requests } = outage() ?? {};
    expect(await one.users.find(uid())).toBeUndefined();
    expect(outage()?.requests).toBe(requests);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("Redis does not answer");
    expect(lines[0]).not.toMatch(new RegExp(`${TEST_REDIS.token}|${id}|127\\.0\\.0\\.1:`));

    await proxy.set({ kind: "pass" });
    await vi.waitUntil(async () => {
      advance(OPEN_MS + 1);
      await one.users.find(uid());
      return outage()?.owed === 0;
    }, 30_000);
    expect(outage()?.state).toBe("closed");
    expect(await isolate().users.find(id)).toMatchObject({ name: "after" });
  });

  test("makes nothing unready, and no request fail", async () => {
    await using proxy = await behind();
    await proxy.set({ kind: "refuse" });
    const bindings: Env = {
      ...env,
      UPSTASH_REDIS_REST_URL: `http://${proxy.host}:${proxy.port}`,
      UPSTASH_REDIS_REST_TOKEN: TEST_REDIS.token,
    };
    expect((await call("GET /readyz", { env: bindings })).json).toEqual({ status: "ready" });
    const { token, user: me } = await account();
    const answer = await call("PATCH /v1/me", { env: bindings, token, json: { name: "Renamed" } });
    expect(answer.json).toMatchObject({ id: me.id, name: "Renamed" });
    expect((await call("GET /v1/me", { env: bindings, token })).json).toMatchObject({ name: "Renamed" });
    const view = await call("GET /v1/admin/cache", { env: bindings, token: env.ADMIN_KEY ?? "" });
    expect(view.json).toMatchObject({ redis: { metadata: { failures: expect.any(Number) as number } } });
  });
});

test("secrets that cannot be right are a start-up error that quotes nothing of them", async () => {
  const broken: Env = { ...env, UPSTASH_REDIS_REST_URL: "redis://hushhush@db.example", UPSTASH_REDIS_REST_TOKEN: "t" };
  const answer = await call("GET /readyz", { env: broken });
  expect(answer.status).toBe(503);
  expect(answer.text).toContain("UPSTASH_REDIS_REST_URL begins with redis:");
  expect(answer.text).not.toMatch(/hushhush|db\.example/);
});
