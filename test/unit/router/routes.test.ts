import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resolve, type Table } from "../../../src/workers/router/table.ts";
import { Routes } from "../../../src/workers/routes.ts";
import { history } from "../../support/arbitraries.ts";
import { keys, routingOf, tableOf, without } from "./fixture.ts";

const DEFAULT = { history: { strategy: "consistent-hash", nodes: [{ name: "main" }] } };
const PUBLISHED: Table = {
  ...tableOf({ history: { strategy: "hash", nodes: [{ name: "a" }, { name: "b" }] } }),
  epoch: 5,
};

/** A router that answers what it is told to, and a clock. */
class World {
  time = 1_000_000;
  /** What the router answers; an error is thrown. */
  answer: unknown = PUBLISHED;
  readonly asked: (number | undefined)[] = [];
  readonly failures: unknown[] = [];
  readonly later: Promise<void>[] = [];
  readonly routes = new Routes(routingOf({ refresh_ms: 30_000, policies: DEFAULT }), {
    now: () => this.time,
    fetchTable: async (beyond) => {
      this.asked.push(beyond);
      if (this.answer instanceof Error) throw this.answer;
      return this.answer;
    },
    later: (work) => void this.later.push(work),
    failed: (error) => void this.failures.push(error),
  });

  async settled(): Promise<void> {
    await Promise.all(this.later.splice(0));
  }

  async node(): Promise<string> {
    const node = await this.routes.node("history", "key");
    return node.ok ? `${node.value.node} ${node.value.epoch}` : node.error.code;
  }
}

const down = new Error("no answer");
const own = resolve(PUBLISHED, "history", "key");
const there = own.ok ? `${own.value.node} 5` : "";

describe("a caller that never had a table", () => {
  test("waits for the router, and each request asks for itself", async () => {
    const world = new World();
    expect(await Promise.all([world.node(), world.node()])).toEqual([there, there]);
    expect(world.asked).toHaveLength(2);
    expect(await world.node()).toBe(there);
    expect(world.asked).toHaveLength(2);
  });

  test("goes by the configured policies while the router is down, and does not ask at every key", async () => {
    const world = new World();
    world.answer = down;
    expect([await world.node(), await world.node(), await world.node()]).toEqual(["main 0", "main 0", "main 0"]);
    expect(world.asked).toHaveLength(1);
    expect(world.failures).toEqual([down]);
    world.time += 1_000;
    expect(await world.node()).toBe("main 0");
    world.answer = PUBLISHED;
    world.time += 1_000;
    expect(await world.node()).toBe(there);
  });

  test("asks in passing where nobody can wait, and answers by the configured policies", async () => {
    const world = new World();
    expect(world.routes.local("history", "key")).toMatchObject({ value: { node: "main", epoch: 0 } });
    expect(world.routes.relay("somebody", 4).epoch).toBe(0);
    expect(world.asked).toHaveLength(1);
    await world.settled();
    expect(world.routes.relay("somebody", 4).epoch).toBe(5);
    expect(world.asked).toHaveLength(1);
  });
});

describe("a caller with a table", () => {
  async function fresh(): Promise<World> {
    const world = new World();
    await world.node();
    world.asked.length = 0;
    return world;
  }

  test("asks again after the configured time, once, while everybody goes on by what there is", async () => {
    const world = await fresh();
    world.answer = { ...PUBLISHED, epoch: 6 };
    world.time += 29_999;
    expect(await world.node()).toBe(there);
    expect(world.asked).toEqual([]);
    world.time += 1;
    expect(await Promise.all([world.node(), world.node(), world.node()])).toEqual([there, there, there]);
    expect(world.asked).toEqual([undefined]);
    await world.settled();
    expect(world.routes.table.epoch).toBe(6);
  });

  test("keeps the last good one while the router is down, and asks again soon", async () => {
    const world = await fresh();
    world.answer = down;
    for (let n = 1; n <= 3; n += 1) {
      world.time += 60_000;
      expect(await world.node()).toBe(there);
      await world.settled();
    }
    expect(world.failures).toEqual([down, down, down]);
    world.answer = { ...PUBLISHED, epoch: 6 };
    world.time += 1_000;
    await world.node();
    await world.settled();
    expect(world.routes.table.epoch).toBe(6);
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["no table", { epoch: 9 }],
    ["a table with a weight of 0", bad({ nodes: [{ name: "a", weight: 0 }] })],
    ["a table with a negative weight", bad({ nodes: [{ name: "a", weight: -1 }] })],
    ["a table with two nodes of one name", bad({ nodes: [{ name: "a" }, { name: "a" }] })],
    ["a table without nodes", bad({ nodes: [] })],
    ["an older table", { ...PUBLISHED, epoch: 4, policies: tableOf(DEFAULT).policies }],
  ])("keeps it when the router answers %s", async (_, answer) => {
    const world = await fresh();
    world.answer = answer;
    await world.routes.refresh();
    expect(world.routes.table).toEqual(PUBLISHED);
    expect(await world.node()).toBe(there);
  });

  test("says what was wrong with a table, by name", async () => {
    const world = await fresh();
    world.answer = bad({ nodes: [{ name: "a" }, { name: "a" }] });
    await world.routes.refresh();
    expect(String(world.failures[0])).toContain('two nodes are called "a"');
  });

  test("asks for a newer one at once after a callee refused its epoch, and comes back with it", async () => {
    const [caller, callee] = [await fresh(), await fresh()];
    callee.answer = { ...PUBLISHED, epoch: 6 };
    await callee.routes.refresh();
    const { epoch } = caller.routes.relay("somebody", 4);
    expect(callee.routes.isStale(epoch)).toBe(true);
    caller.answer = { ...PUBLISHED, epoch: 6 };
    await caller.routes.refresh();
    expect(caller.asked).toEqual([5]);
    expect(callee.routes.isStale(caller.routes.relay("somebody", 4).epoch)).toBe(false);
  });

  test("does not call newer epochs than its own stale", async () => {
    const world = await fresh();
    expect([4, 5, 6].map((epoch) => world.routes.isStale(epoch))).toEqual([true, false, false]);
  });

  test("is told unavailable when no node is healthy, and what it had stays", async () => {
    const world = await fresh();
    world.answer = { ...without(PUBLISHED, "history", "a", "b"), epoch: 6 };
    await world.routes.refresh();
    expect(await world.node()).toBe("unavailable");
    expect(world.routes.table.epoch).toBe(6);
  });

  test("takes turns by itself", async () => {
    const world = new World();
    world.answer = {
      ...tableOf({ history: { strategy: "round-robin", nodes: [{ name: "a" }, { name: "b" }] } }),
      epoch: 6,
    };
    const nodes: string[] = [];
    for (let n = 0; n < 4; n += 1) nodes.push(await world.node());
    expect(nodes.slice(0, 2).toSorted()).toEqual(["a 6", "b 6"]);
    expect(nodes.slice(2)).toEqual(nodes.slice(0, 2));
  });
});

test("whatever the router does, a caller's epoch never falls, and it decides as the table of that epoch does", async () => {
  const tables = [1, 2, 3].map((epoch) => ({
    ...tableOf({
      history: {
        strategy: "consistent-hash",
        virtual_nodes: 8,
        nodes: Array.from({ length: epoch }, (_, n) => ({ name: `n${n}` })),
      },
    }),
    epoch,
  }));
  const step = fc.record({
    answer: fc.constantFrom<unknown>(...tables, down, "nonsense"),
    wait: fc.constantFrom(0, 500, 1_000, 30_000),
    act: fc.constantFrom("node", "relay", "refresh", "settle"),
  });
  const all = keys(5);
  await fc.assert(
    fc.asyncProperty(history(step, 30), async (steps) => {
      const world = new World();
      let epoch = 0;
      for (const { answer, wait, act } of steps) {
        world.answer = answer;
        world.time += wait;
        if (act === "node") await world.node();
        if (act === "relay") world.routes.relay("somebody", 3);
        if (act === "refresh") await world.routes.refresh();
        if (act === "settle") await world.settled();
        expect(world.routes.table.epoch).toBeGreaterThanOrEqual(epoch);
        ({ epoch } = world.routes.table);
        const expected = tables.find((table) => table.epoch === epoch) ?? tableOf(DEFAULT);
        for (const key of all) expect(world.routes.local("history", key)).toEqual(resolve(expected, "history", key));
      }
    }),
  );
});

function bad(history_: Record<string, unknown>): unknown {
  return { ...PUBLISHED, epoch: 9, policies: { ...PUBLISHED.policies, history: { strategy: "hash", ...history_ } } };
}
