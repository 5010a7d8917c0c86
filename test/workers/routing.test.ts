/** The router inside the runtime: the object that keeps the table, its entrypoint, and its callers. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { services } from "../../src/workers/env.ts";
import { RoutingObject } from "../../src/workers/router/routing-object.ts";
import { ROUTING_NAME, type RouterRpc } from "../../src/workers/router/rpc.ts";
import type { Table } from "../../src/workers/router/table.ts";
import type { Uid } from "../../src/protocol/ids.ts";
import { abort, advance, breakDisk, hold } from "../support/faults.ts";
import { userStub } from "../support/workers.ts";

vi.setConfig({ testTimeout: 60_000 });

const { failures, probe_ms, cache_ms, refresh_ms, policies } = services(env).config.routing;

const stub = (): DurableObjectStub<RoutingObject> => env.ROUTING.getByName(ROUTING_NAME);
const table = async (): Promise<Table> => stub().table();
const router = env.ROUTER as unknown as RouterRpc;

const stored = (): Promise<string[]> =>
  runInDurableObject(stub(), (_, { storage }) =>
    storage.sql
      .exec<{ state: string }>("SELECT state FROM routing")
      .toArray()
      .map(({ state }) => state),
  );
const store = (value: unknown): Promise<void> =>
  runInDurableObject(stub(), (_, { storage }) => {
    storage.sql.exec("UPDATE routing SET state = ?", JSON.stringify(value));
  });

/** The router's table, not from its memory: tests move the clock, and what it remembers may be from ahead. */
const asked = (): Promise<Table> => router.table(Number.MAX_SAFE_INTEGER);

/** Has the only history fail until it is ejected. */
async function eject(): Promise<Table> {
  for (let n = 0; n < failures; n += 1) await stub().report("history", "main", false);
  return table();
}

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});

afterEach(async () => {
  vi.restoreAllMocks();
  // Everybody healthy again, under an epoch that no test has seen.
  await store({ ...(await table()), policies: { ...policies, relay: { strategy: "hash" } }, ejected: [] });
  await evictDurableObject(stub());
});

describe("the routing object", () => {
  test("has the configured policies, and its epoch is not that of a table nobody published", async () => {
    expect(await table()).toEqual({ epoch: expect.any(Number) as number, policies, ejected: [] });
    expect((await table()).epoch).toBeGreaterThan(0);
  });

  test("evicted or killed, it has the same epoch and the same ejections", async () => {
    const before = await eject();
    expect(before.ejected).toMatchObject([{ kind: "history", node: "main", times: 1, probing: false }]);
    await evictDurableObject(stub());
    expect(await table()).toEqual(before);
    await abort(stub());
    expect(await table()).toEqual(before);
  });

  test("killed after some failures, it ejects a little later, and its table is whole", async () => {
    const before = await table();
    for (let n = 1; n < failures; n += 1) await stub().report("history", "main", false);
    await abort(stub());
    await stub().report("history", "main", false);
    expect(await table()).toEqual(before);
    expect((await eject()).epoch).toBeGreaterThan(before.epoch);
  });

  test("lets a node return on trial: a failure ejects it for longer, a success makes it healthy; evictions in between change nothing", async () => {
    await eject();
    advance(probe_ms);
    const trial = await table();
    expect(trial.ejected).toMatchObject([{ probing: true, times: 1 }]);
    await evictDurableObject(stub());
    expect(await table()).toEqual(trial);
    await stub().report("history", "main", false);
    const [again] = (await table()).ejected;
    expect(again).toMatchObject({ probing: false, times: 2 });
    expect((again?.until ?? 0) - Date.now()).toBeGreaterThan(probe_ms);
    await evictDurableObject(stub());
    advance(2 * probe_ms);
    await stub().report("history", "main", true);
    const well = await table();
    expect(well.ejected).toEqual([]);
    expect(well.epoch).toBeGreaterThan(trial.epoch);
  });

  test("writes a row when the table changes, and at no other time", async () => {
    await table();
    const written = (): Promise<number> => runInDurableObject(stub(), (object) => object.cost.rowsWritten);
    const before = await written();
    await table();
    for (let n = 1; n < failures; n += 1) await stub().report("history", "main", false);
    await stub().report("history", "main", true);
    expect(await written()).toBe(before);
    await stub().report("history", "main", false);
    expect(await written()).toBe(before + 1);
    await stub().report("history", "main", false);
    expect(await written()).toBe(before + 1);
  });

  test.each([
    ["history", "nowhere"],
    ["relay", "0"],
  ] as const)("refuses a report on %s/%s, and its state is as it was", async (kind, node) => {
    const [before, rows] = [await table(), await stored()];
    for (let n = 0; n <= failures; n += 1) {
      expect(await stub().report(kind, node, false)).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
    }
    expect([await table(), await stored()]).toEqual([before, rows]);
  });

  test("takes over a configuration that changed while it slept, under a new epoch", async () => {
    const before = await table();
    await store({ ...before, policies: { ...policies, history: { strategy: "hash", nodes: [{ name: "old" }] } } });
    await evictDurableObject(stub());
    expect(await table()).toMatchObject({ policies, ejected: [] });
    expect((await table()).epoch).toBeGreaterThan(before.epoch);
  });

  test("begins anew, under a greater epoch, when what it stored cannot be read", async () => {
    const before = await table();
    await store({ epoch: "many" });
    advance(1_000 * probe_ms);
    await evictDurableObject(stub());
    expect(await table()).toMatchObject({ policies, ejected: [] });
    expect((await table()).epoch).toBeGreaterThan(before.epoch);
  });

  test.each([
    ["two nodes of one name", { nodes: [{ name: "a" }, { name: "a" }] }],
    ["a weight of 0", { nodes: [{ name: "a", weight: 0 }] }],
    ["a negative weight", { nodes: [{ name: "a", weight: -1 }] }],
    ["no nodes", { nodes: [] }],
  ])("keeps its table under a configuration with %s", async (_, history) => {
    const [before, rows] = [await table(), await stored()];
    const CONFIG = JSON.stringify({ routing: { policies: { history: { strategy: "hash", ...history } } } });
    const after = await runInDurableObject(stub(), async (_object, state) =>
      new RoutingObject(state, { ...env, CONFIG }).table(),
    );
    expect(after).toEqual(before);
    expect(await stored()).toEqual(rows);
  });

  test("whose disk refuses stays with the table it has, and ejects when the disk is mended", async () => {
    const before = await table();
    const mend = await breakDisk(stub, "UPDATE ON routing");
    for (let n = 1; n < failures; n += 1) await stub().report("history", "main", false);
    expect(await stub().report("history", "main", false)).toEqual({ ok: true, value: before });
    expect(await table()).toEqual(before);
    await mend();
    expect((await eject()).ejected).toHaveLength(1);
  });
});

describe("the router's entrypoint", () => {
  test("answers from memory for a while, and from the object to who knows that memory to be old", async () => {
    const before = await asked();
    const out = await eject();
    expect(await router.table()).toEqual(before);
    expect(await router.table(before.epoch)).toEqual(out);
    expect(await router.table()).toEqual(out);
  });

  test("goes on with the last good table when the object dies under the call", async () => {
    const before = await asked();
    advance(cache_ms);
    const held = await hold(stub());
    const answer = router.table();
    await held.kill();
    expect(await answer).toEqual(before);
  });

  test("resolves as its table does; with no healthy node, unavailable", async () => {
    await asked();
    expect(await router.resolve("history", "d.a.b")).toMatchObject({ ok: true, value: { node: "main" } });
    expect(await router.resolve("relay", "somebody", { relays: 5 })).toEqual({
      ok: true,
      value: expect.objectContaining({ node: String(services(env).routes.relay("somebody", 5).node) }) as unknown,
    });
    const { epoch } = await eject();
    await router.table(0);
    await asked();
    expect(await router.resolve("history", "d.a.b")).toMatchObject({ ok: false, error: { code: "unavailable" } });
    expect((await router.table()).epoch).toBe(epoch);
  });

  test("passes failures on, and of successes those only that matter", async () => {
    await asked();
    const requests = (): Promise<number> => runInDurableObject(stub(), (object) => object.cost.requests);
    const before = await requests();
    for (let n = 0; n < 20; n += 1) expect((await router.report("history", "main", true)).ok).toBe(true);
    expect(await requests()).toBe(before);
    for (let n = 0; n < failures; n += 1) await router.report("history", "main", false);
    advance(probe_ms);
    expect((await router.table()).ejected).toMatchObject([{ probing: true }]);
    await router.report("history", "main", true);
    expect((await table()).ejected).toEqual([]);
    expect(await router.report("history", "nowhere", false)).toMatchObject({ error: { code: "invalid_argument" } });
  });
});

describe("a caller", () => {
  const caller = (more: Record<string, unknown> = {}): ReturnType<typeof services> => services({ ...env, ...more });

  test("resolves by the router's table, and after a stale epoch by the newer one", async () => {
    const { routes } = caller();
    await asked();
    const first = await routes.node("history", "d.a.b");
    expect(first).toMatchObject({ ok: true, value: { node: "main" } });
    const old = routes.table.epoch;
    expect(old).toBe((await table()).epoch);
    const out = await eject();
    await routes.refresh();
    expect(routes.table).toEqual(out);
    expect(routes.isStale(old)).toBe(true);
    expect(await routes.node("history", "d.a.b")).toMatchObject({ ok: false, error: { code: "unavailable" } });
  });

  test("fetches the table anew in passing", async () => {
    const { routes } = caller();
    await asked();
    await routes.node("history", "d.a.b");
    const out = await eject();
    advance(refresh_ms);
    routes.relay("somebody", 3);
    await expect.poll(() => routes.table.epoch, { timeout: 20_000 }).toBeGreaterThanOrEqual(out.epoch);
  });

  test("may be an object: there, too, the table is fetched in passing", async () => {
    const { routes } = caller();
    const { epoch } = await asked();
    await runInDurableObject(userStub("somebody" as Uid), () => void routes.relay("somebody", 3));
    await expect.poll(() => routes.table.epoch, { timeout: 20_000 }).toBe(epoch);
  });

  test.each<[string, unknown]>([
    ["fails", { table: () => Promise.reject(new Error("down")) }],
    [
      "throws",
      {
        table: () => {
          throw new Error("down");
        },
      },
    ],
    ["is not bound", undefined],
    ["answers nonsense", { table: () => Promise.resolve({ epoch: 1e15, policies: {} }) }],
  ])("whose router %s goes by the configured policies", async (_, ROUTER) => {
    const { routes, regionHint } = caller({ ROUTER });
    expect(await routes.node("history", "d.a.b")).toMatchObject({ ok: true, value: { node: "main", epoch: 0 } });
    expect(routes.relay("somebody", 4)).toMatchObject({ epoch: 0 });
    expect(regionHint("somebody")).toBeUndefined();
  });

  test("whose router goes down keeps the last good table", async () => {
    let up = true;
    const ROUTER = { table: async () => (up ? router.table() : Promise.reject(new Error("down"))) };
    const { routes } = caller({ ROUTER });
    await routes.node("history", "d.a.b");
    const before = routes.table;
    up = false;
    await routes.refresh();
    expect(routes.table).toBe(before);
    expect(await routes.node("history", "d.a.b")).toMatchObject({ value: { node: "main", epoch: before.epoch } });
  });

  test("is given a region where one is configured", () => {
    const CONFIG = JSON.stringify({
      routing: {
        policies: { region: { strategy: "priority", nodes: [{ name: "weur" }, { name: "none", priority: 1 }] } },
      },
    });
    expect(caller({ CONFIG }).regionHint("somebody")).toBe("weur");
    expect(caller().regionHint("somebody")).toBeUndefined();
  });
});
