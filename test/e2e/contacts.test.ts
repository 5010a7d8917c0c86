/** A server on which only contacts write to each other, and what survives `kill -9` of what two users agreed on. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Api, type Account } from "../support/api.ts";
import { Client } from "../support/client.ts";
import type { Frame } from "../support/connection.ts";
import { startServer } from "../support/server.ts";
import { chatOf, freshId } from "../support/world.ts";

let data: string;
beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), "mpim-contacts-"));
});
afterAll(() => rmSync(data, { recursive: true, force: true }));

const config = { messages: { dm: "contacts" }, auth: { scrypt_log_n: 10 } };

/** The code that a send is refused with. */
async function refused(client: Client, to: string): Promise<string> {
  const id = freshId();
  client.send(to, "hello?", id);
  return client.until(() => client.failed.get(id), `refusal of ${id}`);
}

async function connected(url: string, { token }: Account): Promise<Client> {
  const client = new Client({ url, token, device: "one", since: 0 });
  await client.connect();
  return client;
}

/** What a client was told by others in a conversation, without a place in it or beside it. */
const moments = ({ frames }: Client, cid: string): Frame[] =>
  frames.filter((frame) => frame["cid"] === cid && (frame.t === "typing" || frame["ephemeral"] === true));

test("[CON1] [DUR1] where only contacts write: strangers do not, contacts do, and what was written stays to be read", async () => {
  const first = await startServer({ data, config });
  const before = new Api(first.url);
  const [alice, bob] = [await before.register("alice"), await before.register("bob")];
  const chat = chatOf(alice, bob);
  const [a, b] = [await connected(first.url, alice), await connected(first.url, bob)];
  for (const to of [chat, `@${bob.user.id}`]) expect(await refused(a, to)).toBe("permission_denied");
  a.send(chat, "psst", freshId(), { qos: 0 });
  await before.get("POST /v1/contacts", alice.token, { user: bob.user.id, message: "hi" });
  await b.until(() => b.view(`s.${bob.user.id}`).length === 1, "the request");
  expect(await refused(a, chat)).toBe("permission_denied");
  await a.close();
  await b.close();
  await first.kill9();

  await using second = await startServer({ data, config });
  const api = new Api(second.url);
  const states = async ({ token }: Account): Promise<string[]> =>
    (await api.get<{ contacts: { state: string }[] }>("GET /v1/contacts", token)).contacts.map(({ state }) => state);
  expect(await states(alice)).toEqual(["requested"]);
  expect(await states(bob)).toEqual(["incoming"]);
  const [c, d] = [await connected(second.url, alice), await connected(second.url, bob)];
  await d.until(() => d.view(`s.${bob.user.id}`).length === 1, "the request, still");
  await api.get(`POST /v1/contacts/${alice.user.id}/accept`, bob.token);
  c.send(chat, "at last", freshId());
  await d.until(() => d.view(chat).length === 1, "the first message");
  c.write({ t: "typing", cid: chat, on: true });
  c.send(chat, "psst", freshId(), { qos: 0 });
  await d.until(() => moments(d, chat).length === 2, "what is of the moment");

  await api.get(`DELETE /v1/contacts/${bob.user.id}`, alice.token);
  for (const client of [c, d]) expect(await refused(client, chat)).toBe("permission_denied");
  c.send(chat, "psst", freshId(), { qos: 0 });
  c.write({ t: "typing", cid: chat, on: true });
  // A group of the two is no direct chat; what comes there came after all that.
  const { group } = await api.get<{ group: { id: string } }>("POST /v1/groups", alice.token, {
    name: "Both",
    members: [bob.user.id],
  });
  await c.until(() => c.heads.has(group.id), "the group");
  c.send(group.id, "here we can", freshId());
  await d.until(() => d.view(group.id).some(({ kind }) => kind === "text"), "a message in the group");
  expect(moments(d, chat).filter((frame) => frame["on"] !== false)).toHaveLength(2);
  expect(moments(b, chat)).toEqual([]);
  expect(await api.history<{ seq: number }>(chat, bob.token, 10)).toMatchObject([{ seq: 1 }]);
  await Promise.all([c.close(), d.close()]);
});
