/** Accounts, and what the HTTP API changes for connected devices. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { PASSWORD, type Account, type Refused } from "../support/api.ts";
import type { Client, Head } from "../support/client.ts";
import { chatOf, freshId, World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world?.end());

/** Status and code of a request that is to be refused. */
async function refusal(line: string, token?: string, json?: unknown): Promise<string> {
  const { status, json: answer, headers } = await world.api.call<Refused>(line, token, json);
  expect(answer.error.request_id).toBe(headers.get("x-request-id"));
  return `${status} ${answer.error.code}`;
}

async function say(from: Client, to: Account, text: string): Promise<void> {
  from.send(`@${to.user.id}`, text, freshId());
  await from.until(() => from.outbox.size === 0, "an answer");
}

test("register, log in, refresh, log out; a logout ends the connections of that login only", async () => {
  const first = await world.person("alice");
  const { username } = first.user;
  expect(await refusal("POST /v1/auth/register", undefined, { username, password: PASSWORD })).toBe(
    "409 already_exists",
  );
  const wrong = { username, password: "not this one" };
  expect(await refusal("POST /v1/auth/login", undefined, wrong)).toBe("401 unauthenticated");
  const second = await world.api.login(username);
  expect(second.user).toEqual(first.user);
  const phone = await world.connect(first, "phone");
  const laptop = await world.connect(second, "laptop");

  const refreshed = await world.api.get<Account>("POST /v1/auth/refresh", undefined, {
    refresh_token: first.refresh_token,
  });
  expect(await world.api.get("GET /v1/me", refreshed.token)).toMatchObject({ id: first.user.id, username });
  expect((await world.api.call("POST /v1/auth/logout", refreshed.token)).status).toBe(204);
  await phone.until(() => phone.closed, "the end");
  expect(phone.closed?.code).toBe(4401);
  for (const { token } of [first, refreshed]) expect(await refusal("GET /v1/me", token)).toBe("401 unauthenticated");
  await expect(world.connect(first, "phone")).rejects.toThrow("closed 4401");

  await laptop.ask({ t: "sync", since: 0 });
  expect(laptop.closed).toBeUndefined();
});

test("a refresh token may be exchanged again, until its successor is: then it ends its login, with its connections", async () => {
  const account = await world.person("alice");
  const client = await world.connect(account);
  const exchange = (refresh_token: string): Promise<Account> =>
    world.api.get<Account>("POST /v1/auth/refresh", undefined, { refresh_token });
  const next = await exchange(account.refresh_token);
  expect((await exchange(account.refresh_token)).refresh_token).toBe(next.refresh_token);
  const newest = { refresh_token: (await exchange(next.refresh_token)).refresh_token };
  const old = { refresh_token: account.refresh_token };
  expect(await refusal("POST /v1/auth/refresh", undefined, old)).toBe("401 unauthenticated");
  await client.until(() => client.closed, "the end");
  expect(client.closed?.code).toBe(4401);
  expect(await refusal("POST /v1/auth/refresh", undefined, newest)).toBe("401 unauthenticated");
});

test("muting and pinning show on all devices", async () => {
  const [alice, bob] = [await world.person("alice"), await world.person("bob")];
  const cid = chatOf(alice, bob);
  const path = `PATCH /v1/conversations/${cid}`;
  expect(await refusal(path, bob.token, { muted: true })).toBe("404 not_found");
  await say(await world.connect(alice), bob, "hi");
  const devices = [await world.connect(bob, "phone"), await world.connect(bob, "laptop")];
  expect(await world.api.get(path, bob.token, { muted: true })).toMatchObject({ cid, muted: true, pinned: false });
  expect(await world.api.get(path, bob.token, { pinned: true })).toMatchObject({ cid, muted: true, pinned: true });
  for (const device of devices) {
    const head = await device.until(() => device.heads.get(cid)?.pinned && device.heads.get(cid), "the pin");
    expect(head).toMatchObject({ muted: true, pinned: true, unread: 1 });
  }
  const { heads } = await world.api.get<{ heads: Head[] }>("GET /v1/conversations", bob.token);
  expect(heads).toMatchObject([{ cid, muted: true, pinned: true }]);
  expect((await world.api.get<{ heads: Head[] }>("GET /v1/conversations", alice.token)).heads).toMatchObject([
    { cid, muted: false, pinned: false },
  ]);
});

test("whom one blocks can neither write, nor be seen typing, nor see one online, until one unblocks", async () => {
  const [alice, bob] = [await world.person("alice"), await world.person("bob")];
  const cid = chatOf(alice, bob);
  const [a, b] = [await world.connect(alice), await world.connect(bob)];
  await say(a, bob, "before");
  const block = `/v1/blocks/${alice.user.id}`;
  expect((await world.api.call(`PUT ${block}`, bob.token)).status).toBe(204);
  expect(await world.api.get("GET /v1/blocks", bob.token)).toEqual({ blocks: [alice.user.id] });

  a.write({ t: "typing", cid, on: true }, { t: "watch", users: [bob.user.id] });
  a.send(`@${bob.user.id}`, "while blocked", "while-blocked");
  a.send(`@${bob.user.id}`, "while blocked", "while-blocked-0", { qos: 0 });
  await a.until(() => a.failed.has("while-blocked"), "the refusal");
  expect(a.failed.get("while-blocked")).toBe("blocked");
  const presence = await a.until(() => a.frames.find((frame) => frame.t === "presence"), "presence");
  expect(presence).toMatchObject({ user: bob.user.id, state: "offline" });

  expect((await world.api.call(`DELETE ${block}`, bob.token)).status).toBe(204);
  await say(a, bob, "after");
  await b.until(() => b.chats.get(cid)?.applied === 2, "the message after");
  expect(b.view(cid).map(({ body }) => body)).toEqual([{ text: "before" }, { text: "after" }]);
  expect(b.frames.filter((frame) => frame.t === "typing" || frame["ephemeral"])).toEqual([]);
});
