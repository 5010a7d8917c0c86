/** /v1/devices: what a user sees of the own devices, and signing them out, while objects sleep and die. */
import { abortAllDurableObjects, evictDurableObject } from "cloudflare:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { UserRpc } from "../../src/durable-objects/rpc.ts";
import type { Uid } from "../../src/protocol/ids.ts";
import { services, type Env } from "../../src/workers/env.ts";
import { abort } from "../support/faults.ts";
import { account, call, codeOf, env, PASSWORD, type Account } from "../support/http.ts";
import { connect, dial, userStub } from "../support/workers.ts";

interface Device {
  readonly id: string;
  readonly name: string;
  readonly platform: string;
  readonly first_seen: number;
  readonly last_seen: number;
  readonly online: boolean;
  readonly current: boolean;
  readonly login?: string;
}

const uidOf = ({ user }: Account): Uid => user.id as Uid;

/** Another login of the same account. */
async function again({ user }: Account): Promise<Account> {
  const { json } = await call("POST /v1/auth/login", { json: { username: user.username, password: PASSWORD } });
  return json as unknown as Account;
}

async function devices(token: string): Promise<Device[]> {
  const answer = await call("GET /v1/devices", { token });
  expect(answer.status).toBe(200);
  return answer.json["devices"] as Device[];
}

/** Ids in their order, with what else is said of each in a word. */
async function listed(token: string): Promise<string[]> {
  const word = ({ id, online, current }: Device): string =>
    `${id}${online ? " online" : ""}${current ? " current" : ""}`;
  return (await devices(token)).map(word);
}

const on = (who: Account, device: string) => connect(uidOf(who), { token: who.token, device });
const refresh = (who: Account) => call("POST /v1/auth/refresh", { json: { refresh_token: who.refresh_token } });

/** Two logins of one user: a browser with two tabs, and a phone. */
async function browserAndPhone() {
  const browser = await account();
  const phone = await again(browser);
  const connections = {
    one: await on(browser, "tab-1"),
    two: await on(browser, "tab-2"),
    mobile: await on(phone, "phone"),
  };
  return { browser, phone, ...connections };
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("the list", () => {
  test("shows each device with its login; current are those of the login that asks", async () => {
    const { browser, phone, two } = await browserAndPhone();
    expect(await listed(browser.token)).toEqual(["phone online", "tab-2 online current", "tab-1 online current"]);
    expect(await listed(phone.token)).toEqual(["phone online current", "tab-2 online", "tab-1 online"]);
    const [mobile, second, first] = await devices(phone.token);
    expect(second?.login).toBe(first?.login);
    expect(mobile?.login).not.toBe(first?.login);
    expect(mobile).toMatchObject({ name: "", platform: "" });
    expect(mobile?.first_seen).toBeLessThanOrEqual(mobile?.last_seen ?? 0);
    await two.close();
    await expect
      .poll(async () => listed(browser.token), { timeout: 20_000 })
      .toEqual(["phone online", "tab-1 online current", "tab-2 current"]);
  });

  test("is empty for who never connected, and nobody sees those of others", async () => {
    const { browser } = await browserAndPhone();
    const other = await account();
    expect(await devices(other.token)).toEqual([]);
    expect(codeOf(await call("DELETE /v1/devices/phone", { token: other.token }))).toBe("404 not_found");
    expect(await listed(browser.token)).toHaveLength(3);
  });

  test("has the name and the platform that a device gives itself", async () => {
    const browser = await account();
    const device = await dial();
    const about = { id: "desk", name: "Firefox, Linux", platform: "web" };
    device.write({ t: "hello", v: 1, token: browser.token, device: about });
    await device.next("welcome");
    expect(await devices(browser.token)).toMatchObject([about]);
  });

  test.each(["hibernate", "close"] as const)("is as it was after the object was evicted (%s)", async (webSockets) => {
    const { browser, one } = await browserAndPhone();
    const before = await listed(browser.token);
    await evictDurableObject(userStub(uidOf(browser)), { webSockets });
    await expect
      .poll(async () => (await listed(browser.token)).toSorted(), { timeout: 20_000 })
      .toEqual(before.toSorted());
    expect(one.closed).toBeUndefined();
  });

  test("is as it was after the object died", async () => {
    const { browser } = await browserAndPhone();
    const before = await listed(browser.token);
    await abort(userStub(uidOf(browser)));
    await expect
      .poll(async () => (await listed(browser.token)).toSorted(), { timeout: 20_000 })
      .toEqual(before.toSorted());
  });
});

describe("signing a device out", () => {
  test("ends its login: connections, refresh tokens, access token; the others are not disturbed", async () => {
    const { browser, phone, one, two, mobile } = await browserAndPhone();
    expect((await call("DELETE /v1/devices/tab-1", { token: phone.token })).status).toBe(204);
    expect(await Promise.all([one.end(), two.end()])).toEqual([4401, 4401]);
    expect(codeOf(await refresh(browser))).toBe("401 unauthenticated");
    expect(codeOf(await call("GET /v1/me", { token: browser.token }))).toBe("401 unauthenticated");
    expect(await listed(phone.token)).toEqual(["phone online current"]);
    expect(await mobile.sync()).toEqual([]);
    expect((await refresh(phone)).status).toBe(200);
    expect(codeOf(await call("DELETE /v1/devices/tab-2", { token: phone.token }))).toBe("404 not_found");
  });

  test("that is away, and stays so when its object dies: a connection on its way is closed", async () => {
    const { browser, phone, mobile } = await browserAndPhone();
    await mobile.close();
    await expect.poll(async () => (await listed(browser.token)).at(-1), { timeout: 20_000 }).toBe("phone");
    expect((await call("DELETE /v1/devices/phone", { token: browser.token })).status).toBe(204);
    for (const restart of [false, true]) {
      if (restart) await abortAllDurableObjects();
      // As where another isolate remembers that the login stood a moment ago.
      services(env).logins.set(phone.refresh_token.split(".")[0] ?? "", "live", Date.now() + 60_000);
      const late = await dial();
      late.write({ t: "hello", v: 1, token: phone.token, device: { id: "phone" } });
      expect(await late.end()).toBe(4401);
    }
    await expect
      .poll(async () => (await listed(browser.token)).toSorted(), { timeout: 20_000 })
      .toEqual(["tab-1 online current", "tab-2 online current"]);
  });

  test("may be one's own", async () => {
    const { browser, phone, one } = await browserAndPhone();
    expect((await call("DELETE /v1/devices/tab-2", { token: browser.token })).status).toBe(204);
    expect(await one.end()).toBe(4401);
    expect(await listed(phone.token)).toEqual(["phone online current"]);
  });

  test("that is unknown is `not_found`, and an id that cannot be is `invalid_argument`", async () => {
    const { token } = await account();
    expect(codeOf(await call("DELETE /v1/devices/nobody", { token }))).toBe("404 not_found");
    for (const odd of ["a b", "x".repeat(65), "d.1", "%00", "é"]) {
      expect(codeOf(await call(`DELETE /v1/devices/${encodeURIComponent(odd)}`, { token }))).toBe(
        "400 invalid_argument",
      );
    }
  });

  test("whose object does not answer is to be tried again, and can be", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const { browser, phone, one } = await browserAndPhone();
    const object = userStub(uidOf(browser));
    const endSessions = () => Promise.reject(new Error("object"));
    const stub: Partial<UserRpc> = { devices: async () => object.devices(), endSessions };
    const namespace = { idFromName: (name: string) => name, get: () => stub };
    const failing = { ...env, USERS: namespace } as unknown as Env;
    const line = "DELETE /v1/devices/tab-1";
    expect(codeOf(await call(line, { token: phone.token, env: failing }))).toBe("503 unavailable");
    expect(codeOf(await refresh(browser))).toBe("401 unauthenticated");
    expect(one.closed).toBeUndefined();
    expect((await call(line, { token: phone.token })).status).toBe(204);
    expect(await one.end()).toBe(4401);
  });
});

describe("signing out everywhere else", () => {
  test("leaves the login that asks, and may be repeated", async () => {
    const { browser, phone, one, two, mobile } = await browserAndPhone();
    const third = await again(browser);
    const tv = await on(third, "tv");
    // Only HTTP knows this one.
    const script = await again(browser);
    expect((await call("DELETE /v1/devices", { token: browser.token })).status).toBe(204);
    expect(await Promise.all([mobile.end(), tv.end()])).toEqual([4401, 4401]);
    for (const ended of [phone, third, script]) expect(codeOf(await refresh(ended))).toBe("401 unauthenticated");
    expect(await listed(browser.token)).toEqual(["tab-2 online current", "tab-1 online current"]);
    expect((await call("DELETE /v1/devices", { token: browser.token })).status).toBe(204);
    expect(await one.sync()).toEqual([]);
    expect(two.closed).toBeUndefined();
  });
});

describe("logging out", () => {
  test("forgets the devices of the login", async () => {
    const { browser, phone, one } = await browserAndPhone();
    expect((await call("POST /v1/auth/logout", { token: browser.token })).status).toBe(204);
    expect(await one.end()).toBe(4401);
    expect(await listed(phone.token)).toEqual(["phone online current"]);
  });
});

describe("devices with tokens of another issuer", () => {
  test("are closed and forgotten one by one; they come back as long as the issuer lets them", async () => {
    const issuer = { issuer: "https://id.example", audience: "chat", jwks_url: "https://id.example/jwks.json" };
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const keys = [{ ...(await exportJWK(publicKey)), kid: "k1", use: "sig" }];
    vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ keys })));
    const trusting: Env = { ...env, CONFIG: JSON.stringify({ auth: { external: issuer, scrypt_log_n: 10 } }) };
    const mine = await account();
    const foreign = await new SignJWT({ sub: uidOf(mine) })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .setIssuer(issuer.issuer)
      .setAudience(issuer.audience)
      .setExpirationTime("10m")
      .sign(privateKey);
    const own = await on(mine, "own");
    const ask = (line: string, token = foreign) => call(line, { token, env: trusting });
    const arrive = async (id: string) => {
      const attach = { session: crypto.randomUUID(), device: id, started: Date.now(), again: false };
      const url = `https://user/link?attach=${encodeURIComponent(JSON.stringify(attach))}`;
      const { webSocket } = await userStub(uidOf(mine)).fetch(url, { headers: { upgrade: "websocket" } });
      webSocket?.accept();
      const words: string[] = [];
      webSocket?.addEventListener("message", ({ data }) => void words.push(String(data)));
      return words;
    };
    const [tv, car] = [await arrive("tv"), await arrive("car")];
    const seen = async (): Promise<unknown> =>
      ((await ask("GET /v1/devices")).json["devices"] as Device[]).map(({ id, login, current }) => [
        id,
        login === undefined,
        current,
      ]);
    expect(await seen()).toEqual([
      ["car", true, false],
      ["tv", true, false],
      ["own", false, false],
    ]);
    expect(codeOf(await ask("DELETE /v1/devices"))).toBe("400 invalid_argument");
    expect((await ask("DELETE /v1/devices/tv")).status).toBe(204);
    await expect.poll(() => tv.at(-1), { timeout: 20_000 }).toBe('!{"do":"close","code":"unauthenticated"}');
    expect(await seen()).toEqual([
      ["car", true, false],
      ["own", false, false],
    ]);
    await arrive("tv");
    expect((await ask("DELETE /v1/devices", mine.token)).status).toBe(204);
    await expect.poll(() => car.at(-1), { timeout: 20_000 }).toBe('!{"do":"close","code":"unauthenticated"}');
    expect(await seen()).toEqual([["own", false, false]]);
    expect(own.closed).toBeUndefined();
  });
});
