/** Search over what people wrote, with the server as a process: in D1, in MySQL, and where history lies in both. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { Api, type Account } from "../support/api.ts";
import { Client } from "../support/client.ts";
import { makeDatabase } from "../support/mysql.ts";
import { startServer, type ServerOptions } from "../support/server.ts";

const mysql = inject("mysqlServer");
const PATIENCE_MS = 60_000;

interface Page {
  readonly results: {
    readonly message: { cid: string; seq: number; body: { text: string } };
    highlights: number[][];
  }[];
  readonly next?: string;
}

const config = (...shards: string[]) => ({
  auth: { scrypt_log_n: 10 },
  history: { wait_ms: 50 },
  routing: { policies: { history: { strategy: "hash", nodes: shards.map((name) => ({ name })) } } },
});

/** The texts that somebody finds, over all pages of one search. */
async function found(api: Api, who: Account, q: string, more = ""): Promise<string[]> {
  const texts: string[] = [];
  let cursor = "";
  for (;;) {
    const line = `GET /v1/search?q=${encodeURIComponent(q)}&limit=3${more}${cursor}`;
    const { results, next } = await api.get<Page>(line, who.token);
    texts.push(...results.map(({ message }) => message.body.text));
    if (next === undefined) return texts;
    cursor = `&cursor=${next}`;
  }
}

/** Over a `kill -9`, with everything that changes what may be found. */
async function expectOwn(options: ServerOptions): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "mpim-search-"));
  try {
    const first = await startServer({ ...options, data });
    const api = new Api(first.url);
    const [alice, bob, eve] = [await api.register("alice"), await api.register("bob"), await api.register("eve")];
    const others = await Promise.all(Array.from({ length: 6 }, (_, n) => api.register(`other${n}`)));
    const a = new Client({ url: first.wsUrl, token: alice.token, device: "a" });
    await a.connect();
    const chat = `d.${[alice.user.id, bob.user.id].toSorted().join(".")}`;
    let ids = 0;
    const say = async (to: string, text: string): Promise<void> => {
      a.send(to, text, `message-${(ids += 1)}`);
      await a.until(() => a.outbox.size === 0, "sent");
    };
    const expected: string[] = [];
    for (const [n, { user }] of others.entries()) {
      await say(`@${user.id}`, `Dear other ${n}, let us meet at the lighthouse`);
      expected.unshift(`Dear other ${n}, let us meet at the lighthouse`);
    }
    await say(chat, "我们明天在灯塔见面 lighthouse");
    await say(chat, "a secret about the lighthouse");
    await say(chat, "a lighthouze");
    await say(chat, "the end");
    a.amend(chat, 2, "recall", "amend-recall");
    a.amend(chat, 3, "edit", "amend-edit1", { text: "mended: a lighthouse" });
    await a.until(() => a.outbox.size === 0, "amended");
    expected.unshift("mended: a lighthouse", "我们明天在灯塔见面 lighthouse");
    const { group } = await api.get<{ group: { id: string } }>("POST /v1/groups", alice.token, {
      name: "Lighthouse keepers",
      members: [bob.user.id, eve.user.id],
      join: "open",
    });
    await say(group.id, "keepers only: the lighthouse");
    await expect
      .poll(() => found(api, alice, "lighthouse"), { timeout: PATIENCE_MS })
      .toEqual(["keepers only: the lighthouse", ...expected]);
    expect(await found(api, eve, "lighthouse")).toEqual(["keepers only: the lighthouse"]);
    await api.get(`DELETE /v1/groups/${group.id}/members/${eve.user.id}`, alice.token);
    await a.close();
    await first.kill9();

    await using second = await startServer({ ...options, data, port: first.port });
    const then = new Api(second.url);
    expect(await found(then, alice, "LIGHT")).toEqual(["keepers only: the lighthouse", ...expected]);
    expect(await found(then, bob, "灯塔")).toEqual(["我们明天在灯塔见面 lighthouse"]);
    expect(await found(then, bob, "lighthouse", `&cid=${chat}`)).toEqual(expected.slice(0, 2));
    for (const query of ["secret", "lighthouze", "lighthouse"]) {
      expect(await found(then, eve, query)).toEqual([]);
      expect(await found(then, bob, query)).toHaveLength(query === "lighthouse" ? 3 : 0);
    }
    const foreign = await then.call(`GET /v1/search?q=lighthouse&cid=${chat}`, eve.token);
    expect([foreign.status, foreign.json]).toEqual([403, { error: expect.objectContaining({ code: "not_member" }) }]);
    // The group, which bob's searches have woken, writes that it has lost a member.
    const listed = () => then.get<{ groups: unknown[] }>("GET /v1/groups?q=lighth", eve.token);
    await expect.poll(listed, { timeout: PATIENCE_MS }).toEqual({
      groups: [{ id: group.id, name: "Lighthouse keepers", members: 2, owner: alice.user.id, open: true }],
    });
    expect(`${first.output()}${second.output()}`).not.toMatch(/lighth|灯塔/i);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

test("a search in D1 finds what is one's own, and nothing else", async () => {
  await expectOwn({ config: config("main") });
});

describe.runIf(mysql !== "")("with MySQL", () => {
  test.each([
    ["in MySQL", ["main"]],
    ["in MySQL and D1 at once", ["main", "b"]],
  ])("a search %s finds what is one's own, and nothing else", async (_where, shards) => {
    const database = await makeDatabase(mysql);
    try {
      await expectOwn({ config: config(...shards), mysql: database.url });
    } finally {
      await database.drop();
    }
  });
});
