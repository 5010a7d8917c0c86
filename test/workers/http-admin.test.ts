/** The admin routes of routing, and who is let in. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { services, type Env } from "../../src/workers/env.ts";
import { advance } from "../support/faults.ts";
import { account, app, call, codeOf, env } from "../support/http.ts";

const KEY = env.ADMIN_KEY ?? "";
const { ADMIN_KEY: _, ...keyless } = env;
const admin = (line: string, json?: unknown) => call(line, { token: KEY, ...(json !== undefined && { json }) });

const ADMIN_ROUTES = [
  ...new Set(
    app.routes.filter(({ path }) => path.startsWith("/v1/admin/")).map(({ method, path }) => `${method} ${path}`),
  ),
];

beforeEach(() => {
  for (const level of ["warn", "error"] as const) vi.spyOn(console, level).mockImplementation(() => undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(ADMIN_ROUTES)("%s", (line) => {
  test("lets nobody in without the key, nor with a user's token, nor with a key that is nearly right", async () => {
    const { token } = await account();
    expect(codeOf(await call(line))).toBe("401 unauthenticated");
    for (const wrong of [token, KEY.slice(1), `${KEY}x`, KEY.toLowerCase(), "x".repeat(43)]) {
      expect(codeOf(await call(line, { token: wrong }))).toBe("403 permission_denied");
    }
  });

  test("lets nobody in where there is no key", async () => {
    const { token } = await account();
    for (const bindings of [keyless, { ...env, ADMIN_KEY: "" }]) {
      for (const given of [KEY, token, undefined]) {
        const answer = await call(line, { env: bindings, ...(given !== undefined && { token: given }) });
        expect(codeOf(answer)).toBe("403 permission_denied");
        expect(answer.text).not.toContain(KEY);
      }
    }
  });
});

test("the admin key is no user's token", async () => {
  for (const line of ["GET /v1/me", "GET /v1/conversations", "POST /v1/auth/logout"]) {
    expect(codeOf(await admin(line))).toBe("401 unauthenticated");
  }
});

test("a path that only looks like an admin's is nobody's", async () => {
  for (const line of ["GET /v1/admin", "GET /v1/administrator", "GET /v1/admin/nothing", "GET /V1/admin/routing"]) {
    expect(codeOf(await admin(line))).toBe("404 not_found");
  }
});

test.each([
  ["ADMIN_KEY is too short", "hunter2"],
  ["ADMIN_KEY has characters", "so secret, so long, and still not a token"],
])("%s: the server says so and serves nothing", async (message, key) => {
  const broken: Env = { ...env, ADMIN_KEY: key };
  const ready = await call("GET /readyz", { env: broken });
  expect(codeOf(ready)).toBe("503 unavailable");
  expect(ready.json).toMatchObject({ error: { message: expect.stringContaining(message) as string } });
  expect(ready.text).not.toContain(key);
  expect(codeOf(await call("GET /v1/admin/routing", { env: broken, token: key }))).toBe("503 unavailable");
});

describe("GET /v1/admin/route", () => {
  test("explains a decision", async () => {
    const answer = await admin("GET /v1/admin/route?kind=history&key=d.a.b");
    expect(answer.json).toEqual({
      kind: "history",
      key: "d.a.b",
      node: "main",
      epoch: services(env).routes.table.epoch,
      strategy: "consistent-hash",
      nodes: [{ name: "main", weight: 1, priority: 0, healthy: true }],
      why: "the first node on the ring from the key's place on",
    });
    expect(answer.json["epoch"]).toBeGreaterThan(0);
  });

  test("of a relay says which of how many: the one that a caller goes to", async () => {
    for (const [query, relays] of [
      ["", 1],
      ["&relays=7", 7],
    ] as const) {
      const { json } = await admin(`GET /v1/admin/route?kind=relay&key=somebody${query}`);
      expect(json["node"]).toBe(String(services(env).routes.relay("somebody", relays).node));
      expect(json["nodes"]).toHaveLength(relays);
    }
  });

  test.each(["", "?kind=history", "?key=k", "?kind=nothing&key=k", "?kind=history&key=", "?kind=relay&key=k&relays=0"])(
    "is refused with %j",
    async (query) => {
      expect(codeOf(await admin(`GET /v1/admin/route${query}`))).toBe("400 invalid_argument");
    },
  );
});

describe("POST /v1/admin/routing/reports", () => {
  const { failures, probe_ms } = services(env).config.routing;
  const history = (json: Record<string, unknown>): unknown =>
    (json["policies"] as { history: { nodes: unknown[] } }).history.nodes[0];

  test("ejects, and lets return, a node; the table shows it, and a route that has nowhere to go is unavailable", async () => {
    for (let n = 1; n < failures; n += 1) {
      const { json } = await admin("POST /v1/admin/routing/reports", { kind: "history", node: "main", ok: false });
      expect(history(json)).toMatchObject({ healthy: true });
    }
    const before = (await admin("GET /v1/admin/routing")).json;
    const out = await admin("POST /v1/admin/routing/reports", { kind: "history", node: "main", ok: false });
    expect(history(out.json)).toEqual({
      name: "main",
      weight: 1,
      priority: 0,
      healthy: false,
      ejected_until: expect.any(Number) as number,
    });
    expect(out.json["epoch"]).toBeGreaterThan(before["epoch"] as number);
    expect((await admin("GET /v1/admin/routing")).json).toEqual(out.json);
    const nowhere = await admin("GET /v1/admin/route?kind=history&key=k");
    expect(codeOf(nowhere)).toBe("503 unavailable");
    advance(probe_ms);
    expect(history((await admin("GET /v1/admin/routing")).json)).toMatchObject({ healthy: true, on_trial: true });
    const well = await admin("POST /v1/admin/routing/reports", { kind: "history", node: "main", ok: true });
    expect(history(well.json)).toEqual({ name: "main", weight: 1, priority: 0, healthy: true });
  });

  test("is refused for a node that is not listed, and for what is no report; the table stays", async () => {
    const before = (await admin("GET /v1/admin/routing")).json;
    for (const json of [
      { kind: "history", node: "nowhere", ok: false },
      { kind: "relay", node: "0", ok: false },
      { kind: "nothing", node: "main", ok: false },
      { kind: "history", node: "main" },
    ]) {
      expect(codeOf(await admin("POST /v1/admin/routing/reports", json))).toBe("400 invalid_argument");
    }
    expect((await admin("GET /v1/admin/routing")).json).toEqual(before);
  });

  test("is unavailable when the router is down; the table shows the configured policies", async () => {
    const down = { table: () => Promise.reject(new Error("down")), report: () => Promise.reject(new Error("down")) };
    const bindings = { ...env, ROUTER: down } as unknown as Env;
    const json = { kind: "history", node: "main", ok: false };
    const report = await call("POST /v1/admin/routing/reports", { token: KEY, json, env: bindings });
    expect(codeOf(report)).toBe("503 unavailable");
    expect(report.text).not.toContain("down");
    const table = await call("GET /v1/admin/routing", { token: KEY, env: bindings });
    expect(table.json).toMatchObject({ epoch: 0 });
  });
});

describe("x-mpim-release", () => {
  test("is on every answer to who is logged in, refusals included, and on no other", async () => {
    const { token } = await account();
    for (const line of ["GET /v1/me", "GET /v1/users/nobody", "PATCH /v1/me"]) {
      expect((await call(line, { token })).headers.get("x-mpim-release"), line).toBe("stable");
    }
    for (const answer of [await call("GET /healthz"), await call("GET /v1/me"), await admin("GET /v1/admin/routing")]) {
      expect(answer.headers.get("x-mpim-release")).toBeNull();
    }
  });

  test("is the one that the user's share says, always the same, with the router down, too", async () => {
    const CONFIG = JSON.stringify({
      auth: { scrypt_log_n: 10 },
      routing: { policies: { release: { strategy: "weighted", nodes: [{ name: "stable" }, { name: "canary" }] } } },
    });
    const bindings = { ...env, CONFIG, ROUTER: { table: () => Promise.reject(new Error("down")) } } as unknown as Env;
    const seen = new Set<string>();
    for (let n = 0; n < 12; n += 1) {
      const { token } = await account();
      const releases = await Promise.all(
        [1, 2, 3].map(async () => (await call("GET /v1/me", { token, env: bindings })).headers.get("x-mpim-release")),
      );
      expect(new Set(releases).size).toBe(1);
      seen.add(releases[0] ?? "");
    }
    expect([...seen].toSorted()).toEqual(["canary", "stable"]);
  });
});
