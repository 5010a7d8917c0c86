import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { account, app, call, codeOf, env, PASSWORD } from "../support/http.ts";
import type { Env } from "../../src/workers/env.ts";

/** Log lines of the test, and nothing of them in the report. */
let lines: string[];
beforeEach(() => {
  lines = [];
  const keep = (line: unknown): void => void lines.push(String(line));
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockImplementation(keep);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const without = (name: "TOKEN_KEY" | "CONFIG", value?: string): Env => {
  const { [name]: _left_out, ...rest } = env;
  return value === undefined ? rest : { ...rest, [name]: value };
};

const brokenDatabase = (error: Error): Env => {
  const DB = {
    prepare: () => {
      throw error;
    },
  };
  return { ...env, DB: DB as unknown as D1Database };
};

describe("a request id", () => {
  test("is on every response", async () => {
    const { token } = await account();
    const answers = await Promise.all([
      call("GET /healthz"),
      call("GET /v1/me", { token }),
      call("GET /v1/me"),
      call("GET /v1/nowhere"),
      call("OPTIONS /v1/me"),
      call("GET /v1/openapi.json"),
      call("POST /v1/auth/logout", { token }),
      call("POST /v1/auth/login", { json: {} }),
      call("GET /v1/ws"),
    ]);
    const ids = answers.map(({ headers }) => headers.get("x-request-id"));
    expect(new Set(ids).size).toBe(answers.length);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{8,64}$/);
  });

  test("of the client is kept when it is a sane one", async () => {
    const answer = await call("GET /v1/me", { headers: { "x-request-id": "client-chose_this1" } });
    expect(answer.headers.get("x-request-id")).toBe("client-chose_this1");
    expect(codeOf(answer)).toBe("401 unauthenticated");
  });

  test.each(["short", "x".repeat(65), "has blank in it", "<script>alert</script>", "日本語日本語日本語"])(
    "of the client is replaced when it is %j",
    async (id) => {
      const answer = await call("GET /healthz", { headers: { "x-request-id": encodeURI(id) } });
      expect(answer.headers.get("x-request-id")).toMatch(/^[A-Za-z0-9_-]{8,64}$/);
      expect(answer.headers.get("x-request-id")).not.toBe(encodeURI(id));
    },
  );
});

describe("a refusal", () => {
  test.each(["POST /", "GET /v1", "GET /v1/nothing", "POST /v2/auth/login", "GET /v1/me/", "DELETE /v1/nothing"])(
    "of an unknown route: %s",
    async (line) => {
      expect(codeOf(await call(line))).toBe("404 not_found");
    },
  );

  test.each([
    ["DELETE /v1/auth/login", "POST"],
    ["PUT /v1/me", "GET, PATCH, DELETE"],
    ["POST /healthz", "GET"],
    ["POST /v1/ws", "GET"],
    ["GET /v1/blocks/u_1", "PUT, DELETE"],
  ])("of a method that the route does not take: %s", async (line, allowed) => {
    const answer = await call(line);
    expect(codeOf(answer)).toBe("405 invalid_argument");
    const allow = (answer.headers.get("allow") ?? "").split(", ");
    expect(allow.toSorted()).toEqual(allowed.split(", ").toSorted());
  });

  test.each<[string, BodyInit, string | undefined]>([
    ["no JSON", "{", "application/json"],
    ["nothing", "", "application/json"],
    ["two values", "{}{}", "application/json"],
    ["JSON in a stack", "[".repeat(60_000), "application/json"],
    ["bytes that are no text", new Uint8Array([0xff, 0xfe, 0x00]), "application/json"],
    ["a form", "username=a&password=b", "application/x-www-form-urlencoded"],
    ["JSON called text", "{}", "text/plain"],
    ["bytes of no type", new Uint8Array([123, 125]), undefined],
  ])("of a body of %s", async (_what, body, type) => {
    const headers = type === undefined ? {} : { "content-type": type };
    const answer = await call("POST /v1/auth/login", { body, headers });
    expect(codeOf(answer)).toBe("400 invalid_argument");
    expect(answer.text).not.toMatch(/at position|unexpected/i);
  });

  test("of a missing body", async () => {
    expect(codeOf(await call("POST /v1/auth/login"))).toBe("400 invalid_argument");
  });

  test("of a body over 64 KiB, and not of one of 64 KiB", async () => {
    const body = (size: number): string => {
      const empty = JSON.stringify({ username: "nobody", password: PASSWORD, more: "" });
      return empty.replace('"more":""', `"more":"${"x".repeat(size - empty.length)}"`);
    };
    const headers = { "content-type": "application/json" };
    const send = (text: string, type = headers) => call("POST /v1/auth/login", { body: text, headers: type });
    expect(codeOf(await send(body(65_536)))).toBe("401 unauthenticated");
    expect(codeOf(await send(body(65_537)))).toBe("413 too_large");
    const stream = new Response(body(70_000)).body as ReadableStream;
    expect(codeOf(await call("POST /v1/auth/login", { body: stream, headers }))).toBe("413 too_large");
  });

  test("says what is wrong with each field", async () => {
    const answer = await call("POST /v1/auth/register", { json: { username: "x", password: 1 } });
    expect(answer.json).toMatchObject({
      error: {
        code: "invalid_argument",
        message: expect.stringContaining("username: ") as string,
        details: { fields: [{ field: "username" }, { field: "password" }] },
      },
    });
  });
});

describe("what goes wrong inside", () => {
  const secrets = ["hunter2-hunter2", "SECRET-VALUE"];
  const noLeak = (text: string): void => {
    for (const secret of [...secrets, "stack", ".ts:", "SQLITE", "Error:"]) expect(text).not.toContain(secret);
  };

  test("in the store is `unavailable`, to be tried again", async () => {
    const bindings = brokenDatabase(new Error('D1_ERROR: near "SECRET-VALUE": SQLITE_ERROR'));
    const json = { username: "whoever", password: "hunter2-hunter2" };
    const answer = await call("POST /v1/auth/login", { json, env: bindings });
    expect(codeOf(answer)).toBe("503 unavailable");
    expect(answer.headers.get("retry-after")).toBe("1");
    noLeak(answer.text);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "error",
      request_id: answer.headers.get("x-request-id"),
      route: "POST /v1/auth/login",
      error: "StoreError < Error(D1_ERROR)",
    });
    for (const secret of secrets) expect(lines[0]).not.toContain(secret);
  });

  test("by a bug is `internal`, in one log line without anybody's text", async () => {
    const { token } = await account();
    // A reply that is not what was asked for breaks the handler; the text of the exception quotes it.
    const USERS = {
      idFromName: () => "id",
      get: () => ({ conversations: () => Promise.resolve(1n), toString: () => "SECRET-VALUE" }),
    };
    const answer = await call("GET /v1/conversations", { token, env: { ...env, USERS } as unknown as Env });
    expect(codeOf(answer)).toBe("500 internal");
    noLeak(answer.text);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "error",
      msg: "a request failed",
      route: "GET /v1/conversations",
      error: "TypeError",
      at: expect.stringMatching(/^at /) as string,
    });
    expect(lines[0]).not.toContain("\n");
    expect(lines[0]).not.toContain(token);
  });

  test("in a handler that throws never reaches the client with its text", async () => {
    const user = await account();
    const broken = Object.assign(new Error("SECRET-VALUE"), { remote: true });
    const USERS = { idFromName: () => "id", get: () => ({ blocks: () => Promise.reject(broken) }) };
    const answer = await call("GET /v1/blocks", { token: user.token, env: { ...env, USERS } as unknown as Env });
    expect(codeOf(answer)).toBe("503 unavailable");
    noLeak(answer.text);
    for (const line of lines) expect(line).not.toContain("SECRET-VALUE");
  });
});

describe("a server that is not configured", () => {
  test.each<[string, () => Env, string]>([
    ["TOKEN_KEY is missing", () => without("TOKEN_KEY"), "TOKEN_KEY is missing"],
    ["TOKEN_KEY is empty", () => without("TOKEN_KEY", ""), "TOKEN_KEY is missing"],
    ["TOKEN_KEY is too short", () => without("TOKEN_KEY", "c2hvcnQ"), "TOKEN_KEY is too short"],
    ["TOKEN_KEY is no base64url", () => without("TOKEN_KEY", "so secret! so long! and still: no"), "TOKEN_KEY is not"],
    ["CONFIG has an unknown key", () => without("CONFIG", '{"limits":{"rat":1}}'), "rat"],
    ["CONFIG is no JSON", () => without("CONFIG", "{"), "CONFIG is not JSON"],
  ])("because %s says so, and serves nothing", async (_what, bindings, name) => {
    const broken = bindings();
    const ready = await call("GET /readyz", { env: broken });
    expect(codeOf(ready)).toBe("503 unavailable");
    expect(ready.json).toMatchObject({ error: { message: expect.stringContaining(name) as string } });
    expect(ready.text).not.toContain("so secret");
    expect((await call("GET /healthz", { env: broken })).status).toBe(200);
    const routes = ["POST /v1/auth/login", "GET /v1/me", "GET /v1/users", "GET /v1/openapi.json"];
    for (const line of routes) {
      const answer = await call(line, { env: broken, token: "x" });
      expect(codeOf(answer), line).toBe("503 unavailable");
      expect(answer.headers.get("retry-after")).toBe("1");
    }
    const socket = await call("GET /v1/ws", { env: broken, headers: { upgrade: "websocket" } });
    expect(codeOf(socket)).toBe("503 unavailable");
    expect(lines.filter((line) => line.includes("start-up error"))).toHaveLength(1);
    expect(lines.join()).toContain(name);
  });

  test("or whose store does not answer is not ready, but alive", async () => {
    const broken = brokenDatabase(new Error("D1_ERROR: no such table: users: SQLITE_ERROR"));
    expect(codeOf(await call("GET /readyz", { env: broken }))).toBe("503 unavailable");
    expect((await call("GET /healthz", { env: broken })).json).toEqual({ status: "ok" });
    expect((await call("GET /readyz")).json).toEqual({ status: "ready" });
  });
});

describe("headers", () => {
  test("let any origin use the API with a bearer token, and no cookies", async () => {
    const answer = await call("OPTIONS /v1/me", {
      headers: {
        origin: "https://app.example",
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "authorization, content-type",
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("access-control-allow-methods")).toContain("PATCH");
    expect(answer.headers.get("access-control-allow-headers")).toContain("authorization");
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  });

  test("are on refusals, too, so that a page can read them", async () => {
    for (const line of ["GET /v1/me", "GET /v1/nothing"]) {
      const { headers } = await call(line, { headers: { origin: "https://app.example" } });
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(headers.get("access-control-expose-headers")).toContain("x-request-id");
    }
  });

  test("keep browsers from guessing, framing and caching", async () => {
    const { headers } = await call("GET /v1/me", { token: (await account()).token });
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(headers.get("cache-control")).toBe("no-store");
  });
});

describe("GET /v1/ws", () => {
  test("without an upgrade is refused", async () => {
    expect(codeOf(await call("GET /v1/ws"))).toBe("400 invalid_argument");
    expect(codeOf(await call("GET /v1/ws", { headers: { upgrade: "h2c" } }))).toBe("400 invalid_argument");
  });

  test("opens a socket, and says under which request id", async () => {
    const headers = { upgrade: "websocket", "x-request-id": "open-a-socket" };
    const response = await app.request("https://mpim.test/v1/ws", { headers }, env);
    expect(response.status).toBe(101);
    expect(response.headers.get("x-request-id")).toBe("open-a-socket");
    expect(response.webSocket).not.toBeNull();
    response.webSocket?.accept();
    response.webSocket?.close(1000);
  });
});
