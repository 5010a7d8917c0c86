/** Logins and the ends of connections, against the server as a process. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, login, memory, MpimError, register, resume } from "../../client/src/mpim.ts";
import { fileTokens } from "../../client/src/node.ts";
import { startServer, type Server } from "../support/server.ts";
import { config, PASSWORD, Person } from "./people.ts";
import { startWeather } from "./weather.ts";

/** For those who need none of their own. */
let usual: Server;
/** Access tokens end after 2 s, so each use renews them. */
let forgetful: Server;
beforeAll(async () => {
  [usual, forgetful] = await Promise.all([
    startServer({ config }),
    startServer({ config: { ...config, auth: { ...config.auth, access_s: 2 } } }),
  ]);
});
afterAll(async () => {
  await Promise.all([usual, forgetful].map((server) => server[Symbol.asyncDispose]()));
});

async function code(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "none",
    (error: unknown) => (error instanceof MpimError ? error.code : error),
  );
}

test("a login is kept, renewed when it runs out, and ended", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mpim-tokens-"));
  try {
    const keep = fileTokens(join(folder, "tokens.json"));
    const { url } = forgetful;
    expect(await resume({ url, keep })).toBeUndefined();
    const session = await register({ url, keep, username: "alice", password: PASSWORD, name: "Alice" });
    expect(session.user).toMatchObject({ username: "alice", name: "Alice" });
    expect(statSync(join(folder, "tokens.json")).mode & 0o777).toBe(0o600);
    expect(await code(register({ url, username: "alice", password: PASSWORD }))).toBe("already_exists");
    expect(await code(login({ url, username: "alice", password: "wrong" }))).toBe("unauthenticated");

    const kept = await resume({ url, keep });
    const seen: unknown[] = [];
    kept?.on("tokens", (tokens) => void seen.push(tokens?.token));
    const token = kept?.token ?? (() => "");
    // Two at once are one renewal.
    const [one, two] = await Promise.all([token({ refused: undefined }), token({ refused: undefined })]);
    expect(one).toBe(two);
    expect(seen).toEqual([one]);
    const chat = await connect({ url, token });
    expect((await chat.users.me()).username).toBe("alice");
    const ended = new Promise((resolve) => {
      chat.on("connection", (connection) => {
        if (connection.state === "closed") resolve(connection.error?.code);
      });
    });
    await kept?.logout();
    expect(await ended).toBe("unauthenticated");
    expect(kept?.tokens).toBeUndefined();
    expect(await resume({ url, keep })).toBeUndefined();
    expect(await code(Promise.resolve(token({ refused: undefined })))).toBe("unauthenticated");
    await kept?.logout().catch((error: unknown) => expect(error).toMatchObject({ code: "unauthenticated" }));
    await chat.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a login outlives answers to its renewals that are lost, be it by the link or by the server", async () => {
  const server = forgetful;
  // A link that lives for less than half a second.
  await using weather = await startWeather(server.port, { seed: 7, lifeMs: 400, delayMs: 60, silentOneIn: 1e9 });
  let lost = 0;
  const session = await register({
    url: server.url,
    username: "amelia",
    password: PASSWORD,
    // Every other renewal is done by the server, and its answer goes nowhere.
    fetch: async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      if (!url.pathname.endsWith("/refresh")) return fetch(url, init);
      url.port = new URL(weather.url).port;
      const answer = await fetch(url, init);
      await answer.arrayBuffer();
      lost += 1;
      if (lost % 2 === 1) throw new TypeError("the connection was reset");
      return fetch(url, init);
    },
  });
  const seen = new Set<string | undefined>();
  for (let n = 0; n < 5; n += 1) {
    await code(Promise.resolve(session.token({ refused: undefined })));
    seen.add(session.tokens?.refreshToken);
  }
  expect(lost).toBeGreaterThan(5);
  expect(seen.size).toBeGreaterThan(2);
  expect(seen).not.toContain(undefined);
  weather.clear();
  const token = await session.token({ refused: undefined });
  const me = await fetch(`${server.url}/v1/me`, { headers: { authorization: `Bearer ${token}` } });
  expect(me.status).toBe(200);
});

test("a token that is refused is asked for once more, and then no more", async () => {
  const server = usual;
  await using alice = await Person.register(server.url, "alice");
  const asked: (string | undefined)[] = [];
  const chat = await connect({
    url: server.url,
    backoff: { least: 10 },
    token: ({ refused }) => {
      asked.push(refused);
      return refused === undefined ? "stale" : alice.session.token({ refused: undefined });
    },
  });
  expect(asked).toEqual([undefined, "stale"]);
  expect(chat.user).toBe(alice.uid);
  await chat.close();
  expect(await code(connect({ url: server.url, token: () => "never good" }))).toBe("unauthenticated");
  expect(
    await code(connect({ url: server.url, token: () => Promise.reject(new MpimError("unauthenticated", "")) })),
  ).toBe("unauthenticated");
});

test("whoever finds no server learns it, and a store that knows its user waits for one", async () => {
  const server = await startServer({ config });
  const { url } = server;
  const store = memory();
  const alice = await Person.register(url, "alice");
  const bob = await Person.register(url, "bob");
  const before = await connect({ url, token: alice.session.token, store });
  await before.close();
  const wrong = connect({ url, token: bob.session.token, store });
  const ended = new Promise((resolve) => {
    void wrong.then((chat) =>
      chat.on("connection", ({ state, error }) => {
        if (state === "closed") resolve(error?.code);
      }),
    );
  });
  expect(await ended).toBe("wrong_store");
  await (await wrong).close();
  await server.stop();
  expect(await code(connect({ url, token: alice.session.token, timeout: 300 }))).toBe("offline");
  const offline = await connect({ url, token: alice.session.token, store });
  expect(offline.user).toBe(alice.uid);
  const room = await offline.direct(bob.uid);
  const sent = room.send("Later");
  await sent.kept;
  expect(sent.state).toBe("pending");
  expect(room.messages).toMatchObject([{ text: "Later", state: "pending" }]);
  expect(sent.discard()).toBe(true);
  expect(room.messages).toEqual([]);
  await offline.close();
  await Promise.all([server, alice, bob].map((one) => one[Symbol.asyncDispose]()));
});

test("another connection of the same device ends the older one for good", async () => {
  const server = usual;
  await using alice = await Person.register(server.url, "alice");
  const first = await alice.device("phone", { store: memory(), device: { id: "same" } });
  const second = await alice.device("phone", {
    store: memory(),
    device: { id: "same", name: "Phone", platform: "test" },
  });
  const { error } = await first.until(
    () => first.chat.connection.state === "closed" && first.chat.connection,
    "the end",
  );
  expect(error).toMatchObject({ code: "replaced", reaction: "stay_away" });
  expect(second.chat.connection.state).toBe("online");
  first.chat.reconnect();
  expect(first.chat.connection.state).toBe("closed");
});

test("[RES1] a server that says goaway is come back to, with all that was written meanwhile", async () => {
  // A connection ends itself after so many frames.
  await using server = await startServer({ config: { ...config, limits: { ...config.limits, session_frames: 60 } } });
  await using alice = await Person.register(server.url, "alice");
  await using bob = await Person.register(server.url, "bob");
  const [a, b] = [await alice.device(), await bob.device()];
  const atA = await a.chat.direct(bob.uid);
  let losses = 0;
  a.chat.on("connection", ({ state }) => {
    if (state === "offline") losses += 1;
  });
  for (let n = 1; n <= 100; n += 1) {
    const sent = atA.send(`a ${n}`);
    if (n % 10 === 0) await sent.sent();
  }
  const atB = await b.chat.direct(alice.uid);
  await b.until(() => atB.messages.at(-1)?.text === "a 100", "everything");
  expect(b.texts(atA.cid)).toEqual(Array.from({ length: 100 }, (_, n) => `a ${n + 1}`));
  expect(losses).toBeGreaterThan(0);
});
