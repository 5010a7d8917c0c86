/** What strangers, and who was a member, can find out of a group by HTTP: nothing. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import { codeOf } from "../support/http.ts";
import { as, group, listed, NO_GROUP, person, shown, stateOf, type Person } from "../support/groups.ts";
import { conversationStub, rows } from "../support/workers.ts";

let [owner, member, removed, left, eve] = [] as unknown as [Person, Person, Person, Person, Person];
let cid: Cid;
let dismissed: Cid;

beforeAll(async () => {
  [owner, member, removed] = [await person(), await person(), await person()];
  [left, eve] = [await person(), await person()];
  const settings = { description: "Secret", history: "all" };
  cid = await group(owner, [member, removed, left], settings);
  await as(owner, `DELETE /v1/groups/${cid}/members/${removed.uid}`);
  await as(left, `DELETE /v1/groups/${cid}/members/${left.uid}`);
  dismissed = await group(owner, [member, removed, left], settings);
  await as(owner, `DELETE /v1/groups/${dismissed}`);
});

/** Every request that names a group. */
const requests = (id: Cid, self: Uid): [string, unknown?][] => [
  [`GET /v1/groups/${id}`],
  [`PATCH /v1/groups/${id}`, { name: "Mine" }],
  [`DELETE /v1/groups/${id}`],
  [`GET /v1/groups/${id}/members`],
  [`GET /v1/groups/${id}/members?after=a&limit=1`],
  [`POST /v1/groups/${id}/members`, { users: [self] }],
  [`POST /v1/groups/${id}/members`, { users: [member.uid] }],
  [`DELETE /v1/groups/${id}/members/${self}`],
  [`DELETE /v1/groups/${id}/members/${member.uid}`],
  [`DELETE /v1/groups/${id}/members/u_nobody`],
  [`PATCH /v1/groups/${id}/members/${self}`, { role: "owner" }],
  [`PATCH /v1/groups/${id}/members/${member.uid}`, { muted_until: 1 }],
  [`POST /v1/groups/${id}/join`],
  [`GET /v1/conversations/${id}/messages`],
  [`GET /v1/conversations/${id}/receipts/1`],
  [`GET /v1/conversations/${id}/receipts/999`],
  [`GET /v1/conversations/${id}/receipts/1?list=read`],
  [`GET /v1/conversations/${id}/receipts/1?list=unread`],
  [`GET /v1/search?q=group&cid=${id}`],
];

describe("a group", () => {
  test.each([
    ["a stranger", () => eve],
    ["a member who was removed", () => removed],
    ["a member who left", () => left],
  ])("[SEC1] answers %s as one that does not exist or was dismissed", async (_who, whom) => {
    const who = whom();
    const before = await stateOf(owner, cid);
    for (const id of [cid, dismissed, NO_GROUP]) {
      const answers = await Promise.all(requests(id, who.uid).map(async ([line, json]) => as(who, line, json)));
      for (const answer of answers) expect(codeOf(answer)).toBe("403 not_member");
      expect(new Set(answers.map((answer) => shown(answer))).size).toBe(1);
    }
    expect(await stateOf(owner, cid)).toEqual(before);
    expect(await listed(who)).toEqual([]);
  });

  test("[SEC1] that does not exist is not made by asking for it", async () => {
    await Promise.all(requests(NO_GROUP, eve.uid).map(async ([line, json]) => as(eve, line, json)));
    const tables = "SELECT name FROM sqlite_master WHERE name = 'member'";
    const [table] = await rows(conversationStub(NO_GROUP), tables);
    const members = table === undefined ? [] : await rows(conversationStub(NO_GROUP), "SELECT uid FROM member");
    expect(members).toEqual([]);
  });

  test("[SEC1] names users who do not exist, whether the group does or not", async () => {
    const answers = await Promise.all(
      [cid, dismissed, NO_GROUP].map((id) => as(eve, `POST /v1/groups/${id}/members`, { users: ["u_nobody"] })),
    );
    for (const answer of answers) expect(codeOf(answer)).toBe("404 not_found");
    expect(new Set(answers.map((answer) => shown(answer))).size).toBe(1);
  });
});
