/** Profiles behind the cache, across requests that are really apart: each has its own context in the runtime. */
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Uid } from "../../src/protocol/ids.ts";
import { services } from "../../src/workers/env.ts";
import { advance } from "../support/faults.ts";
import { connect, token, user } from "../support/workers.ts";

/** Statements about users, by what they were bound to; while there is a gate, their answers wait for it. */
let asked: unknown[][];
let gate: Promise<void> | undefined;

beforeEach(() => {
  asked = [];
  gate = undefined;
  const prepare = env.DB.prepare.bind(env.DB);
  vi.spyOn(env.DB, "prepare").mockImplementation((sql) => {
    const statement = prepare(sql);
    if (!/^select .* from "users"/.test(sql)) return statement;
    return {
      bind: (...values: unknown[]) => {
        asked.push(values);
        const bound = statement.bind(...values);
        return {
          raw: async () => {
            const rows = await bound.raw();
            await gate;
            return rows;
          },
        };
      },
    } as unknown as D1PreparedStatement;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const get = async (path: string, bearer: string): Promise<{ status: number; name: unknown }> => {
  const response = await exports.default.fetch(`https://mpim.test${path}`, {
    headers: { authorization: `Bearer ${bearer}` },
  });
  const { name } = await response.json<{ name?: unknown }>();
  return { status: response.status, name };
};
const askedFor = (uid: string): number => asked.filter((values) => values.includes(uid)).length;

test("a hundred requests at once for one profile are one query; the next is none", async () => {
  const [me, other] = [await user("me"), await user("other")];
  const bearer = await token(me);
  await get("/v1/me", bearer);
  const opened = Promise.withResolvers<void>();
  gate = opened.promise;
  const answers = Promise.all(Array.from({ length: 100 }, () => get(`/v1/users/${other}`, bearer)));
  await vi.waitUntil(() => askedFor(other) > 0);
  opened.resolve();
  expect(new Set((await answers).map(({ status, name }) => `${status} ${String(name)}`))).toEqual(
    new Set(["200 OTHER"]),
  );
  await get(`/v1/users/${other}`, bearer);
  expect(askedFor(other)).toBe(1);
});

test("who is not there is asked for once, and is there as soon as he comes", async () => {
  const bearer = await token(await user("me"));
  const late = `late-${crypto.randomUUID()}` as Uid;
  for (let i = 0; i < 3; i += 1) expect((await get(`/v1/users/${late}`, bearer)).status).toBe(404);
  expect(askedFor(late)).toBe(1);
  await services(env).users.ensure(late, "Late", Date.now());
  expect(await get(`/v1/users/${late}`, bearer)).toEqual({ status: 200, name: "Late" });
});

test("what was changed elsewhere is shown old while it is fetched, and then new", async () => {
  const me = await user("me");
  const bearer = await token(me);
  expect((await get("/v1/me", bearer)).name).toBe("ME");
  await env.DB.prepare("UPDATE users SET name = 'Elsewhere', updated_ms = updated_ms + 1 WHERE id = ?").bind(me).run();
  advance(6_000);
  expect((await get("/v1/me", bearer)).name).toBe("ME");
  await vi.waitUntil(async () => (await get("/v1/me", bearer)).name === "Elsewhere");
});

test("what one changes oneself is read at once", async () => {
  const me = await user("me");
  const bearer = await token(me);
  await get("/v1/me", bearer);
  const response = await exports.default.fetch("https://mpim.test/v1/me", {
    method: "PATCH",
    headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
    body: '{"name":"Renamed"}',
  });
  expect(response.status).toBe(200);
  expect((await get("/v1/me", bearer)).name).toBe("Renamed");
  expect(askedFor(me)).toBe(1);
});

test("who has come by WebSocket has the own profile there already", async () => {
  const me = await user("me");
  const bearer = await token(me);
  const device = await connect(me, { token: bearer });
  await device.sync();
  await vi.waitUntil(() => askedFor(me) > 0);
  expect((await get("/v1/me", bearer)).name).toBe("ME");
  expect(askedFor(me)).toBe(1);
});
