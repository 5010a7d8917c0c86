/** Routing on the real server: the admin key it made, and a table that survives `kill -9`. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server } from "../support/server.ts";

let data: string;
beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), "mpim-routing-"));
});
afterAll(() => rmSync(data, { recursive: true, force: true }));

const config = (...names: string[]) => ({
  routing: {
    failures: 2,
    probe_ms: 3_600_000,
    policies: { history: { strategy: "consistent-hash", nodes: names.map((name) => ({ name })) } },
  },
});

interface Table {
  readonly epoch: number;
  readonly policies: { readonly history: { readonly nodes: { readonly name: string; readonly healthy: boolean }[] } };
}

function admin({ url }: Server): { get(path: string): Promise<unknown>; report(node: string): Promise<unknown> } {
  const { ADMIN_KEY } = JSON.parse(readFileSync(join(data, "secrets.json"), "utf8")) as Record<string, string>;
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
  return {
    get: async (path) => (await fetch(`${url}/v1/admin/${path}`, { headers })).json(),
    report: async (node) => {
      const body = JSON.stringify({ kind: "history", node, ok: false });
      return (await fetch(`${url}/v1/admin/routing/reports`, { method: "POST", headers, body })).json();
    },
  };
}

test("what was ejected stays so after kill -9, and a new configuration is a new epoch", async () => {
  const first = await startServer({ data, config: config("a", "b", "c") });
  await admin(first).report("b");
  const out = (await admin(first).report("b")) as Table;
  expect(out.policies.history.nodes.map(({ name, healthy }) => `${name} ${healthy}`)).toEqual([
    "a true",
    "b false",
    "c true",
  ]);
  const { ADMIN_KEY = "" } = JSON.parse(readFileSync(join(data, "secrets.json"), "utf8")) as Record<string, string>;
  expect(first.output()).not.toContain(ADMIN_KEY);
  await first.kill9();

  const second = await startServer({ data, config: config("a", "b", "c") });
  expect(await admin(second).get("routing")).toEqual(out);
  for (let n = 0; n < 30; n += 1) {
    const { node } = (await admin(second).get(`route?kind=history&key=d.a.b${n}`)) as { node: string };
    expect(["a", "c"]).toContain(node);
  }
  await second.kill9();

  await using third = await startServer({ data, config: config("b", "c") });
  const next = (await admin(third).get("routing")) as Table;
  expect(next.epoch).toBeGreaterThan(out.epoch);
  expect(next.policies.history.nodes).toMatchObject([
    { name: "b", healthy: false },
    { name: "c", healthy: true },
  ]);
});
