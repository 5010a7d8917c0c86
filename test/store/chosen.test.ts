/** Which store serves: MySQL when it is bound, else D1. */
import { env as bound } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Env } from "../../src/workers/env.ts";
import { call, codeOf, env, PASSWORD } from "../support/http.ts";

const { TEST_MYSQL } = bound;
let lines: string[];
beforeEach(() => {
  lines = [];
  const keep = (line: unknown): void => void lines.push(String(line));
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockImplementation(keep);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Bindings whose D1 must not be asked. */
const withMysql = (DATABASE_URL: string): Env => ({
  ...env,
  DATABASE_URL,
  DB: {
    prepare: () => {
      throw new Error("D1 was asked");
    },
  } as unknown as D1Database,
});

describe.runIf(TEST_MYSQL !== "")("with MySQL bound", () => {
  test("accounts are there, and nothing asks D1", async () => {
    const chosen = withMysql(TEST_MYSQL);
    expect((await call("GET /readyz", { env: chosen })).json).toEqual({ status: "ready" });
    const json = { username: `chosen${crypto.randomUUID().slice(0, 8)}`, password: PASSWORD };
    const headers = { "idempotency-key": crypto.randomUUID() };
    const first = await call("POST /v1/auth/register", { env: chosen, json, headers });
    expect(first.status).toBe(201);
    const again = await call("POST /v1/auth/register", { env: chosen, json, headers });
    expect(again.json["user"]).toEqual(first.json["user"]);
    const loggedIn = await call("POST /v1/auth/login", { env: chosen, json });
    expect(loggedIn.json["user"]).toEqual(first.json["user"]);
    const me = await call("GET /v1/me", { env: chosen, token: String(loggedIn.json["token"]) });
    expect(me.json).toMatchObject({ username: json.username });
    const refreshed = await call("POST /v1/auth/refresh", {
      env: chosen,
      json: { refresh_token: loggedIn.json["refresh_token"] },
    });
    expect(refreshed.status).toBe(200);
    // The same username is free in D1.
    expect((await call("POST /v1/auth/register", { json })).status).toBe(201);
  });
});

test("a MySQL that does not answer is not ready, and D1 does not stand in for it", async () => {
  const secret = "pscale_pw_never_shown";
  const chosen = withMysql(`https://ann:${secret}@db.example`);
  vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError(`no way to https://ann:${secret}@db.example`));
  const answer = await call("GET /readyz", { env: chosen });
  expect(codeOf(answer)).toBe("503 unavailable");
  const json = { username: "somebody", password: PASSWORD };
  expect(codeOf(await call("POST /v1/auth/register", { env: chosen, json }))).toBe("503 unavailable");
  expect(lines.join("\n")).toContain("the store does not answer");
  expect(`${answer.text}${lines.join("\n")}`).not.toMatch(/pscale_pw|db\.example/);
});

test("an address that a Worker cannot reach is a problem that is named, without what is secret in it", async () => {
  const answer = await call("GET /readyz", { env: withMysql("mysql://ann:hushhush@db.example/x") });
  expect(codeOf(answer)).toBe("503 unavailable");
  expect(answer.text).toContain("DATABASE_URL begins with mysql:");
  expect(`${answer.text}${lines.join("\n")}`).not.toMatch(/hushhush|db\.example/);
});

test("neither of the two bound is a problem that is named", async () => {
  const { DB: _left_out, ...rest } = env;
  const answer = await call("GET /readyz", { env: rest });
  expect(codeOf(answer)).toBe("503 unavailable");
  expect(answer.text).toContain("there is no store");
});
