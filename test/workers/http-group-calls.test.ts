/** What the edge asks of groups, and what it makes of their answers: against groups that answer as a test says. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { GroupCard, GroupRpc } from "../../src/durable-objects/group-rpc.ts";
import type { UserRpc } from "../../src/durable-objects/rpc.ts";
import { err, ok } from "../../src/lib/result.ts";
import { refuse } from "../../src/protocol/codes.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import type { Env } from "../../src/workers/env.ts";
import { codeOf, env } from "../support/http.ts";
import { as, groupOf, NO_GROUP as CID, person, shown, usersOf, type Person } from "../support/groups.ts";

let [alice, bob, carol] = [] as unknown as [Person, Person, Person];
beforeAll(async () => {
  [alice, bob, carol] = [await person(), await person(), await person()];
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});

/** Bindings whose objects answer as given. */
function bindings(stub: Partial<Record<keyof GroupRpc | keyof UserRpc, unknown>>): Env {
  const namespace = { idFromName: (name: string) => name, get: (id: string) => ({ id, ...stub }) };
  return { ...env, USERS: namespace, CONVERSATIONS: namespace } as unknown as Env;
}

const card = (id: Cid, change: Partial<GroupCard> = {}): GroupCard => ({
  id,
  name: "G",
  description: "",
  announcement: "",
  owner: alice.uid,
  created: 1,
  members: 2,
  join: "invite",
  history: "join",
  read_only: false,
  muted: false,
  mode: "push",
  role: "owner",
  ...change,
});

const op = /^[A-Za-z0-9_-]{8,64}$/;

describe("making a group", () => {
  test("asks for it once, without the owner among the members, and with what was given only", async () => {
    const createGroup = vi.fn<GroupRpc["createGroup"]>(async () => ok(card(CID)));
    const json = { name: " G ", members: [bob.uid, alice.uid, carol.uid], join: "open" };
    const answer = await as(alice, "POST /v1/groups", json, { env: bindings({ createGroup }) });
    expect([answer.status, groupOf(answer)]).toEqual([201, card(CID)]);
    expect(createGroup.mock.calls).toEqual([[alice.uid, "G", { join: "open" }, [bob.uid, carol.uid]]]);
  });

  test("that is refused asks no group for anything", async () => {
    const none = { env: bindings({}) };
    for (const members of [["u_nobody"], [alice.uid], [bob.uid, bob.uid], []]) {
      const answer = await as(alice, "POST /v1/groups", { name: "G", members }, none);
      expect([400, 404]).toContain(answer.status);
    }
  });

  test("many unknown users are all named in the details, the first in the message", async () => {
    const members = Array.from({ length: 30 }, (_, i) => `u_nobody${i}`);
    const answer = await as(alice, "POST /v1/groups", { name: "G", members }, { env: bindings({}) });
    expect(usersOf(answer)).toEqual(members);
    expect(answer.json).toMatchObject({ error: { message: expect.stringMatching(/u_nobody9 and 20 more$/) } });
  });

  test("a repetition of a request that was cut off goes on with the id that it claimed", async () => {
    const asked: unknown[] = [];
    let cut = true;
    async function createGroup(this: { id: Cid }): Promise<unknown> {
      asked.push(this.id);
      if (cut) throw new Error("cut off");
      return ok(card(this.id));
    }
    const stranger = async (): Promise<unknown> => err(refuse("not_member", "x"));
    const options = { env: bindings({ createGroup, card: stranger }), headers: { "idempotency-key": "cut-off" } };
    const json = { name: "G", members: [bob.uid] };
    expect(codeOf(await as(alice, "POST /v1/groups", json, options))).toBe("503 unavailable");
    cut = false;
    const answer = await as(alice, "POST /v1/groups", json, options);
    expect(answer.status).toBe(201);
    expect(asked).toEqual([groupOf(answer).id, groupOf(answer).id]);
  });
});

describe("changing a group", () => {
  test("goes by an id that is the same for a repetition with the same key, and for nothing else", async () => {
    const add = vi.fn<GroupRpc["add"]>(async () => ok(card(CID)));
    const join = vi.fn<GroupRpc["join"]>(async () => ok(card(CID)));
    const services = bindings({ add, join });
    const other = `${CID.slice(0, -1)}1`;
    const request = (who: Person, line: string, key?: string) =>
      as(who, line, line.endsWith("join") ? undefined : { users: [carol.uid] }, {
        env: services,
        ...(key !== undefined && { headers: { "idempotency-key": key } }),
      });
    const requests: [Person, string, string?][] = [
      [alice, `POST /v1/groups/${CID}/members`, "a"],
      [alice, `POST /v1/groups/${CID}/members`, "a"],
      [alice, `POST /v1/groups/${CID}/members`, "b"],
      [alice, `POST /v1/groups/${other}/members`, "a"],
      [bob, `POST /v1/groups/${CID}/members`, "a"],
      [alice, `POST /v1/groups/${CID}/members`],
      [alice, `POST /v1/groups/${CID}/members`],
    ];
    for (const [who, line, key] of requests) expect((await request(who, line, key)).status).toBe(200);
    const ops = add.mock.calls.map((args) => args[1]);
    for (const id of ops) expect(id).toMatch(op);
    expect(ops[1]).toBe(ops[0]);
    expect(new Set(ops).size).toBe(6);
    await request(alice, `POST /v1/groups/${CID}/join`, "a");
    await request(alice, `POST /v1/groups/${CID}/join`, "a");
    const joins = join.mock.calls.map((args) => args[1]);
    expect(joins[1]).toBe(joins[0]);
    expect(ops).not.toContain(joins[0]);
  });

  test("is asked once more, by the same id, when the object restarted", async () => {
    const restarted = Object.assign(new Error("reset"), { retryable: true });
    const once = () => vi.fn<(...args: unknown[]) => Promise<unknown>>().mockRejectedValueOnce(restarted);
    const done = async (): Promise<unknown> => ok(undefined);
    const member = { user: bob.uid, role: "member", muted_until: 0 };
    const stub = {
      change: once().mockImplementation(async () => ok(card(CID))),
      dismiss: once().mockImplementation(done),
      remove: once().mockImplementation(done),
      setMember: once().mockImplementation(async () => ok(member)),
    };
    const services = { env: bindings(stub) };
    const requests: [keyof typeof stub, string, unknown, unknown[]][] = [
      ["change", `PATCH /v1/groups/${CID}`, { muted: true }, [{ muted: true }]],
      ["dismiss", `DELETE /v1/groups/${CID}`, undefined, []],
      ["remove", `DELETE /v1/groups/${CID}/members/${bob.uid}`, undefined, [bob.uid]],
      ["setMember", `PATCH /v1/groups/${CID}/members/${bob.uid}`, { role: "admin" }, [bob.uid, { role: "admin" }]],
    ];
    for (const [method, line, json, more] of requests) {
      expect((await as(alice, line, json, services)).status, line).toBeLessThan(300);
      const [first, second] = stub[method].mock.calls;
      expect(first).toEqual([alice.uid, expect.stringMatching(op), ...more]);
      expect(second).toEqual(first);
    }
  });
});

describe("answers of groups", () => {
  test("[SEC1] to strangers are one, whatever the object says", async () => {
    const says = (message: string) => async (): Promise<unknown> => err(refuse("not_member", message));
    const stub = {
      card: says("dismissed"),
      members: says("removed yesterday"),
      join: says("by invitation"),
      receipts: says("there is no such group"),
      confirm: says("dismissed"),
    };
    const lines = ["", "/members"].map((end) => `GET /v1/groups/${CID}${end}`);
    lines.push(`POST /v1/groups/${CID}/join`, `GET /v1/conversations/${CID}/receipts/1`);
    lines.push(`GET /v1/search?q=a&cid=${CID}`);
    const answers = await Promise.all(lines.map((line) => as(alice, line, undefined, { env: bindings(stub) })));
    expect(new Set(answers.map((answer) => shown(answer))).size).toBe(1);
    expect(answers.map((answer) => codeOf(answer))).toEqual(lines.map(() => "403 not_member"));
  });

  test("other refusals go to the client as they are", async () => {
    const change = async (): Promise<unknown> => err(refuse("permission_denied", "for owner and admins"));
    const answer = await as(alice, `PATCH /v1/groups/${CID}`, { name: "N" }, { env: bindings({ change }) });
    expect(codeOf(answer)).toBe("403 permission_denied");
    expect(answer.json).toMatchObject({ error: { message: "for owner and admins" } });
    expect(answer.json["error"]).not.toHaveProperty("details");
  });
});

describe("listing groups", () => {
  const cids = ["1", "2", "3"].map((end) => `${CID.slice(0, -1)}${end}` as Cid);
  const lists = (refusal: "not_member" | "unavailable") => {
    const groups = vi.fn<UserRpc["groups"]>(async () => ({ cids, next: "17" }));
    async function cardOf(this: { id: Cid }): Promise<unknown> {
      return this.id === cids[1] ? err(refuse(refusal, "x")) : ok(card(this.id));
    }
    return { groups, services: { env: bindings({ groups, card: cardOf }) } };
  };

  test("leaves out those that were left meanwhile, and goes on behind all of them", async () => {
    const { groups, services } = lists("not_member");
    const answer = await as(alice, "GET /v1/groups?cursor=20&limit=3", undefined, services);
    expect(answer.json).toEqual({ groups: [card(cids[0] as Cid), card(cids[2] as Cid)], next: "17" });
    expect(groups.mock.calls).toEqual([["20", 3]]);
  });

  test("hides none that does not answer", async () => {
    const { services } = lists("unavailable");
    expect(codeOf(await as(alice, "GET /v1/groups", undefined, services))).toBe("503 unavailable");
  });
});

test("receipts of a group are asked of the group, those of a direct chat of one's own object", async () => {
  const receipts = vi.fn<GroupRpc["receipts"]>(async () => ok({ delivered: 2, read: 1, members: 3 }));
  const receiptList = vi.fn<GroupRpc["receiptList"]>(async () => ok({ users: [bob.uid], next: bob.uid }));
  const services = { env: bindings({ receipts, receiptList }) };
  const path = `GET /v1/conversations/${CID}/receipts/7`;
  expect((await as(alice, path, undefined, services)).json).toEqual({ delivered: 2, read: 1, members: 3 });
  const list = await as(alice, `${path}?list=unread&after=u_a&limit=1`, undefined, services);
  expect(list.json).toEqual({ users: [bob.uid], next: bob.uid });
  expect(receipts.mock.calls).toEqual([[alice.uid, 7]]);
  expect(receiptList.mock.calls).toEqual([[alice.uid, 7, "unread", "u_a" as Uid, 1]]);
});
