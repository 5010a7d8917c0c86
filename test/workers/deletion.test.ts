/** What becomes of an account that is deleted, and of what it had a part in. */
import { describe, expect, test } from "vitest";
import { directCid } from "../../src/protocol/ids.ts";
import { services } from "../../src/workers/env.ts";
import { asked, friends, removed, shownTo, strangers } from "../support/contacts.ts";
import { crowd } from "../support/crowd.ts";
import { leave, partOf, settle } from "../support/deletion.ts";
import { appoint, as, group, listed, once, person, stateOf, usersOf, type Person } from "../support/groups.ts";
import { account, call, codeOf, env, PASSWORD } from "../support/http.ts";
import { connect, dial, rows, userStub } from "../support/workers.ts";

/** An isolate that remembers nothing: others may show a profile for some seconds after it has changed. */
const elsewhere = () => ({ env: { ...env } });
const cardOf = (who: Person, whom: Person) => as(who, `GET /v1/users/${whom.uid}`, undefined, elsewhere());

describe("a deleted account", () => {
  test("is a card without a name, found by nobody, whose username nobody gets", async () => {
    const { user, token } = await account("ghost.rider", { name: "Johnny Blaze" });
    const johnny = { uid: user.id as Person["uid"], token };
    const bob = await person();
    await leave(johnny);
    const shown = { id: johnny.uid, username: null, name: "", avatar: null, deleted: true };
    expect((await cardOf(bob, johnny)).json).toEqual(shown);
    for (const query of ["username=ghost.rider", "q=ghost", "q=johnny"]) {
      expect((await as(bob, `GET /v1/users?${query}`, undefined, elsewhere())).json, query).toEqual({ users: [] });
    }
    const again = { username: "Ghost.Rider", password: PASSWORD };
    expect(codeOf(await call("POST /v1/auth/register", { json: again }))).toBe("409 already_exists");
    expect(codeOf(await call("POST /v1/auth/login", { json: again }))).toBe("401 unauthenticated");
    const row = await env.DB.prepare("SELECT * FROM users WHERE id = ?").bind(johnny.uid).first();
    expect(row).toMatchObject({ username: "ghost.rider", name: "", name_key: "", avatar: null, password: null });
  });

  test("has no login, in whichever isolate, and its connections close with 4401", async () => {
    const { user, token, refresh_token } = await account();
    const uid = user.id as Person["uid"];
    const other = await call("POST /v1/auth/login", { json: { username: user.username, password: PASSWORD } });
    const device = await connect(uid, { token });
    const second = await connect(uid, { token: other.json["token"] as string, device: "tablet" });
    await leave({ uid, token });
    expect([await device.end(), await second.end()]).toEqual([4401, 4401]);
    for (const one of [env, { ...env }]) {
      expect(codeOf(await call("GET /v1/me", { token, env: one }))).toBe("401 unauthenticated");
      expect(codeOf(await call("POST /v1/auth/refresh", { json: { refresh_token }, env: one }))).toBe(
        "401 unauthenticated",
      );
    }
    expect(await env.DB.prepare("SELECT COUNT(*) AS n FROM logins WHERE uid = ?").bind(uid).first("n")).toBe(0);
  });

  test("can be asked for again by its own token, and by no other that has ended", async () => {
    const anna = await person();
    const { user, token: ended } = await account();
    await call("POST /v1/auth/logout", { token: ended });
    expect(codeOf(await call("DELETE /v1/me", { token: ended }))).toBe("401 unauthenticated");
    expect((await services(env).users.find(user.id as Person["uid"]))?.deleted).toBe(0);
    expect((await as(anna, "DELETE /v1/me")).status).toBe(202);
    expect((await as(anna, "DELETE /v1/me")).status).toBe(202);
    await leave(anna);
    expect((await call("DELETE /v1/me", { token: anna.token, env: { ...env } })).status).toBe(202);
  });

  test("lets nobody in whose token the isolate still believes", async () => {
    const { uid, token } = await person();
    const believing = { ...env };
    await call("GET /v1/me", { token, env: believing });
    await leave({ uid, token });
    const change = await call("PATCH /v1/me", { token, env: believing, json: { name: "Lazarus" } });
    expect(codeOf(change)).toBe("404 not_found");
    expect((await services({ ...env }).users.find(uid))?.name).toBe("");
    const device = await dial();
    device.write({ t: "hello", v: 1, token, device: { id: "phone" } });
    expect(await device.end()).toBe(4401);
  });

  test("is offline to who watches, and stays so", async () => {
    const { alice, bob } = await strangers();
    const a = await connect(alice.uid);
    const b = await connect(bob.uid);
    b.write({ t: "watch", users: [alice.uid] });
    expect(await b.next("presence")).toMatchObject({ user: alice.uid, state: "online" });
    await leave(alice);
    expect(await a.end()).toBe(4401);
    expect(await b.next("presence")).toMatchObject({ user: alice.uid, state: "offline" });
    b.write({ t: "watch", users: [alice.uid] });
    expect(await b.next("presence")).toMatchObject({ user: alice.uid, state: "offline" });
  });
});

describe("[CON1] with a deleted account end", () => {
  test("contacts and requests, for both", async () => {
    const { alice, bob } = await friends();
    const [carol, dave] = [await person(), await person()];
    await asked(alice, carol);
    await asked(dave, alice, "hi");
    await leave(alice);
    for (const other of [bob, carol, dave]) {
      await once(
        () => env.DB.prepare("SELECT state FROM contacts WHERE uid = ? OR peer = ?").bind(other.uid, other.uid).all(),
        ({ results }) => results.length === 2 && results.every(({ state }) => state === "none"),
      );
      expect(await shownTo(other)).toEqual([]);
      expect(codeOf(await asked(other, alice, undefined, elsewhere()))).toBe("404 not_found");
    }
  });

  test("what a chat says of contacts that an isolate still believes in", async () => {
    const { alice, bob, cid } = await strangers();
    const a = await connect(alice.uid);
    await a.sent(cid, "hello");
    await leave(alice);
    const { conversation } = services(env);
    expect(await conversation(cid).contact(bob.uid, "op-of-bob", { do: "request", message: "" })).toMatchObject({
      error: { code: "not_found" },
    });
    expect(codeOf(await removed(bob, alice))).toBe("404 not_found");
  });
});

describe("a group of a deleted account", () => {
  test("is left by a member, as by oneself", async () => {
    const [owner, alice, bob] = [await person(), await person(), await person()];
    const cid = await group(owner, [alice, bob]);
    const b = await connect(bob.uid);
    await leave(alice);
    const { body } = await b.next("message", ({ kind }) => kind === "system");
    expect(body).toEqual({ event: "member_removed", users: [alice.uid] });
    expect((await stateOf(owner, cid)).members.map(({ user }) => user)).not.toContain(alice.uid);
    const more = await as(owner, `POST /v1/groups/${cid}/members`, { users: [alice.uid] }, elsewhere());
    expect([codeOf(more), usersOf(more)]).toEqual(["404 not_found", [alice.uid]]);
  });

  test("goes to the admin who was there first, before any member", async () => {
    const [alice, first, second, late] = [await person(), await person(), await person(), await person()];
    const cid = await group(alice, [first, second]);
    await as(alice, `POST /v1/groups/${cid}/members`, { users: [late.uid] });
    await appoint(alice, cid, late, "admin");
    await appoint(alice, cid, second, "admin");
    await leave(alice);
    const { card: after, members } = await stateOf(first, cid);
    expect([after.owner, members.length]).toEqual([second.uid, 3]);
    const page = await as(first, `GET /v1/conversations/${cid}/messages`);
    const events = (page.json["messages"] as { body: unknown }[]).slice(-2).map(({ body }) => body);
    expect(events).toEqual([
      { event: "owner_changed", user: second.uid },
      { event: "member_removed", users: [alice.uid] },
    ]);
  });

  test("goes to the oldest member where there is no admin, and ends where there is nobody", async () => {
    const [alice, bob, carol] = [await person(), await person(), await person()];
    const shared = await group(alice, []);
    for (const { uid } of [carol, bob]) await as(alice, `POST /v1/groups/${shared}/members`, { users: [uid] });
    const own = await group(alice, [], { join: "open" });
    await leave(alice);
    expect((await stateOf(bob, shared)).card.owner).toBe(carol.uid);
    expect(codeOf(await as(bob, `POST /v1/groups/${own}/join`))).toBe("403 not_member");
  });

  test("is left also where it is large", async () => {
    const alice = await person();
    const cid = await crowd([alice.uid], 50);
    await once(
      () => listed(alice),
      (cids) => cids.includes(cid),
    );
    await leave(alice);
    const owner = await rows(userStub(alice.uid), "SELECT membership ->> '$.left' AS left FROM head");
    expect(owner).toHaveLength(1);
    await settle(alice.uid);
    expect(await services(env).conversation(cid).card(alice.uid)).toMatchObject({ error: { code: "not_member" } });
  });
});

describe("a chat with a deleted account", () => {
  test("is read on by the other, who takes back, but writes no more", async () => {
    const { alice, bob, cid } = await strangers();
    const [a, b] = [await connect(alice.uid), await connect(bob.uid)];
    await a.sent(cid, "hello");
    await b.reached(cid, 1);
    await b.sent(cid, "hello you");
    await a.reached(cid, 2);
    await leave(alice);
    for (const [i, to] of ([cid, `@${alice.uid}`] as const).entries()) {
      b.write({ t: "send", id: `late-message-${i}`, to, body: { text: "are you there?" } });
      expect(await b.next("error")).toMatchObject({ code: "not_found" });
    }
    b.write({ t: "amend", id: "edit-after-the-end", cid, target: 2, op: "edit", body: { text: "x" } });
    expect(await b.next("error")).toMatchObject({ code: "not_found", ref: "edit-after-the-end" });
    b.write({ t: "amend", id: "recall-after-the-end", cid, target: 2, op: "recall" });
    expect(await b.next("sent")).toMatchObject({ seq: 3 });
    expect((await b.history(cid)).map(({ body }) => body)).toEqual([{ text: "hello" }, undefined, undefined]);
    await settle(alice.uid);
    const fresh = await connect(bob.uid, { device: "tablet" });
    expect(await fresh.history(cid)).toHaveLength(3);
  });

  test("that had no chat before begins none", async () => {
    const { alice, bob } = await strangers();
    const b = await connect(bob.uid);
    await leave(alice);
    b.write({ t: "send", id: "first-message-ever", to: `@${alice.uid}`, body: { text: "hi" } });
    expect(await b.next("error")).toMatchObject({ code: "not_found", ref: "first-message-ever" });
    expect((await as(bob, "GET /v1/conversations")).json).toEqual({ heads: [] });
  });

  test("ends also where one of the two blocked the other; a block can be taken off the list", async () => {
    const { alice, bob, cid } = await strangers();
    const carol = await person();
    for (const { uid } of [bob, carol]) await as(alice, `PUT /v1/blocks/${uid}`);
    await as(bob, `PUT /v1/blocks/${alice.uid}`);
    await leave(alice);
    for (const [who, chat] of [
      [bob, cid],
      [carol, directCid(alice.uid, carol.uid)],
    ] as const) {
      const device = await connect(who.uid);
      device.write({ t: "send", id: "message-to-nobody", to: chat, body: { text: "hi" } });
      expect(await device.next("error")).toMatchObject({ code: "not_found" });
    }
    expect((await as(bob, `DELETE /v1/blocks/${alice.uid}`)).status).toBe(204);
    expect((await as(bob, "GET /v1/blocks")).json).toEqual({ blocks: [] });
    expect(codeOf(await as(bob, `PUT /v1/blocks/${alice.uid}`, undefined, elsewhere()))).toBe("404 not_found");
  });
});

describe("of a deleted account", () => {
  test("nothing is left in its object; what comes late is taken and written nowhere", async () => {
    const { alice, bob, cid } = await strangers();
    const [a, b] = [await connect(alice.uid), await connect(bob.uid)];
    await a.sent(cid, "one");
    await b.reached(cid, 1);
    await b.sent(cid, "two");
    await leave(alice);
    await settle(alice.uid);
    const left = async (): Promise<unknown[]> => {
      const tables = ["head", "device", "block", "watcher", "qos2", "ended_login", "setting"];
      return Promise.all(
        tables.map(async (table) => (await rows(userStub(alice.uid), `SELECT * FROM ${table}`)).length),
      );
    };
    expect(await left()).toEqual([0, 0, 0, 0, 0, 0, 1]);
    b.write({ t: "amend", id: "recall-after-the-end", cid, target: 2, op: "recall" });
    await b.next("sent");
    const stub = services(env).user(alice.uid);
    const entry = {
      seq: 9,
      id: "late",
      from: bob.uid,
      ts: 1,
      kind: "text",
      body: "{}",
      priority: 1,
      count: 9,
    } as const;
    for (const settled of [true, false]) {
      expect(await stub.push({ cid, entries: [entry], settle: settled, skip: true })).toMatchObject({ taken: 9 });
    }
    expect(await stub.receipt(cid, bob.uid, 2, 2)).toBe(true);
    expect(await stub.signal({ t: "typing", cid, user: bob.uid, on: true })).toBe(false);
    expect(await stub.watch(bob.uid, true)).toEqual({ online: false, lastSeen: 0 });
    await stub.setBlock(bob.uid, true);
    await stub.endSessions("0".repeat(26));
    expect(await stub.conversations(undefined, 10)).toEqual({ heads: [] });
    expect(await left()).toEqual([0, 0, 0, 0, 0, 0, 1]);
    expect(await partOf(alice.uid)).toBe("2 done");
  });

  test("what began while other isolates still believed in it ends with the second round", async () => {
    const [alice, bob] = [await person(), await person()];
    await leave(alice);
    // An isolate that knows her still lets bob add her, and her make a group.
    const added = await crowd([bob.uid, alice.uid]);
    const made = await crowd([alice.uid, bob.uid]);
    await settle(alice.uid);
    expect((await stateOf(bob, added)).members.map(({ user }) => user)).toEqual([bob.uid]);
    expect((await stateOf(bob, made)).card).toMatchObject({ owner: bob.uid, members: 1 });
  });
});
