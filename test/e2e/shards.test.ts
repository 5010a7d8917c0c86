/** History over several databases: each conversation's in the one that it was pinned to when it was made. */
import { execFile } from "node:child_process";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Api } from "../support/api.ts";
import { Client } from "../support/client.ts";
import { startServer } from "../support/server.ts";

const VERIFY = resolve(import.meta.dirname, "../../scripts/verify.ts");
const CHATS = 12;

const config = (...names: string[]) => ({
  auth: { scrypt_log_n: 10 },
  history: { wait_ms: 50 },
  routing: { policies: { history: { strategy: "hash", nodes: names.map((name) => ({ name })) } } },
});

/** The conversations in each database of a data folder that has any. */
function placed(data: string): string[][] {
  const found: string[][] = [];
  for (const file of globSync(join(data, "state/**/*.sqlite"))) {
    const db = new DatabaseSync(file, { readOnly: true });
    const is = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'messages'").get() !== undefined;
    const rows = is ? db.prepare("SELECT DISTINCT cid FROM messages ORDER BY cid").all() : [];
    db.close();
    if (rows.length > 0) found.push(rows.map(({ cid }) => String(cid)));
  }
  return found.toSorted((a, b) => a.length - b.length);
}

test("history goes to the shard that a conversation was pinned to, and stays there when the shards change", async () => {
  const data = mkdtempSync(join(tmpdir(), "mpim-shards-"));
  try {
    const first = await startServer({ data, config: config("main", "b") });
    const api = new Api(first.url);
    const alice = await api.register("alice");
    const a = new Client({ url: first.wsUrl, token: alice.token, device: "a" });
    await a.connect();
    const cids: string[] = [];
    for (let n = 0; n < CHATS; n += 1) {
      const { user } = await api.register(`bob${n}`);
      cids.push(`d.${[alice.user.id, user.id].toSorted().join(".")}`);
      a.send(`@${user.id}`, "hello", `first-to-${n}`);
    }
    await a.until(() => a.outbox.size === 0, "all sent");
    const verify = async (url: string): Promise<string[]> => {
      const outputs = await Promise.all(
        cids.map((cid) => promisify(execFile)(process.execPath, [VERIFY, cid, "--server", url, "--data", data])),
      );
      return outputs.map(({ stdout }) => stdout.trim().split("\n").at(-1) ?? "");
    };
    const all = (count: number) => cids.map(() => `verified: ${count} entries are the same in both`);
    await expect.poll(() => verify(first.url), { timeout: 60_000 }).toEqual(all(1));
    const found = await api.get<{ results: { message: { cid: string } }[] }>("GET /v1/search?q=hello", alice.token);
    expect(found.results.map(({ message }) => message.cid).toSorted()).toEqual(cids.toSorted());
    await a.close();
    await first.stop();
    const before = placed(data);
    expect(before.length).toBe(2);
    expect(before.flat().toSorted()).toEqual(cids.toSorted());

    await using second = await startServer({ data, config: config("main", "b", "c") });
    const again = new Client({ url: second.wsUrl, token: alice.token, device: "a" });
    await again.connect();
    for (const [n, cid] of cids.entries()) again.send(cid, "still here", `second-to-${n}`);
    await again.until(() => again.outbox.size === 0, "all sent");
    await expect.poll(() => verify(second.url), { timeout: 60_000 }).toEqual(all(2));
    await again.close();
    await second.stop();
    expect(placed(data)).toEqual(before);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
});
