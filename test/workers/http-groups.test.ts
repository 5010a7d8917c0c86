import { beforeAll, describe, expect, test } from "vitest";
import { makeUlid, type Cid, type Uid } from "../../src/protocol/ids.ts";
import { codeOf, env } from "../support/http.ts";
import {
  as,
  appoint,
  fieldsOf,
  group,
  groupOf,
  listed,
  messageOf,
  NO_GROUP,
  once,
  person,
  stateOf,
  usersOf,
  type Person,
} from "../support/groups.ts";

let [alice, bob, carol, eve] = [] as unknown as [Person, Person, Person, Person];
beforeAll(async () => {
  [alice, bob, carol, eve] = [await person(), await person(), await person(), await person()];
});

const create = (who: Person, json: unknown, headers: Record<string, string> = {}) =>
  as(who, "POST /v1/groups", json, { headers });

describe("POST /v1/groups", () => {
  test("makes a group of its owner and the members named", async () => {
    const before = Date.now();
    const answer = await create(alice, { name: "  The  TARDIS 🦘 ", members: [bob.uid, carol.uid] });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      group: {
        id: expect.stringMatching(/^g\.[0-9a-z]{26}$/),
        name: "The  TARDIS 🦘",
        description: "",
        announcement: "",
        owner: alice.uid,
        created: expect.any(Number),
        members: 3,
        join: "invite",
        history: "join",
        read_only: false,
        muted: false,
        mode: "push",
        role: "owner",
      },
    });
    const card = groupOf(answer);
    expect(card.created).toBeGreaterThanOrEqual(before);
    expect(card.created).toBeLessThanOrEqual(Date.now());
    for (const who of [bob, carol]) {
      expect(await stateOf(who, card.id)).toEqual({
        card: { ...card, role: "member" },
        members: [alice, bob, carol]
          .map(({ uid }) => ({ user: uid, role: uid === alice.uid ? "owner" : "member", muted_until: 0 }))
          .toSorted((a, b) => (a.user < b.user ? -1 : 1)),
      });
    }
  });

  test("takes description, announcement and settings", async () => {
    const given = {
      name: "G",
      description: "What\nit is 🦘",
      announcement: "Be\r\nkind",
      join: "open",
      history: "all",
      read_only: true,
    };
    const answer = await create(alice, given);
    expect(groupOf(answer)).toMatchObject({ ...given, announcement: "Be\nkind" });
  });

  test("without a list makes a group of its owner alone", async () => {
    const cid = groupOf(await create(alice, { name: "Alone" })).id;
    const { card, members } = await stateOf(alice, cid);
    expect(card.members).toBe(1);
    expect(members).toEqual([{ user: alice.uid, role: "owner", muted_until: 0 }]);
  });

  test("the owner named once among the members is no member twice", async () => {
    const answer = await create(alice, { name: "Both", members: [alice.uid, bob.uid] });
    expect(groupOf(answer).members).toBe(2);
  });

  test("bounds are inclusive, and characters are counted, not code units", async () => {
    const given = { name: "🦘".repeat(128), description: "🦘".repeat(2048), announcement: "🦘".repeat(4096) };
    expect(groupOf(await create(alice, given))).toMatchObject(given);
  });

  test.each<[string[], unknown]>([
    [["name"], {}],
    [["name"], { name: "" }],
    [["name"], { name: "   " }],
    [["name"], { name: "x".repeat(129) }],
    [["name"], { name: "x".repeat(10_240) }],
    [["name"], { name: "two\nlines" }],
    [["name"], { name: "turned\u202Eround" }],
    [["name"], { name: "half\ud83d" }],
    [["name"], { name: 7 }],
    [["description"], { name: "G", description: "x".repeat(2049) }],
    [["description"], { name: "G", description: "bell\u0007" }],
    [["announcement"], { name: "G", announcement: "x".repeat(4097) }],
    [["announcement"], { name: "G", announcement: "half\udc00" }],
    [["announcement"], { name: "G", announcement: null }],
    [["join"], { name: "G", join: "closed" }],
    [["history"], { name: "G", history: "none" }],
    [["read_only"], { name: "G", read_only: "yes" }],
    [["members"], { name: "G", members: [] }],
    [["members"], { name: "G", members: "u_1" }],
    [["members"], { name: "G", members: null }],
    [["members.1"], { name: "G", members: ["u_1", "no user id"] }],
    [["members"], { name: "G", members: Array.from({ length: 901 }, (_, i) => `u_${i}`) }],
    [["body"], null],
    [["body"], []],
  ])("names the fields that are wrong: %j", async (fields, json) => {
    const answer = await create(eve, json);
    expect(codeOf(answer)).toBe("400 invalid_argument");
    expect(fieldsOf(answer)).toEqual(fields);
  });

  test("refuses lists of members that make no group, says why, and makes nothing", async () => {
    const maker = await person();
    const refusals: [string, string[] | undefined, string[]][] = [
      ["400 invalid_argument", undefined, [maker.uid]],
      ["400 invalid_argument", [bob.uid], [bob.uid, carol.uid, bob.uid]],
      ["400 invalid_argument", [maker.uid], [maker.uid, bob.uid, maker.uid]],
      ["404 not_found", ["u_nobody"], ["u_nobody"]],
      ["404 not_found", ["u_nobody", "u_none"], [bob.uid, "u_nobody", carol.uid, "u_none"]],
    ];
    for (const [code, users, members] of refusals) {
      const answer = await create(maker, { name: "Refused", members });
      expect(codeOf(answer)).toBe(code);
      expect(usersOf(answer)).toEqual(users);
      for (const uid of users ?? []) expect(messageOf(answer)).toContain(uid);
    }
    // The sentinel: whatever an earlier request had made would be listed before it.
    const cid = await group(maker, [bob]);
    expect(
      await once(
        () => listed(maker),
        ({ length }) => length > 0,
      ),
    ).toEqual([cid]);
  });

  test("refuses more members than are configured, the owner counted", async () => {
    const bindings = { ...env, CONFIG: JSON.stringify({ groups: { members: 3 } }) };
    const members = [bob.uid, carol.uid, eve.uid];
    const answer = await as(alice, "POST /v1/groups", { name: "Crowd", members }, { env: bindings });
    expect(codeOf(answer)).toBe("400 invalid_argument");
    expect(messageOf(answer)).toContain("3");
    const fits = { name: "Three", members: members.slice(1) };
    expect((await as(alice, "POST /v1/groups", fits, { env: bindings })).status).toBe(201);
  });
});

describe("POST /v1/groups with an idempotency key", () => {
  const key = { "idempotency-key": "make-once" };
  const body = () => ({ name: "Keyed", members: [bob.uid], description: "d" });

  test("the same key and request find the same group, as it is now", async () => {
    const first = await create(alice, body(), key);
    const cid = groupOf(first).id;
    await as(alice, `PATCH /v1/groups/${cid}`, { name: "Renamed" });
    const second = await create(alice, body(), key);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(groupOf(second)).toEqual({ ...groupOf(first), name: "Renamed" });
  });

  test("the same key with another request is refused", async () => {
    await create(alice, body(), key);
    const others = [{ name: "Other" }, { members: [carol.uid] }, { description: "e" }, { join: "open" }];
    for (const change of others) {
      expect(codeOf(await create(alice, { ...body(), ...change }, key))).toBe("409 id_conflict");
    }
  });

  test("the same request with another key, or of another user, is another group", async () => {
    const cids = [
      groupOf(await create(alice, body(), key)).id,
      groupOf(await create(alice, body(), { "idempotency-key": "make-another" })).id,
      groupOf(await create(carol, body(), key)).id,
    ];
    expect(new Set(cids).size).toBe(3);
  });

  test("repetitions at once make one group", async () => {
    const atOnce = { "idempotency-key": "at-once" };
    const answers = await Promise.all([1, 2, 3].map(() => create(alice, body(), atOnce)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map((answer) => groupOf(answer).id)).size).toBe(1);
  });

  test("a repetition finds the group also when a member's account is gone", async () => {
    const gone = await person();
    const json = { name: "Stays", members: [gone.uid] };
    const headers = { "idempotency-key": "then-gone" };
    const first = groupOf(await create(alice, json, headers));
    await env.DB.prepare("DELETE FROM users WHERE id = ?").bind(gone.uid).run();
    expect(groupOf(await create(alice, json, headers)).id).toBe(first.id);
  });

  test("a repetition does not bring back a group that was dismissed", async () => {
    const headers = { "idempotency-key": "then-dismissed" };
    const { id } = groupOf(await create(alice, body(), headers));
    await as(alice, `DELETE /v1/groups/${id}`);
    expect(codeOf(await create(alice, body(), headers))).toBe("403 not_member");
    expect(codeOf(await as(bob, `GET /v1/groups/${id}`))).toBe("403 not_member");
  });

  test.each(["", "x".repeat(256), "with blank"])("a key of a wrong shape is refused: %j", async (bad) => {
    expect(fieldsOf(await create(alice, body(), { "idempotency-key": bad }))).toEqual(["idempotency-key"]);
  });
});

describe("GET /v1/groups", () => {
  let mine: Person;
  let cids: Cid[];
  beforeAll(async () => {
    mine = await person();
    cids = [];
    for (const owner of [mine, bob, mine]) {
      cids.unshift(await group(owner, [owner === mine ? bob : mine]));
      await once(
        () => listed(mine),
        ({ length }) => length === cids.length,
      );
    }
  });

  test("shows one's own groups, newest change first, as one's cards, and nobody else's", async () => {
    expect(await listed(mine)).toEqual(cids);
    const answer = await as(mine, "GET /v1/groups");
    expect(answer.json).not.toHaveProperty("next");
    const roles = (answer.json["groups"] as { role: string }[]).map(({ role }) => role);
    expect(roles).toEqual(["owner", "member", "owner"]);
    expect(await listed(await person())).toEqual([]);
  });

  test("pages by cursor", async () => {
    const found: string[] = [];
    let query = "?limit=2";
    for (let pages = 0; pages < 4; pages += 1) {
      const { json } = await as(mine, `GET /v1/groups${query}`);
      found.push(...(json["groups"] as { id: string }[]).map(({ id }) => id));
      if (json["next"] === undefined) break;
      query = `?limit=2&cursor=${encodeURIComponent(json["next"] as string)}`;
    }
    expect(found).toEqual(cids);
  });

  test.each(["?limit=0", "?limit=51", "?limit=x", "?cursor=", "?cursor=made-up"])("refuses %s", async (query) => {
    expect(codeOf(await as(mine, `GET /v1/groups${query}`))).toBe("400 invalid_argument");
  });

  test("leaves out a group that was left", async () => {
    const who = await person();
    const [kept, left] = [await group(bob, [who]), await group(bob, [who])];
    await once(
      () => listed(who),
      ({ length }) => length === 2,
    );
    expect((await as(who, `DELETE /v1/groups/${left}/members/${who.uid}`)).status).toBe(204);
    expect(await listed(who)).toEqual([kept]);
  });
});

describe("PATCH /v1/groups/:cid", () => {
  const change = (who: Person, cid: Cid, json: unknown) => as(who, `PATCH /v1/groups/${cid}`, json);

  test("changes each setting, and only what is given", async () => {
    const cid = await group(alice, [bob]);
    const { card } = await stateOf(alice, cid);
    const changes = [
      { name: "New name" },
      { description: "New\ndescription" },
      { announcement: "News" },
      { join: "open" },
      { history: "all" },
      { read_only: true },
      { muted: true },
      { muted: false, read_only: false },
      { description: "", announcement: "" },
    ] as const;
    for (const json of changes) {
      const answer = await change(alice, cid, json);
      expect(answer.status).toBe(200);
      Object.assign(card, json);
      expect(groupOf(answer)).toEqual(card);
      expect(groupOf(await as(bob, `GET /v1/groups/${cid}`))).toEqual({ ...card, role: "member" });
    }
  });

  test.each([
    {},
    { unknown: 1 },
    { name: "" },
    { name: "x".repeat(10_240) },
    { name: "a\u0000b" },
    { name: null },
    { description: "x".repeat(2049) },
    { announcement: "x".repeat(4097) },
    { join: "all" },
    { history: "some" },
    { read_only: 1 },
    { muted: "no" },
    { name: "Good", muted: "no" },
  ])("refuses %j, and nothing changes", async (json) => {
    const cid = await group(alice, [bob]);
    const before = await stateOf(alice, cid);
    expect(codeOf(await change(alice, cid, json))).toBe("400 invalid_argument");
    expect(await stateOf(alice, cid)).toEqual(before);
  });
});

describe("DELETE /v1/groups/:cid", () => {
  test("ends the group for everybody", async () => {
    const cid = await group(alice, [bob, carol]);
    await appoint(alice, cid, bob, "admin");
    const answer = await as(alice, `DELETE /v1/groups/${cid}`);
    expect([answer.status, answer.text]).toEqual([204, ""]);
    for (const who of [alice, bob, carol]) {
      expect(codeOf(await as(who, `GET /v1/groups/${cid}`))).toBe("403 not_member");
      expect(codeOf(await as(who, `GET /v1/groups/${cid}/members`))).toBe("403 not_member");
      expect(await listed(who, "?limit=50")).not.toContain(cid);
    }
    expect(codeOf(await as(alice, `POST /v1/groups/${cid}/join`))).toBe("403 not_member");
  });
});

describe("an id that names no group", () => {
  test.each(["x", "g.short", "G.00000000000000000000000000", "d.a.b", "s.u_1", "%ff"])("%s is refused", async (id) => {
    const lines: [string, unknown?][] = [
      [`GET /v1/groups/${id}`],
      [`PATCH /v1/groups/${id}`, { name: "x" }],
      [`DELETE /v1/groups/${id}`],
      [`GET /v1/groups/${id}/members`],
      [`POST /v1/groups/${id}/members`, { users: [bob.uid] }],
      [`PATCH /v1/groups/${id}/members/${bob.uid}`, { role: "admin" }],
      [`DELETE /v1/groups/${id}/members/${bob.uid}`],
      [`POST /v1/groups/${id}/join`],
    ];
    for (const [line, json] of lines) expect(codeOf(await as(alice, line, json)), line).toBe("400 invalid_argument");
  });

  test("[SEC1] of a group is of one that one is not a member of", async () => {
    for (const id of [NO_GROUP, `g.${makeUlid(Date.now(), new Uint8Array(16))}`]) {
      expect(codeOf(await as(alice, `GET /v1/groups/${id}`))).toBe("403 not_member");
    }
    expect(codeOf(await as(alice, `DELETE /v1/groups/${NO_GROUP}/members/${"u_nobody" as Uid}`))).toBe(
      "403 not_member",
    );
  });
});
