import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWK } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { authenticate } from "../../src/workers/edge/auth.ts";
import { services, type Env } from "../../src/workers/env.ts";
import type { Uid } from "../../src/protocol/ids.ts";
import { once } from "../support/groups.ts";
import { account, call, codeOf, env, type Account } from "../support/http.ts";

const SECONDS = Math.floor(Date.now() / 1000);
const OWN_KEY = new Uint8Array(Buffer.from(env.TOKEN_KEY ?? "", "base64url"));
const OTHER_KEY = new Uint8Array(32).fill(7);

const me = (token: string, bindings: Env = env) => call("GET /v1/me", { token, env: bindings });

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("tokens of our own", () => {
  let mine: Account;
  let sid: string;
  beforeAll(async () => {
    mine = await account();
    [sid = ""] = mine.refresh_token.split(".");
  });

  interface Change {
    readonly header?: Record<string, string>;
    readonly claims?: Record<string, unknown>;
    readonly key?: Uint8Array;
  }

  const forge = ({ header, claims, key }: Change = {}): Promise<string> =>
    new SignJWT({ sub: mine.user.id, sid, iss: "mpim", aud: "mpim", iat: SECONDS, exp: SECONDS + 600, ...claims })
      .setProtectedHeader({ alg: "HS256", typ: "at+jwt", ...header })
      .sign(key ?? OWN_KEY);

  test("what these tests forge is good when nothing is changed", async () => {
    expect((await me(await forge())).json).toMatchObject({ id: mine.user.id });
  });

  test.each<[string, Change]>([
    ["another key", { key: OTHER_KEY }],
    ["another audience", { claims: { aud: "other" } }],
    ["another issuer", { claims: { iss: "other" } }],
    ["a time that is over", { claims: { exp: SECONDS - 60 } }],
    ["no end", { claims: { exp: undefined } }],
    ["another type", { header: { typ: "JWT" } }],
    ["no subject", { claims: { sub: undefined } }],
    ["a subject that is no user id", { claims: { sub: "not a uid" } }],
    ["no login", { claims: { sid: undefined } }],
    ["a login that never was", { claims: { sid: "0".repeat(26) } }],
    ["a login of a wrong shape", { claims: { sid: { $gt: "" } } }],
    ["a start in the future", { claims: { nbf: SECONDS + 600 } }],
    ["a critical extension", { header: { crit: "x" } }],
  ])("%s is refused", async (_what, change) => {
    const token = await forge(change).catch(() => "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsieCJdfQ.e30.AAAA");
    expect(codeOf(await me(token))).toBe("401 unauthenticated");
  });

  test("a signature of none is refused", async () => {
    const token = new UnsecuredJWT({ sid })
      .setSubject(mine.user.id)
      .setIssuer("mpim")
      .setAudience("mpim")
      .setIssuedAt(SECONDS)
      .setExpirationTime(SECONDS + 600)
      .encode();
    expect(codeOf(await me(token))).toBe("401 unauthenticated");
  });

  test("a changed claim breaks the signature", async () => {
    const [header, , signature] = (await forge()).split(".");
    const claims = Buffer.from(JSON.stringify({ sub: "u_other", sid, exp: SECONDS + 600 })).toString("base64url");
    expect(codeOf(await me(`${header}.${claims}.${signature}`))).toBe("401 unauthenticated");
  });

  test.each(["x", "a.b.c", "..", "eyJhbGciOiJIUzI1NiJ9..", "A".repeat(9000)])("%.20s is no token", async (token) => {
    expect(codeOf(await me(token))).toBe("401 unauthenticated");
  });

  test.each(["", "Bearer", "Bearer a b", "Basic YTpi", "bearer: x"])("%j is no bearer token", async (authorization) => {
    expect(codeOf(await call("GET /v1/me", { headers: { authorization } }))).toBe("401 unauthenticated");
  });

  test("the scheme's case does not matter", async () => {
    const answer = await call("GET /v1/me", { headers: { authorization: `bearer ${mine.token}` } });
    expect(answer.status).toBe(200);
  });

  test("clocks may differ by some seconds", async () => {
    const token = await forge({ claims: { exp: SECONDS } });
    expect((await authenticate(token, services(env), SECONDS * 1000 + 4_000)).ok).toBe(true);
    expect((await authenticate(token, services(env), SECONDS * 1000 + 6_000)).ok).toBe(false);
  });

  test("an identity says whose login it is and when it ends", async () => {
    expect(await authenticate(await forge(), services(env), Date.now())).toEqual({
      ok: true,
      value: { uid: mine.user.id, login: sid, expires: (SECONDS + 600) * 1000, external: false },
    });
  });

  test("a store that does not answer ends nobody's login", async () => {
    const fresh = { ...env, DB: brokenDatabase() };
    expect((await authenticate(mine.token, services(fresh), Date.now())).ok).toBe(true);
  });
});

describe("tokens of an external issuer", () => {
  const ISSUER = { issuer: "https://id.example", audience: "chat", jwks_url: "https://id.example/jwks.json" };
  /** A new environment object is a new isolate, as far as memory goes. */
  const isolate = (): Env => ({ ...env, CONFIG: JSON.stringify({ auth: { external: ISSUER, scrypt_log_n: 10 } }) });

  type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
  let pair: Pair;
  let rsa: Pair;
  let fetches: string[];
  let document: () => Response;

  const publicKey = async ({ publicKey: key }: Pair, kid: string): Promise<JWK> => ({
    ...(await exportJWK(key)),
    kid,
    use: "sig",
  });
  const serve = (keys: JWK[]): void => {
    document = () => Response.json({ keys });
  };

  beforeAll(async () => {
    [pair, rsa] = await Promise.all([
      generateKeyPair("ES256", { extractable: true }),
      generateKeyPair("RS256", { extractable: true }),
    ]);
  });
  beforeEach(async () => {
    fetches = [];
    vi.stubGlobal("fetch", (url: string) => {
      fetches.push(url);
      return Promise.resolve().then(() => document());
    });
    serve([await publicKey(pair, "k1")]);
  });

  interface Change {
    readonly claims?: Record<string, unknown>;
    readonly header?: { alg: string; kid?: string };
    readonly key?: Pair["privateKey"] | Uint8Array;
  }

  const sign = (sub: string, { claims, header, key }: Change = {}): Promise<string> =>
    new SignJWT({ sub, iss: ISSUER.issuer, aud: ISSUER.audience, exp: SECONDS + 600, ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "k1", ...header })
      .sign(key ?? pair.privateKey);

  test("make a user on first sight, under the name that the token gives", async () => {
    const bindings = isolate();
    const answer = await me(await sign("ext_ada", { claims: { name: "Ada" } }), bindings);
    expect(answer.json).toEqual({ id: "ext_ada", username: null, name: "Ada", avatar: null });
    expect((await me(await sign("ext_bob", { claims: { name: "\n" } }), bindings)).json).toMatchObject({
      name: "ext_bob",
    });
    expect(fetches).toEqual([ISSUER.jwks_url]);
  });

  test("carry no login, and end by themselves only", async () => {
    const bindings = isolate();
    const token = await sign("ext_cy");
    expect(await authenticate(token, services(bindings), Date.now())).toEqual({
      ok: true,
      value: { uid: "ext_cy", expires: (SECONDS + 600) * 1000, external: true },
    });
    expect(codeOf(await call("POST /v1/auth/logout", { token, env: bindings }))).toBe("400 invalid_argument");
  });

  test("do not bring back whose account is deleted, in whichever isolate, nor let anybody in", async () => {
    const [bindings, other] = [isolate(), isolate()];
    const token = await sign("ext_eli");
    const start = Date.now();
    const at = async (where: Env, ms: number): Promise<string> => {
      const result = await authenticate(token, services(where), start + ms);
      return result.ok ? "ok" : result.error.code;
    };
    expect([await at(bindings, 0), await at(other, 0)]).toEqual(["ok", "ok"]);
    expect((await call("DELETE /v1/me", { token, env: bindings })).status).toBe(202);
    expect(codeOf(await me(token, bindings))).toBe("401 unauthenticated");
    await once(
      () => services({ ...bindings }).users.find("ext_eli" as Uid),
      (user) => (user?.deleted ?? 0) > 0,
    );
    expect(await at(isolate(), 1)).toBe("unauthenticated");
    services(other).ensured.set("ext_eli", "live", 0);
    expect(codeOf(await me(token, { ...other }))).toBe("401 unauthenticated");
    // Who asks again is told that it has begun.
    expect((await call("DELETE /v1/me", { token, env: isolate() })).status).toBe(202);
    expect(await services({ ...bindings }).users.find("ext_eli" as Uid)).toMatchObject({ name: "" });
  });

  test("leave a name alone that the user has changed", async () => {
    const token = await sign("ext_dee", { claims: { name: "Dee" } });
    const renamed = await call("PATCH /v1/me", { token, env: isolate(), json: { name: "Delilah" } });
    expect(renamed.json).toMatchObject({ name: "Delilah" });
    expect((await me(token, isolate())).json).toMatchObject({ name: "Delilah" });
  });

  test.each<[string, string, () => Change]>([
    ["another audience", "ext_eve", () => ({ claims: { aud: "other" } })],
    ["another issuer", "ext_eve", () => ({ claims: { iss: "https://evil.example" } })],
    ["our own issuer", "ext_eve", () => ({ claims: { iss: "mpim", aud: "mpim" } })],
    ["a time that is over", "ext_eve", () => ({ claims: { exp: SECONDS - 60 } })],
    ["no end", "ext_eve", () => ({ claims: { exp: undefined } })],
    ["a subject that is no user id", "eve@example.com", () => ({})],
    [
      "a key that is not in the document",
      "ext_eve",
      () => ({ header: { alg: "RS256", kid: "k1" }, key: rsa.privateKey }),
    ],
    ["an unknown key id", "ext_eve", () => ({ header: { alg: "ES256", kid: "k9" } })],
  ])("with %s are refused", async (_what, sub, change) => {
    expect(codeOf(await me(await sign(sub, change()), isolate()))).toBe("401 unauthenticated");
    expect(await services(env).users.exists(sub as Uid)).toBe(false);
  });

  test("signed by a public key, or by a symmetric one of the document, as if it were a secret, are refused", async () => {
    const secret = new Uint8Array(32).fill(9);
    serve([
      await publicKey(pair, "k1"),
      { kty: "oct", kid: "k2", k: Buffer.from(secret).toString("base64url"), alg: "HS256" },
    ]);
    const asSecret = new TextEncoder().encode(JSON.stringify(await publicKey(pair, "k1")));
    const tokens = [
      await sign("ext_eve", { header: { alg: "HS256", kid: "k1" }, key: asSecret }),
      await sign("ext_eve", { header: { alg: "HS256", kid: "k2" }, key: secret }),
    ];
    for (const token of tokens) expect(codeOf(await me(token, isolate()))).toBe("401 unauthenticated");
  });

  test("are refused where no issuer is configured", async () => {
    expect(codeOf(await me(await sign("ext_fay")))).toBe("401 unauthenticated");
    expect(fetches).toEqual([]);
  });

  test("of a new key are taken once the issuer has published it, and unknown keys cause few fetches", async () => {
    const bindings = isolate();
    const start = Date.now();
    const at = async (token: string, ms: number): Promise<string> => {
      const result = await authenticate(token, services(bindings), start + ms);
      return result.ok ? "ok" : result.error.code;
    };
    const old = await sign("ext_gus");
    const fresh = await sign("ext_gus", { header: { alg: "RS256", kid: "k2" }, key: rsa.privateKey });
    expect(await at(old, 0)).toBe("ok");
    expect(await at(fresh, 1)).toBe("unauthenticated");
    serve([await publicKey(rsa, "k2")]);
    expect(await at(fresh, 29_999)).toBe("unauthenticated");
    expect(fetches).toHaveLength(1);
    expect(await at(fresh, 30_000)).toBe("ok");
    expect(fetches).toHaveLength(2);
    expect(await at(old, 30_001)).toBe("unauthenticated");
    expect(fetches).toHaveLength(2);
  });

  test.each<[string, () => Response]>([
    ["is down", () => new Response("oops", { status: 500 })],
    ["has no JSON", () => new Response("<html>")],
    ["has no keys", () => Response.json({ nope: [] })],
    ["is huge", () => Response.json({ keys: [], padding: "x".repeat(300_000) })],
  ])("wait when the document %s, and known keys go on", async (_what, broken) => {
    const bindings = isolate();
    const start = Date.now();
    const token = await sign("ext_hal");
    const at = async (ms: number, which = token): Promise<string> => {
      const result = await authenticate(which, services(bindings), start + ms);
      return result.ok ? "ok" : `${result.error.code} ${result.error.retryAfter}`;
    };
    document = broken;
    expect(await at(0)).toBe("unavailable 2000");
    expect(await at(1_999)).toBe("unavailable 2000");
    expect(fetches).toHaveLength(1);
    serve([await publicKey(pair, "k1")]);
    expect(await at(2_000)).toBe("ok");
    document = broken;
    expect(await at(2_000 + 300_000)).toBe("ok");
    const unknown = await sign("ext_hal", { header: { alg: "ES256", kid: "k2" } });
    expect(await at(2_000 + 300_001, unknown)).toBe("unavailable 2000");
    expect(await at(2_000 + 300_002)).toBe("ok");
  });

  test("are refused for now when their user cannot be written down", async () => {
    const bindings = { ...isolate(), DB: brokenDatabase() };
    const answer = await me(await sign("ext_ida"), bindings);
    expect(codeOf(answer)).toBe("503 unavailable");
    expect(answer.headers.get("retry-after")).toBe("1");
  });
});

function brokenDatabase(): D1Database {
  return {
    prepare: () => {
      throw new Error("D1_ERROR: down");
    },
  } as unknown as D1Database;
}
