/** GET /v1/groups?q=: groups that anybody may join, by how their names begin. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Cid } from "../../src/protocol/ids.ts";
import { services } from "../../src/workers/env.ts";
import { account, call, codeOf, env, type Answer } from "../support/http.ts";
import { as, group, listed, once, person, type Person } from "../support/groups.ts";

const { directory } = services(env).store;

/** A new group of this name, once the directory knows it. */
async function made(owner: Person, name: string, more: object = { join: "open" }): Promise<Cid> {
  const id = await group(owner, [], { name, ...more });
  await once(
    () => directory.find(id),
    (row) => row !== undefined,
  );
  return id;
}

const find = (who: Person, q: string, more = ""): Promise<Answer> =>
  as(who, `GET /v1/groups?q=${encodeURIComponent(q)}${more}`);
const namesOf = ({ json, text }: Answer): string[] => {
  if (json["groups"] === undefined) throw new Error(text);
  return (json["groups"] as { name: string }[]).map(({ name }) => name);
};

let owner: Person;
let stranger: Person;
beforeAll(async () => {
  [owner, stranger] = [await person(), await person()];
});

describe("the directory", () => {
  test("shows open groups to everybody, as cards that say what a stranger may know", async () => {
    const member = await person();
    const id = await made(owner, "Chess Club", { join: "open", members: [member.uid], description: "for members" });
    await made(owner, "Chess Masters", { join: "invite" });
    for (const who of [owner, member, stranger]) {
      const { json } = await find(who, "chess");
      expect(json).toEqual({ groups: [{ id, name: "Chess Club", members: 2, owner: owner.uid, open: true }] });
    }
    expect(namesOf(await find(stranger, "club"))).toEqual([]);
    expect(await listed(stranger)).toEqual([]);
    expect(await listed(owner)).toHaveLength(2);
  });

  test("follows what becomes of a group", async () => {
    const id = await made(owner, "Gobang");
    const expectFound = (q: string, names: string[]) =>
      once(
        async () => namesOf(await find(stranger, q)),
        (found) => JSON.stringify(found) === JSON.stringify(names),
      );
    await expectFound("goban", ["Gobang"]);
    await as(owner, `PATCH /v1/groups/${id}`, { name: "Renju" });
    await expectFound("renju", ["Renju"]);
    await expectFound("goban", []);
    await as(owner, `PATCH /v1/groups/${id}`, { join: "invite" });
    await expectFound("renju", []);
    await as(owner, `PATCH /v1/groups/${id}`, { join: "open" });
    await expectFound("renju", ["Renju"]);
    await as(owner, `DELETE /v1/groups/${id}`);
    await expectFound("renju", []);
  });

  test("goes on by cursor, also behind the longest names", async () => {
    const names = ["\ufdfa".repeat(128), `${"\ufdfa".repeat(127)}b`, `${"\ufdfa".repeat(127)}c`];
    for (const name of names) await made(owner, name);
    const found: string[] = [];
    let more = "&limit=1";
    for (let pages = 0; pages < 5; pages += 1) {
      const answer = await find(stranger, "\ufdfa", more);
      found.push(...namesOf(answer));
      const { next } = answer.json;
      if (next === undefined) break;
      more = `&limit=1&cursor=${next as string}`;
    }
    expect(found.toSorted()).toEqual(names.toSorted());
  });

  test.each(["%", "_", "\\", "'", `" OR 1=1 --`])("%s stands for itself", async (sign) => {
    await made(owner, `${sign} sign`);
    for (const name of namesOf(await find(stranger, sign))) expect(name.startsWith(sign)).toBe(true);
    expect(namesOf(await find(stranger, sign))).toContain(`${sign} sign`);
  });

  test.each([
    "?q=",
    `?q=${"x".repeat(129)}`,
    "?q=a&q=b",
    "?q=a&limit=0",
    "?q=a&limit=51",
    "?q=a&cursor=",
    "?q=a&cursor=1",
    `?q=a&cursor=${Buffer.from('{"name":"a","id":"x"}').toString("base64url")}`,
    `?q=a&cursor=${Buffer.from('{"by":"username","username":"a"}').toString("base64url")}`,
    "?cursor=eyJuYW1lIjoiYSJ9",
  ])("refuses %s", async (query) => {
    expect(codeOf(await as(stranger, `GET /v1/groups${query}`))).toBe("400 invalid_argument");
  });
});

test("a search for users goes on behind the longest names, too", async () => {
  const [a, b] = [await account(), await account()];
  for (const { token } of [a, b]) await call("PATCH /v1/me", { token, json: { name: "\ufdfa".repeat(64) } });
  const q = encodeURIComponent("\ufdfa");
  const first = await call(`GET /v1/users?q=${q}&limit=1`, { token: a.token });
  const second = await call(`GET /v1/users?q=${q}&limit=1&cursor=${first.json["next"] as string}`, { token: a.token });
  const ids = [first, second].flatMap(({ json }) => (json["users"] as { id: string }[]).map(({ id }) => id));
  expect(ids.toSorted()).toEqual([a.user.id, b.user.id].toSorted());
});
