/** An account that is deleted on a server that is killed meanwhile. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Api, type Account } from "../support/api.ts";
import { Client } from "../support/client.ts";
import { startServer, type Server } from "../support/server.ts";
import { chatOf, freshId } from "../support/world.ts";

let data: string;
beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), "mpim-deletion-"));
});
afterAll(() => rmSync(data, { recursive: true, force: true }));

const config = { auth: { scrypt_log_n: 10, forget_ms: 500 }, writes: { offer_ms: 500 } };

async function connected({ url }: Server, { token }: Account): Promise<Client> {
  const client = new Client({ url, token, device: "one", since: 0 });
  await client.connect();
  return client;
}

test("[DUR1] once it is answered, an account's end is carried through, whenever the server is killed", async () => {
  const first = await startServer({ data, config });
  const api = new Api(first.url);
  const [alice, bob] = [await api.register("alice", "Alice"), await api.register("bob", "Bob")];
  const chat = chatOf(alice, bob);
  const { group } = await api.get<{ group: { id: string } }>("POST /v1/groups", alice.token, {
    name: "Ours",
    members: [bob.user.id],
  });
  await api.get("POST /v1/contacts", alice.token, { user: bob.user.id, message: "hi" });
  await api.get(`POST /v1/contacts/${alice.user.id}/accept`, bob.token);
  const [a, b] = [await connected(first, alice), await connected(first, bob)];
  a.send(chat, "hello", freshId());
  await b.until(() => b.view(chat).length === 1, "the message");
  await a.close();
  await b.close();
  await api.get("DELETE /v1/me", alice.token);
  await first.kill9();

  /** What bob sees of alice. */
  const seen = async (server: Server): Promise<unknown[]> => {
    const now = new Api(server.url);
    const user = await now.get<{ name: string; deleted?: true }>(`GET /v1/users/${alice.user.id}`, bob.token);
    const { contacts } = await now.get<{ contacts: unknown[] }>("GET /v1/contacts", bob.token);
    const card = await now.get<{ group: { owner: string; members: number } }>(`GET /v1/groups/${group.id}`, bob.token);
    return [user.name, user.deleted, contacts, card.group.owner, card.group.members];
  };
  const GONE = ["", true, [], bob.user.id, 1];
  const second = await startServer({ data, config });
  await expect.poll(() => seen(second), { timeout: 60_000 }).toEqual(GONE);
  await second.kill9();

  await using third = await startServer({ data, config });
  expect(await seen(third)).toEqual(GONE);
  const c = await connected(third, bob);
  const id = freshId();
  c.send(chat, "are you there?", id);
  expect(await c.until(() => c.failed.get(id), "refusal")).toBe("not_found");
  await c.until(() => c.view(chat).length === 1, "what was written");
  for (const [path, json] of [
    ["login", { username: "alice", password: "correct horse" }],
    ["refresh", { refresh_token: alice.refresh_token }],
  ] as const) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${third.url}/v1/auth/${path}`, { method: "POST", headers, body: JSON.stringify(json) });
    expect(answer.status, path).toBe(401);
  }
  await c.close();
});
