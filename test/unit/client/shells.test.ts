/** What surrounds the client's core: stores, requests, events. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Emitter } from "../../../client/src/emitter.ts";
import { MpimError } from "../../../client/src/errors.ts";
import { Groups } from "../../../client/src/groups.ts";
import { Http } from "../../../client/src/http.ts";
import { Keeper } from "../../../client/src/keeper.ts";
import { login, resume, type Tokens, type TokenStore } from "../../../client/src/session.ts";
import { Blocks, Contacts, Users } from "../../../client/src/people.ts";
import { file, fileTokens } from "../../../client/src/store/file.ts";
import { memory, type Store } from "../../../client/src/store/store.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "mpim-store-"));
  cleanups.push(() => rmSync(path, { recursive: true }));
  return path;
}

async function filled(store: Store): Promise<Store> {
  await store.open();
  await store.write(
    new Map<string, unknown>([
      ["a/1", { n: 1 }],
      ["a/2", [2]],
      ["b/1", "three"],
    ]),
  );
  await store.write(
    new Map<string, unknown>([
      ["a/1", undefined],
      ["a/2", null],
      ["c", 4],
    ]),
  );
  return store;
}

test("stores keep what is written, by prefix, and forget what is taken away", async () => {
  const path = folder();
  for (const store of [memory(), file(path)]) {
    await filled(store);
    expect([...(await store.read("a/"))]).toEqual([["a/2", null]]);
    expect([...(await store.read(""))].length).toBe(3);
    await store.close();
  }
  const again = file(path);
  await again.open();
  expect(Object.fromEntries(await again.read(""))).toEqual({ "a/2": null, "b/1": "three", c: 4 });
  await again.close();
  await expect(file(path).write(new Map([["x", 1]]))).rejects.toThrow("not open");
});

test("a journal whose last line a crash cut short is read up to it, and stays small", async () => {
  const path = folder();
  const store = await filled(file(path));
  await store.close();
  appendFileSync(join(path, "journal.jsonl"), '[["c",5],["d"');
  const again = file(path);
  await again.open();
  expect(Object.fromEntries(await again.read(""))).toEqual({ "a/2": null, "b/1": "three", c: 4 });
  for (let n = 0; n < 2100; n += 1) await again.write(new Map([["c", n]]));
  await again.close();
  expect(readFileSync(join(path, "journal.jsonl"), "utf8").split("\n").length).toBeLessThan(200);
  await again.open();
  expect((await again.read("c")).get("c")).toBe(2099);
  await again.close();
});

test("tokens in a file survive, and are gone after a logout", async () => {
  const keep = fileTokens(join(folder(), "tokens"));
  expect(await keep.load()).toBeUndefined();
  const tokens = {
    user: { id: "u", username: "u", name: "U", avatar: null },
    token: "t",
    refreshToken: "r",
    expires: 1,
  };
  await keep.save(tokens);
  expect(await keep.load()).toEqual(tokens);
  await keep.save(undefined);
  expect(await keep.load()).toBeUndefined();
});

test("turns are written whole, in order, and one at a time; a store that fails is reported", async () => {
  const written: string[][] = [];
  let last: unknown;
  let fail = false;
  let release = (): void => {};
  const store: Store = {
    ...memory(),
    async write(changes) {
      written.push([...changes.keys()]);
      last = new Map(changes);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      if (fail) throw new Error("disk full");
    },
  };
  const failures: unknown[] = [];
  const keeper = new Keeper(store, (error) => failures.push(error));
  keeper.save("a", 1);
  keeper.flush();
  // In the same go: a page may be gone right after it.
  keeper.save("a too", 1);
  keeper.flush();
  await Promise.resolve();
  expect(written).toEqual([["a", "a too"]]);
  keeper.save("b", 1);
  keeper.save("c", 1);
  keeper.flush();
  await Promise.resolve();
  expect(written).toHaveLength(1);
  const kept = keeper.kept();
  release();
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toEqual([
    ["a", "a too"],
    ["b", "c"],
  ]);
  fail = true;
  release();
  const refused = { code: "store_failed", cause: { message: "disk full" } };
  await expect(kept).rejects.toMatchObject(refused);
  expect(failures).toMatchObject([refused]);
  // It goes with the next write, which comes when somebody asks, and before what is newer.
  keeper.save("b", 2);
  fail = false;
  const mended = keeper.kept();
  await Promise.resolve();
  release();
  await mended;
  expect(written.at(-1)?.toSorted()).toEqual(["b", "c"]);
  expect(last).toEqual(
    new Map([
      ["b", 2],
      ["c", 1],
    ]),
  );
});

test("a store that fails for too long is left as it was, and all who ask are told", async () => {
  const store = memory();
  let fail = true;
  const keeper = new Keeper(
    { ...store, write: async (changes) => (fail ? Promise.reject(new Error("gone")) : store.write(changes)) },
    () => {},
  );
  for (let n = 0; n <= 50_000; n += 1) keeper.save(`key/${n}`, n);
  await expect(keeper.kept()).rejects.toMatchObject({ code: "store_failed" });
  fail = false;
  keeper.save("late", 1);
  await expect(keeper.kept()).rejects.toMatchObject({ code: "store_failed" });
  expect([...(await store.read(""))]).toEqual([]);
});

test("a listener that throws keeps no other from being told", async () => {
  class Bell extends Emitter<{ ring: number }> {
    ring(n: number): void {
      this.emit("ring", n);
    }
  }
  const bell = new Bell();
  const heard: number[] = [];
  const uncaught: unknown[] = [];
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.once("uncaughtException", (error) => uncaught.push(error));
  bell.on("ring", () => {
    throw new Error("mine");
  });
  const listener = (n: number): void => void heard.push(n);
  const off = bell.on("ring", listener);
  bell.on("ring", listener);
  bell.once("ring", (n) => heard.push(-n));
  bell.ring(1);
  await new Promise((resolve) => setImmediate(resolve));
  for (const other of others) process.on("uncaughtException", other);
  expect(uncaught).toMatchObject([{ message: "mine" }]);
  off();
  bell.on("ring", () => {});
  expect(heard).toEqual([1, 1, -1]);
});

interface Seen {
  readonly line: string;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
}

/** A server that says what it is told to, answer by answer, and keeps what it was asked. */
async function answering(
  ...answers: [status: number, body: unknown, headers?: Record<string, string>][]
): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void (async () => {
      let body = "";
      for await (const chunk of request.setEncoding("utf8") as AsyncIterable<string>) body += chunk;
      seen.push({ line: `${request.method} ${request.url}`, body, headers: request.headers });
      const [status, json, headers] = answers.shift() ?? [200, {}];
      if (status === 0) return request.socket.destroy();
      response.writeHead(status, headers).end(json === undefined ? "" : JSON.stringify(json));
      return undefined;
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, seen };
}

const refusal = (code: string): unknown => ({ error: { code, message: `it is ${code}`, request_id: "request-1" } });

test("what may pass is asked again, with the same key; what is refused is not", async () => {
  const { url, seen } = await answering(
    [503, refusal("unavailable")],
    [0, undefined],
    [201, { group: { id: "g.1" } }],
    [403, refusal("not_member")],
    [500, refusal("internal")],
  );
  const http = new Http({ url, token: () => "token" });
  expect(await new Groups(http).create({ name: "G" })).toEqual({ id: "g.1" });
  expect(seen.map(({ line }) => line)).toEqual(Array.from({ length: 3 }, () => "POST /v1/groups"));
  expect(new Set(seen.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
  expect(seen[0]?.headers.authorization).toBe("Bearer token");
  await expect(new Groups(http).get("g.1")).rejects.toMatchObject({ code: "not_member", requestId: "request-1" });
  // Whether it was done is unknown, and it has no key: once is enough.
  await expect(http.call("POST /auth/login", { json: {} })).rejects.toMatchObject({ code: "internal" });
  expect(seen).toHaveLength(5);
});

test("a token that is refused is replaced once; a pause that is too long is left to the caller", async () => {
  const { url, seen } = await answering(
    [401, refusal("unauthenticated")],
    [200, { blocks: ["u"] }],
    [429, refusal("rate_limited"), { "retry-after": "60" }],
    [401, refusal("unauthenticated")],
    [401, refusal("unauthenticated")],
    [502, "no JSON of ours", { "x-request-id": "proxy-1" }],
  );
  const asked: (string | undefined)[] = [];
  const http = new Http({
    url,
    token: ({ refused }) => {
      asked.push(refused);
      return refused === undefined ? "old" : "new";
    },
  });
  const blocks = new Blocks(http);
  expect(await blocks.list()).toEqual(["u"]);
  expect(seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer old", "Bearer new"]);
  await expect(blocks.list()).rejects.toMatchObject({ code: "rate_limited", retryAfter: 60_000 });
  await expect(blocks.list()).rejects.toMatchObject({ code: "unauthenticated" });
  expect(asked).toEqual([undefined, "old", undefined, undefined, "old"]);
  await expect(http.call("POST /auth/login", {})).rejects.toMatchObject({ code: "unavailable", requestId: "proxy-1" });
});

test("an answer that is no JSON of the server's fails as everything does", async () => {
  const page = async (body: string): Promise<unknown> => {
    const http = new Http({ url: "http://x", fetch: () => Promise.resolve(new Response(body)) });
    return http.call("POST /auth/login").catch((refused: unknown) => refused);
  };
  expect(await page("<html>")).toMatchObject({
    name: "MpimError",
    code: "unavailable",
    cause: { name: "SyntaxError" },
  });
  expect(await page("")).toMatchObject({ name: "MpimError", code: "unavailable" });
  const fetch = (): Promise<Response> => Promise.resolve(new Response("{}"));
  await expect(login({ url: "http://x", username: "a", password: "b", fetch })).rejects.toMatchObject({
    code: "unavailable",
  });
});

test("a server that is not there is `offline`", async () => {
  const { url } = await answering();
  await cleanups.pop()?.();
  const error = await new Http({ url }).call("POST /auth/login").catch((refused: unknown) => refused);
  expect(error).toMatchObject({ name: "MpimError", code: "offline", reaction: "later" } satisfies Partial<MpimError>);
});

test("two who share a login renew it once, and learn from each other", async () => {
  const user = { id: "u", username: "u", name: "U", avatar: null };
  const granted = (n: number): unknown => ({
    user,
    token: `token ${n}`,
    refresh_token: `refresh ${n}`,
    expires_in: 3600,
  });
  const { url, seen } = await answering(
    [503, refusal("unavailable")],
    [200, granted(2)],
    [503, refusal("unavailable")],
    [503, refusal("unavailable")],
    [503, refusal("unavailable")],
    [503, refusal("unavailable")],
    [401, refusal("unauthenticated")],
  );
  let kept: Tokens | undefined = { user, token: "token 1", refreshToken: "refresh 1", expires: 0 };
  let line: Promise<unknown> = Promise.resolve();
  const keep: TokenStore = {
    load: () => Promise.resolve(kept),
    save(tokens) {
      kept = tokens;
      return Promise.resolve();
    },
    async lock(work) {
      const before = line;
      const turn = (async () => {
        await before.catch(() => {});
        return work();
      })();
      line = turn;
      return turn;
    },
  };
  const [one, two] = [await resume({ url, keep }), await resume({ url, keep })];
  if (one === undefined || two === undefined) throw new Error("no login");
  const tokens = await Promise.all([one, two].map(async ({ token }) => token({ refused: undefined })));
  expect(tokens).toEqual(["token 2", "token 2"]);
  // Repeated as it is, since its answer may have been lost.
  expect(seen.map(({ body }) => body)).toEqual(['{"refresh_token":"refresh 1"}', '{"refresh_token":"refresh 1"}']);
  expect(await two.token({ refused: "token 1" })).toBe("token 2");
  // A server that is not well says nothing of it. Refused for good: the login is over, for both.
  kept = { user, token: "token 2", refreshToken: "refresh 2", expires: 0 };
  await expect(one.token({ refused: "token 2" })).rejects.toMatchObject({ code: "unavailable" });
  expect(one.user).toEqual(user);
  await expect(two.token({ refused: "token 2" })).rejects.toMatchObject({ code: "unauthenticated" });
  expect([kept, two.tokens]).toEqual([undefined, undefined]);
  expect(() => two.user).toThrow("ended");
  await expect(one.token({ refused: "token 2" })).rejects.toMatchObject({ code: "unauthenticated" });
  expect([one.tokens, seen.length]).toEqual([undefined, 7]);
});

test("what ends the token by which it is asked is repeated with the same, unless it was refused", async () => {
  const { url, seen } = await answering([401, refusal("unauthenticated")], [503, refusal("unavailable")], [202, {}]);
  const given = ["stale", "good"];
  const token = (): string => {
    const next = given.shift();
    if (next === undefined) throw new MpimError("unauthenticated", "the login has ended");
    return next;
  };
  await new Users(new Http({ url, token })).deleteMe();
  expect(seen.map(({ line, headers }) => `${line} ${headers.authorization}`)).toEqual([
    "DELETE /v1/me Bearer stale",
    "DELETE /v1/me Bearer good",
    "DELETE /v1/me Bearer good",
  ]);
});

test("contacts and users are asked as the contract says", async () => {
  const bob = { id: "u_bob", username: "bob", name: "Bob", avatar: null };
  const { url, seen } = await answering(
    [200, { contacts: [{ user: bob, state: "incoming", message: "hi", since: 1 }], next: "n" }],
    [202, { contact: { user: bob, state: "requested", since: 1 } }],
    [200, { contact: { user: bob, state: "contact", since: 2 } }],
    [204, undefined],
    [204, undefined],
    [202, {}],
  );
  const http = new Http({ url });
  const contacts = new Contacts(http);
  const page = await contacts.list({ limit: 5, cursor: "c", state: "incoming" });
  expect(page).toEqual({ items: [{ user: bob, state: "incoming", message: "hi", since: 1 }], next: "n" });
  expect((await contacts.request("u_bob", "It is me")).state).toBe("requested");
  expect((await contacts.accept("u_bob")).state).toBe("contact");
  await contacts.reject("u_bob");
  await contacts.remove("u_bob");
  await new Users(http).deleteMe();
  expect(seen.map(({ line, body }) => `${line} ${body}`.trimEnd())).toEqual([
    "GET /v1/contacts?limit=5&cursor=c&state=incoming",
    'POST /v1/contacts {"user":"u_bob","message":"It is me"}',
    "POST /v1/contacts/u_bob/accept",
    "POST /v1/contacts/u_bob/reject",
    "DELETE /v1/contacts/u_bob",
    "DELETE /v1/me",
  ]);
  expect(seen.slice(1, 4).every(({ headers }) => headers["idempotency-key"] !== undefined)).toBe(true);
});
