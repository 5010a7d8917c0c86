import { afterEach, describe, expect, test, vi } from "vitest";
import { services } from "../../src/workers/env.ts";
import type { Uid } from "../../src/protocol/ids.ts";
import { advance } from "../support/faults.ts";
import { account, call, codeOf, env, PASSWORD, type Answer } from "../support/http.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const register = (json: unknown, headers: Record<string, string> = {}) =>
  call("POST /v1/auth/register", { json, headers });
const login = (username: string, password: string) => call("POST /v1/auth/login", { json: { username, password } });
const refresh = (refresh_token: string) => call("POST /v1/auth/refresh", { json: { refresh_token } });
const fieldsOf = (answer: { json: Record<string, unknown> }): string[] => {
  const { error } = answer.json as { error: { details: { fields: { field: string }[] } } };
  return error.details.fields.map(({ field }) => field);
};

describe("register", () => {
  test("makes an account and its first login", async () => {
    const answer = await register({ username: "Amy.Pond", password: PASSWORD, name: " Amy  🦘 " });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      user: {
        id: expect.stringMatching(/^u_[0-9a-z]{26}$/),
        username: "amy.pond",
        name: "Amy  🦘",
        avatar: null,
      },
      token: expect.any(String),
      refresh_token: expect.any(String),
      expires_in: 3600,
    });
    const me = await call("GET /v1/me", { token: answer.json["token"] as string });
    expect(me.json).toEqual(answer.json["user"]);
  });

  test("a name that is not given is the username", async () => {
    expect((await account("noname")).user.name).toBe("noname");
  });

  test("a username that is taken, in any case, is refused, and the account keeps its password", async () => {
    await account("rory");
    for (const username of ["rory", "RORY", "Rory"]) {
      expect(codeOf(await register({ username, password: "another one" }))).toBe("409 already_exists");
    }
    expect((await login("rory", "another one")).status).toBe(401);
    expect((await login("rory", PASSWORD)).status).toBe(200);
  });

  test("of several who want one username at once exactly one gets it", async () => {
    const answers = await Promise.all(
      ["a", "b", "c"].map((x) => register({ username: "wanted", password: PASSWORD + x })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
    const won = answers.findIndex(({ status }) => status === 201);
    expect((await login("wanted", PASSWORD + ["a", "b", "c"][won])).status).toBe(200);
  });

  test.each([
    [["username", "password"], {}],
    [["username"], { username: "ab", password: PASSWORD }],
    [["username"], { username: "a".repeat(33), password: PASSWORD }],
    [["username"], { username: "has blank", password: PASSWORD }],
    [["username"], { username: "x'; DROP TABLE users; --", password: PASSWORD }],
    [["username"], { username: "日本語", password: PASSWORD }],
    [["username"], { username: 42, password: PASSWORD }],
    [["password"], { username: "shorty", password: "1234567" }],
    [["password"], { username: "longy", password: "x".repeat(129) }],
    [["password"], { username: "hugey", password: "x".repeat(60_000) }],
    [["name"], { username: "nameless", password: PASSWORD, name: "   " }],
    [["name"], { username: "nameful", password: PASSWORD, name: "x".repeat(65) }],
    [["name"], { username: "turned", password: PASSWORD, name: "a\u202Eb" }],
    [["name"], { username: "broken", password: PASSWORD, name: "a\nb" }],
    [["name"], { username: "halved", password: PASSWORD, name: "a\ud83d" }],
    [["body"], null],
    [["body"], [1]],
    [["body"], "text"],
  ])("names the fields that are wrong: %j", async (fields, json) => {
    const answer = await register(json);
    expect(codeOf(answer)).toBe("400 invalid_argument");
    expect(fieldsOf(answer)).toEqual(fields);
    expect(answer.text).not.toContain(PASSWORD);
  });

  test("characters are counted, not code units", async () => {
    const four = { password: "🦘🦘🦘🦘", username: "four.kangaroos" };
    expect(codeOf(await register(four))).toBe("400 invalid_argument");
    await account("kangaroos", { password: "🦘".repeat(128), name: "🦘".repeat(64) });
    expect((await login("kangaroos", "🦘".repeat(128))).status).toBe(200);
  });
});

describe("register with an idempotency key", () => {
  const body = { username: "keyed", password: PASSWORD, name: "Keyed" };
  const key = { "idempotency-key": "f3a1c2d4-retry" };

  test("the same key and body give the same user, with tokens that work", async () => {
    const [first, second] = [await register(body, key), await register(body, key)];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.json["user"]).toEqual(first.json["user"]);
    expect(second.json["refresh_token"]).not.toBe(first.json["refresh_token"]);
    expect((await call("GET /v1/me", { token: second.json["token"] as string })).status).toBe(200);
  });

  test.each([{ username: "keyed2" }, { password: "other password" }, { name: "Other" }])(
    "the same key with another body is refused: %j",
    async (change) => {
      expect(codeOf(await register({ ...body, ...change }, key))).toBe("409 id_conflict");
    },
  );

  test("the same body with another key is another request", async () => {
    expect(codeOf(await register(body, { "idempotency-key": "another" }))).toBe("409 already_exists");
  });

  test("repetitions at once make one account", async () => {
    const twice = { username: "twice", password: PASSWORD };
    const answers = await Promise.all([1, 2, 3].map(() => register(twice, { "idempotency-key": "at-once" })));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(({ json }) => (json["user"] as { id: string }).id)).size).toBe(1);
  });

  test("a request that was cut off after the claim goes on with the id that it claimed", async () => {
    const cut = { username: "cut.off", password: PASSWORD, name: "cut.off" };
    const failing = failOnce('INSERT INTO "users"');
    const logged = vi.spyOn(console, "error").mockReturnValueOnce();
    const options = { json: cut, headers: { "idempotency-key": "cut-off" } };
    expect(codeOf(await call("POST /v1/auth/register", { ...options, env: failing }))).toBe("503 unavailable");
    logged.mockRestore();
    const claimed = await env.DB.prepare("SELECT outcome FROM claims ORDER BY expires_ms DESC LIMIT 1").first(
      "outcome",
    );
    const again = await call("POST /v1/auth/register", options);
    expect(again.status).toBe(201);
    expect(again.json["user"]).toMatchObject({ id: claimed });
  });

  test.each(["", "x".repeat(256), "with blank"])("a key of a wrong shape is refused: %j", async (bad) => {
    const answer = await register({ username: "badkey", password: PASSWORD }, { "idempotency-key": bad });
    expect(fieldsOf(answer)).toEqual(["idempotency-key"]);
  });

  test("neither key nor password is kept", async () => {
    const { results } = await env.DB.prepare("SELECT * FROM claims").all();
    const text = JSON.stringify(results);
    expect(results.length).toBeGreaterThan(0);
    for (const secret of [PASSWORD, "f3a1c2d4-retry", "keyed"]) expect(text).not.toContain(secret);
  });
});

describe("login", () => {
  test("takes the username in any case", async () => {
    const { user } = await account("donna", { name: "Donna" });
    const answer = await login("DONNA", PASSWORD);
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ user, expires_in: 3600 });
  });

  test("twenty wrong passwords for one username close it for a while, also to the right one, and no other", async () => {
    await account("guessed");
    await account("bystander");
    for (let n = 0; n < 20; n += 1) expect((await login("guessed", "wrong password")).status).toBe(401);
    const answer = await login("GUESSED", PASSWORD);
    expect([codeOf(answer), answer.headers.get("retry-after")]).toEqual(["429 rate_limited", "60"]);
    expect((await login("bystander", PASSWORD)).status).toBe(200);
  });

  test("a wrong password, an unknown username and a username of a wrong shape are one answer", async () => {
    await account("river");
    const wrong = await login("river", "wrong password");
    expect(codeOf(wrong)).toBe("401 unauthenticated");
    expect(wrong.headers.get("www-authenticate")).toBe("Bearer");
    for (const username of ["nobody.here", "x' OR '1'='1", "%"]) {
      const answer = await login(username, PASSWORD);
      expect(codeOf(answer)).toBe("401 unauthenticated");
      expect(answer.json).toMatchObject({ error: { message: (wrong.json["error"] as { message: string }).message } });
    }
  });

  test("a user of an external issuer has no password to log in with", async () => {
    await services(env).users.ensure("external" as Uid, "external", Date.now());
    expect(codeOf(await login("external", ""))).toBe("400 invalid_argument");
    expect(codeOf(await login("external", "null"))).toBe("401 unauthenticated");
  });

  test("a password over all bounds is refused unhashed", async () => {
    expect(codeOf(await login("river", "x".repeat(60_000)))).toBe("400 invalid_argument");
  });

  test("the same password in another Unicode form is the same", async () => {
    await account("zoe", { password: "pass-caf\u00e9" });
    expect((await login("zoe", "pass-cafe\u0301")).status).toBe(200);
  });
});

describe("refresh", () => {
  test("exchanges a token for new ones of the same user", async () => {
    const first = await account();
    const answer = await refresh(first.refresh_token);
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ user: first.user, expires_in: 3600 });
    expect(answer.json["refresh_token"]).not.toBe(first.refresh_token);
    const next = await refresh(answer.json["refresh_token"] as string);
    expect(next.status).toBe(200);
    expect((await call("GET /v1/me", { token: next.json["token"] as string })).status).toBe(200);
  });

  test("whose answer was lost is repeated, and gives the same token, in whichever isolate", async () => {
    const { refresh_token } = await account();
    const lost = await refresh(refresh_token);
    advance(59_000);
    const elsewhere = { json: { refresh_token }, env: { ...env } };
    const answers = [await refresh(refresh_token), await call("POST /v1/auth/refresh", elsewhere)];
    for (const { status, json } of answers) {
      expect([status, json["refresh_token"]]).toEqual([200, lost.json["refresh_token"]]);
      expect((await call("GET /v1/me", { token: json["token"] as string })).status).toBe(200);
    }
    expect((await refresh(lost.json["refresh_token"] as string)).status).toBe(200);
  });

  /** What a token that was used before gives, then the newest one, and its access token. */
  const after = async (used: string, newest: Answer): Promise<string[]> => [
    codeOf(await refresh(used)),
    codeOf(await refresh(newest.json["refresh_token"] as string)),
    codeOf(await call("GET /v1/me", { token: newest.json["token"] as string })),
  ];
  const OVER = ["401 unauthenticated", "401 unauthenticated", "401 unauthenticated"];

  test("a token used again after a minute ends the login: its newest refresh token and its access tokens, no other login", async () => {
    const stolen = await account("martha");
    const other = await login("martha", PASSWORD);
    const newest = await refresh(stolen.refresh_token);
    advance(60_000);
    expect(await after(stolen.refresh_token, newest)).toEqual(OVER);
    expect((await refresh(other.json["refresh_token"] as string)).status).toBe(200);
  });

  test("a token used again after its successor was exchanged ends the login at once", async () => {
    const { refresh_token } = await account();
    const second = await refresh(refresh_token);
    const third = await refresh(second.json["refresh_token"] as string);
    expect(await after(refresh_token, third)).toEqual(OVER);
  });

  test("a grace of none makes any second use a theft", async () => {
    const strict = { ...env, CONFIG: JSON.stringify({ auth: { refresh_grace_s: 0, scrypt_log_n: 10 } }) };
    const { refresh_token } = await account();
    const exchange = (): Promise<Answer> => call("POST /v1/auth/refresh", { json: { refresh_token }, env: strict });
    const newest = await exchange();
    expect(codeOf(await exchange())).toBe("401 unauthenticated");
    expect(codeOf(await refresh(newest.json["refresh_token"] as string))).toBe("401 unauthenticated");
  });

  test("of several exchanges at once all have the one successor", async () => {
    const { refresh_token } = await account();
    const answers = await Promise.all(
      [env, { ...env }, { ...env }].map((one) => call("POST /v1/auth/refresh", { json: { refresh_token }, env: one })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ json }) => json["refresh_token"])).size).toBe(1);
    expect((await refresh(answers[0]?.json["refresh_token"] as string)).status).toBe(200);
  });

  test("an exchange that the store did without saying so is repeated like any other", async () => {
    const { refresh_token } = await account();
    vi.spyOn(console, "error").mockReturnValueOnce();
    const mute = { json: { refresh_token }, env: deafAfter("update") };
    expect(codeOf(await call("POST /v1/auth/refresh", mute))).toBe("503 unavailable");
    const again = await refresh(refresh_token);
    expect(again.status).toBe(200);
    expect((await refresh(again.json["refresh_token"] as string)).status).toBe(200);
  });

  test("what was never a token of the login ends nothing", async () => {
    const mine = await account();
    const [id, , secret] = mine.refresh_token.split(".");
    const made_up = [
      "x",
      `${id}.${"A".repeat(22)}.${secret}`,
      `${"0".repeat(26)}.${"A".repeat(22)}.${"A".repeat(43)}`,
      `${mine.refresh_token}A`,
      mine.token,
    ];
    for (const text of made_up) expect((await refresh(text)).status, text).toBeGreaterThanOrEqual(400);
    expect((await refresh(mine.refresh_token)).status).toBe(200);
  });

  test("a token that has expired is refused", async () => {
    const { refresh_token } = await account();
    const [id] = refresh_token.split(".");
    await env.DB.prepare("UPDATE logins SET expires_ms = ? WHERE id = ?").bind(Date.now(), id).run();
    expect(codeOf(await refresh(refresh_token))).toBe("401 unauthenticated");
  });

  test("the store holds no token, only hashes", async () => {
    const { refresh_token } = await account();
    const [id, family, secret] = refresh_token.split(".");
    const row = await env.DB.prepare("SELECT * FROM logins WHERE id = ?").bind(id).first();
    expect(row).not.toBeNull();
    expect(JSON.stringify(row)).not.toContain(family);
    expect(JSON.stringify(row)).not.toContain(secret);
  });
});

describe("logout", () => {
  test("ends the login of the token, at once, and no other", async () => {
    const mine = await account("clara");
    const other = await login("clara", PASSWORD);
    const answer = await call("POST /v1/auth/logout", { token: mine.token });
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect(codeOf(await call("GET /v1/me", { token: mine.token }))).toBe("401 unauthenticated");
    expect(codeOf(await refresh(mine.refresh_token))).toBe("401 unauthenticated");
    expect((await call("GET /v1/me", { token: other.json["token"] as string })).status).toBe(200);
  });

  test("may be repeated", async () => {
    const { token } = await account();
    expect((await call("POST /v1/auth/logout", { token })).status).toBe(204);
    expect((await call("POST /v1/auth/logout", { token })).status).toBe(204);
  });

  test("is known in an isolate that never saw the login before", async () => {
    const { token } = await account();
    await call("POST /v1/auth/logout", { token });
    expect(codeOf(await call("GET /v1/me", { token, env: { ...env } }))).toBe("401 unauthenticated");
  });

  test("needs a token", async () => {
    expect(codeOf(await call("POST /v1/auth/logout"))).toBe("401 unauthenticated");
  });
});

/** Bindings whose database carries out statements that begin so, and loses the answer. */
function deafAfter(beginning: string): typeof env {
  const DB = new Proxy(env.DB, {
    get(target, property) {
      if (property !== "prepare") return (Reflect.get(target, property) as () => unknown).bind(target);
      return (query: string) => {
        const statement = target.prepare(query);
        if (!query.toLowerCase().startsWith(beginning)) return statement;
        const lost = (bound: D1PreparedStatement): D1PreparedStatement =>
          new Proxy(bound, {
            get(of, name) {
              const value = Reflect.get(of, name) as (...args: unknown[]) => unknown;
              if (name === "bind") return (...values: unknown[]) => lost(of.bind(...values));
              return async (...args: unknown[]) => {
                await value.apply(of, args);
                throw new Error("D1_ERROR: network connection lost");
              };
            },
          });
        return lost(statement);
      };
    },
  });
  return { ...env, DB };
}

/** Bindings whose database fails the first statement that begins so. */
function failOnce(beginning: string): typeof env {
  let armed = true;
  const DB = new Proxy(env.DB, {
    get(target, property) {
      if (property !== "prepare") return (Reflect.get(target, property) as () => unknown).bind(target);
      return (query: string) => {
        if (armed && query.toLowerCase().startsWith(beginning.toLowerCase())) {
          armed = false;
          throw new Error("D1_ERROR: storage caused object to be reset");
        }
        return target.prepare(query);
      };
    },
  });
  return { ...env, DB };
}
