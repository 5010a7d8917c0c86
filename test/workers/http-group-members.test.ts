import { beforeAll, describe, expect, test } from "vitest";
import type { MemberView } from "../../src/durable-objects/group-rpc.ts";
import type { Cid } from "../../src/protocol/ids.ts";
import { codeOf, type Answer } from "../support/http.ts";
import {
  appoint,
  as,
  fieldsOf,
  group,
  groupOf,
  listed,
  messageOf,
  once,
  person,
  stateOf,
  usersOf,
  type Person,
} from "../support/groups.ts";

let [owner, admin, second, member, other, eve] = [] as unknown as [Person, Person, Person, Person, Person, Person];
beforeAll(async () => {
  [owner, admin, second] = [await person(), await person(), await person()];
  [member, other, eve] = [await person(), await person(), await person()];
});

/** A group with an owner, two admins and two members. */
async function team(more: object = {}): Promise<Cid> {
  const cid = await group(owner, [admin, second, member, other], more);
  await appoint(owner, cid, admin, "admin");
  await appoint(owner, cid, second, "admin");
  return cid;
}

const add = (who: Person, cid: Cid, users: unknown, headers: Record<string, string> = {}) =>
  as(who, `POST /v1/groups/${cid}/members`, { users }, { headers });
const remove = (who: Person, cid: Cid, target: string) => as(who, `DELETE /v1/groups/${cid}/members/${target}`);
const set = (who: Person, cid: Cid, target: string, json: unknown) =>
  as(who, `PATCH /v1/groups/${cid}/members/${target}`, json);
const join = (who: Person, cid: Cid, headers: Record<string, string> = {}) =>
  as(who, `POST /v1/groups/${cid}/join`, undefined, { headers });
const membersOf = ({ json }: Answer): string[] => (json["members"] as MemberView[]).map(({ user }) => user);
/** How many entries the log has. */
const headOf = async (who: Person, cid: Cid): Promise<unknown> =>
  (await as(who, `GET /v1/conversations/${cid}/messages`)).json["head"];

/** Runs a request that is to be refused, and checks that it changed nothing. */
async function unchanged(cid: Cid, request: () => Promise<Answer>): Promise<Answer> {
  const [before, head] = [await stateOf(owner, cid), await headOf(owner, cid)];
  const answer = await request();
  expect(await stateOf(owner, cid)).toEqual(before);
  expect(await headOf(owner, cid)).toBe(head);
  return answer;
}

describe("GET /v1/groups/:cid/members", () => {
  test("pages in the order of the ids", async () => {
    const cid = await team();
    const all = [owner, admin, second, member, other].map(({ uid }) => uid).toSorted();
    const whole = await as(member, `GET /v1/groups/${cid}/members`);
    expect(membersOf(whole)).toEqual(all);
    expect(whole.json).not.toHaveProperty("next");
    const found: string[] = [];
    let query = "?limit=2";
    for (let pages = 0; pages < 4; pages += 1) {
      const page = await as(member, `GET /v1/groups/${cid}/members${query}`);
      found.push(...membersOf(page));
      if (page.json["next"] === undefined) break;
      expect(membersOf(page)).toHaveLength(2);
      query = `?limit=2&after=${page.json["next"] as string}`;
    }
    expect(found).toEqual(all);
    const exact = await as(member, `GET /v1/groups/${cid}/members?limit=5`);
    expect(exact.json).not.toHaveProperty("next");
    expect(membersOf(await as(member, `GET /v1/groups/${cid}/members?after=${all[3]}`))).toEqual(all.slice(4));
    expect(membersOf(await as(member, `GET /v1/groups/${cid}/members?after=zzz`))).toEqual([]);
  });

  test.each(["?limit=0", "?limit=1001", "?limit=x", "?after=", "?after=a.b"])("refuses %s", async (query) => {
    const cid = await group(owner, [member]);
    expect(codeOf(await as(member, `GET /v1/groups/${cid}/members${query}`))).toBe("400 invalid_argument");
  });
});

describe("POST /v1/groups/:cid/members", () => {
  test("adds users, who are members at once", async () => {
    const cid = await group(owner, [member]);
    const answer = await add(owner, cid, [other.uid, eve.uid]);
    expect(answer.status).toBe(200);
    expect(groupOf(answer)).toMatchObject({ id: cid, members: 4, role: "owner" });
    for (const who of [other, eve]) {
      const { card, members } = await stateOf(who, cid);
      expect(card.role).toBe("member");
      expect(members).toHaveLength(4);
      await once(
        () => listed(who, "?limit=50"),
        (cids) => cids.includes(cid),
      );
    }
  });

  test.each<[string, () => string[], () => string[]]>([
    ["404 not_found", () => ["u_nobody"], () => ["u_nobody"]],
    ["404 not_found", () => [eve.uid, "u_nobody", "u_none"], () => ["u_nobody", "u_none"]],
    ["400 invalid_argument", () => [eve.uid, eve.uid], () => [eve.uid]],
    ["409 already_exists", () => [eve.uid, member.uid], () => [member.uid]],
    ["409 already_exists", () => [owner.uid], () => [owner.uid]],
  ])("is %s for %s, names them, and adds nobody", async (code, users, named) => {
    const cid = await team();
    const answer = await unchanged(cid, () => add(owner, cid, users()));
    expect(codeOf(answer)).toBe(code);
    for (const uid of named()) expect(messageOf(answer)).toContain(uid);
    if (code !== "409 already_exists") expect(usersOf(answer)).toEqual(named());
  });

  test.each<[string[], unknown]>([
    [["users"], {}],
    [["users"], { users: [] }],
    [["users"], { users: "u_1" }],
    [["users.0"], { users: ["a b"] }],
    [["users.1"], { users: ["a", null] }],
    [["users"], { users: Array.from({ length: 901 }, (_, i) => `u_${i}`) }],
  ])("names the fields that are wrong: %j", async (fields, json) => {
    const cid = await group(owner, [member]);
    const answer = await unchanged(cid, () => as(owner, `POST /v1/groups/${cid}/members`, json));
    expect(codeOf(answer)).toBe("400 invalid_argument");
    expect(fieldsOf(answer)).toEqual(fields);
  });

  test("as many as are allowed, with the longest ids, fit a request", async () => {
    const users = Array.from({ length: 900 }, (_, i) => `${i}`.padStart(64, "x"));
    const cid = await group(owner, [member]);
    expect(codeOf(await add(owner, cid, users))).toBe("404 not_found");
  });

  test("with an idempotency key: a repetition changes nothing and is answered as the first was", async () => {
    const key = { "idempotency-key": "add-once" };
    const [cid, another] = [await team(), await team()];
    const first = await add(owner, cid, [eve.uid], key);
    const again = await unchanged(cid, () => add(owner, cid, [eve.uid], key));
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(groupOf(again)).toEqual(groupOf(first));
    // The key is one's own, and this route's.
    expect((await add(owner, another, [eve.uid], key)).status).toBe(200);
    expect(codeOf(await add(admin, cid, [eve.uid], key))).toBe("409 already_exists");
  });

  test("[DUP2] the same idempotency key with other users is refused", async () => {
    const key = { "idempotency-key": "add-others" };
    const cid = await group(owner, [member]);
    await add(owner, cid, [eve.uid], key);
    expect(codeOf(await unchanged(cid, () => add(owner, cid, [other.uid], key)))).toBe("409 id_conflict");
  });
});

describe("DELETE /v1/groups/:cid/members/:uid", () => {
  test("removes a member, who is a stranger then", async () => {
    const cid = await team();
    const answer = await remove(owner, cid, member.uid);
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect(codeOf(await as(member, `GET /v1/groups/${cid}`))).toBe("403 not_member");
    const { card, members } = await stateOf(other, cid);
    expect(card.members).toBe(4);
    expect(members.map(({ user }) => user)).not.toContain(member.uid);
    expect(await listed(member, "?limit=50")).not.toContain(cid);
  });

  test.each(["admin", "member"] as const)("lets an %s leave", async (role) => {
    const cid = await team();
    const who = role === "admin" ? admin : member;
    expect((await remove(who, cid, who.uid)).status).toBe(204);
    expect(codeOf(await as(who, `GET /v1/groups/${cid}`))).toBe("403 not_member");
    expect(codeOf(await remove(who, cid, who.uid))).toBe("403 not_member");
  });

  test("does not let the owner leave, and says what to do instead", async () => {
    for (const cid of [await team(), await group(owner)]) {
      const answer = await unchanged(cid, () => remove(owner, cid, owner.uid));
      expect(codeOf(answer)).toBe("403 permission_denied");
      expect(messageOf(answer)).toMatch(/hand.*over|dismiss/i);
    }
  });

  test("lets an owner leave who has handed the group over", async () => {
    const cid = await team();
    expect((await set(owner, cid, member.uid, { role: "owner" })).status).toBe(200);
    expect((await remove(owner, cid, owner.uid)).status).toBe(204);
    expect((await stateOf(member, cid)).card).toMatchObject({ owner: member.uid, role: "owner", members: 4 });
  });

  test("of somebody who is no member is `not_found`", async () => {
    const cid = await team();
    for (const uid of [eve.uid, "u_nobody"]) {
      expect(codeOf(await unchanged(cid, () => remove(owner, cid, uid)))).toBe("404 not_found");
    }
    expect(codeOf(await remove(owner, cid, "a.b"))).toBe("400 invalid_argument");
  });
});

describe("PATCH /v1/groups/:cid/members/:uid", () => {
  test("gives a role, and takes it", async () => {
    const cid = await team();
    for (const role of ["admin", "member"] as const) {
      const answer = await set(owner, cid, member.uid, { role });
      expect(answer.status).toBe(200);
      expect(answer.json).toEqual({ member: { user: member.uid, role, muted_until: 0 } });
      expect((await stateOf(member, cid)).card.role).toBe(role);
    }
  });

  test("hands the group over: there is one owner", async () => {
    const cid = await team();
    const answer = await set(owner, cid, member.uid, { role: "owner" });
    expect(answer.json).toEqual({ member: { user: member.uid, role: "owner", muted_until: 0 } });
    const { card, members } = await stateOf(other, cid);
    expect(card.owner).toBe(member.uid);
    expect(members.filter(({ role }) => role === "owner").map(({ user }) => user)).toEqual([member.uid]);
    expect(codeOf(await as(owner, `DELETE /v1/groups/${cid}`))).toBe("403 permission_denied");
    expect((await as(member, `DELETE /v1/groups/${cid}`)).status).toBe(204);
  });

  test("mutes until a time, and no longer", async () => {
    const cid = await team();
    const until = Date.now() + 3_600_000;
    for (const muted_until of [until, 0]) {
      const answer = await set(admin, cid, member.uid, { muted_until });
      expect(answer.json).toEqual({ member: { user: member.uid, role: "member", muted_until } });
      const { members } = await stateOf(other, cid);
      expect(members.find(({ user }) => user === member.uid)?.muted_until).toBe(muted_until);
    }
  });

  test("leaves no group without an owner", async () => {
    const cid = await team();
    for (const role of ["admin", "member"]) {
      const answer = await unchanged(cid, () => set(owner, cid, owner.uid, { role }));
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
    }
  });

  test.each([
    {},
    { role: "king" },
    { role: null },
    { muted_until: -1 },
    { muted_until: 1.5 },
    { muted_until: 1e300 },
    { muted_until: "tomorrow" },
    { role: "admin", muted_until: "tomorrow" },
  ])("refuses %j", async (json) => {
    const cid = await group(owner, [member]);
    const answer = await unchanged(cid, () => set(owner, cid, member.uid, json));
    expect(codeOf(answer)).toBe("400 invalid_argument");
  });

  test("of somebody who is no member is `not_found`", async () => {
    const cid = await group(owner, [member]);
    for (const uid of [eve.uid, "u_nobody"]) {
      expect(codeOf(await unchanged(cid, () => set(owner, cid, uid, { role: "admin" })))).toBe("404 not_found");
    }
  });
});

describe("POST /v1/groups/:cid/join", () => {
  test("lets anybody into an open group, once", async () => {
    const cid = await group(owner, [], { join: "open" });
    const answer = await join(eve, cid);
    expect(answer.status).toBe(200);
    expect(groupOf(answer)).toMatchObject({ id: cid, members: 2, role: "member" });
    // Who is in is in: joining again is answered alike and changes nothing.
    const again = await unchanged(cid, () => join(eve, cid));
    expect([again.status, groupOf(again)]).toEqual([200, groupOf(answer)]);
  });

  test("with an idempotency key, a repetition joins once; a new wish after a removal joins again", async () => {
    const key = { "idempotency-key": "join-once" };
    const cid = await group(owner, [], { join: "open" });
    const answers = [await join(eve, cid, key), await join(eve, cid, key)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect((await stateOf(owner, cid)).card.members).toBe(2);
    await remove(owner, cid, eve.uid);
    expect((await join(eve, cid)).status).toBe(200);
  });

  test("[SEC1] a group by invitation is to strangers as one that does not exist", async () => {
    const cid = await group(owner, [member]);
    expect(codeOf(await unchanged(cid, () => join(eve, cid)))).toBe("403 not_member");
  });

  test("is closed when the group is", async () => {
    const cid = await group(owner, [], { join: "open" });
    await as(owner, `PATCH /v1/groups/${cid}`, { join: "invite" });
    expect(codeOf(await unchanged(cid, () => join(eve, cid)))).toBe("403 not_member");
  });
});

describe("who may do what", () => {
  type Act = (who: Person, cid: Cid) => Promise<Answer>;
  const change =
    (json: object): Act =>
    (who, cid) =>
      as(who, `PATCH /v1/groups/${cid}`, json);
  const until = 4_000_000_000_000;
  /** What is done, in which groups (settings), and who may. */
  const acts: [string, Act, readonly ("owner" | "admin" | "member")[], object?][] = [
    ["rename", change({ name: "N" }), ["owner", "admin"]],
    ["describe", change({ description: "D" }), ["owner", "admin"]],
    ["announce", change({ announcement: "A" }), ["owner", "admin"]],
    ["open", change({ join: "open" }), ["owner", "admin"]],
    ["show the history", change({ history: "all" }), ["owner", "admin"]],
    ["make it read-only", change({ read_only: true }), ["owner", "admin"]],
    ["mute all", change({ muted: true }), ["owner", "admin"]],
    ["add, by invitation", (who, cid) => add(who, cid, [eve.uid]), ["owner", "admin"]],
    ["add, open", (who, cid) => add(who, cid, [eve.uid]), ["owner", "admin", "member"], { join: "open" }],
    ["remove a member", (who, cid) => remove(who, cid, other.uid), ["owner", "admin"]],
    ["remove an admin", (who, cid) => remove(who, cid, second.uid), ["owner"]],
    ["remove the owner", (who, cid) => remove(who, cid, owner.uid), []],
    ["mute a member", (who, cid) => set(who, cid, other.uid, { muted_until: until }), ["owner", "admin"]],
    ["mute an admin", (who, cid) => set(who, cid, second.uid, { muted_until: until }), ["owner"]],
    ["promote a member", (who, cid) => set(who, cid, other.uid, { role: "admin" }), ["owner"]],
    ["demote an admin", (who, cid) => set(who, cid, second.uid, { role: "member" }), ["owner"]],
    ["hand over", (who, cid) => set(who, cid, other.uid, { role: "owner" }), ["owner"]],
    ["dismiss", (who, cid) => as(who, `DELETE /v1/groups/${cid}`), ["owner"]],
  ];
  const cases = acts.flatMap(([what, act, may, more]) =>
    (["owner", "admin", "member"] as const).map((role) => ({ role, what, act, allowed: may.includes(role), more })),
  );

  test.each(cases)("$role: $what: $allowed", async ({ role, act, allowed, more }) => {
    const cid = await team(more);
    const who = { owner, admin, member }[role];
    if (allowed) {
      expect([200, 204]).toContain((await act(who, cid)).status);
    } else {
      expect(codeOf(await unchanged(cid, () => act(who, cid)))).toBe("403 permission_denied");
    }
  });

  test("nobody raises, unmutes or crowns oneself", async () => {
    const cid = await team();
    await set(owner, cid, member.uid, { muted_until: until });
    const tries: [Person, object][] = [
      [member, { role: "admin" }],
      [member, { role: "owner" }],
      [member, { muted_until: 0 }],
      [admin, { role: "owner" }],
    ];
    for (const [who, json] of tries) {
      expect(codeOf(await unchanged(cid, () => set(who, cid, who.uid, json)))).toBe("403 permission_denied");
    }
  });

  test("a role that was taken is gone at once", async () => {
    const cid = await team();
    await set(owner, cid, admin.uid, { role: "member" });
    expect(codeOf(await unchanged(cid, () => as(admin, `PATCH /v1/groups/${cid}`, { name: "Mine" })))).toBe(
      "403 permission_denied",
    );
  });
});
