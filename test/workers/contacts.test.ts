/** Contacts, from the request of one to the device of the other. */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { systemCid } from "../../src/protocol/ids.ts";
import { answered, asked, friends, removed, shownTo, strangers, toldTo } from "../support/contacts.ts";
import { advance } from "../support/faults.ts";
import { as, group, once, person } from "../support/groups.ts";
import { codeOf } from "../support/http.ts";
import { connect, conversationStub, rows } from "../support/workers.ts";

const TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'";

describe("[CON1] a request", () => {
  test("is shown to both, told to who is asked, and accepted: both have a contact", async () => {
    const { alice, bob, cid } = await strangers();
    const [a, b] = [await connect(alice.uid), await connect(bob.uid)];
    const request = await asked(alice, bob, "  It's me 🦘 ");
    expect(request.status).toBe(202);
    expect(request.json).toEqual({
      contact: {
        user: expect.objectContaining({ id: bob.uid, avatar: null }) as unknown,
        state: "requested",
        message: "It's me 🦘",
        since: expect.any(Number) as number,
      },
    });
    // Who was answered sees it at once, who was told likewise.
    expect(await shownTo(alice)).toEqual([`${bob.uid} requested`]);
    const entry = await b.next("message");
    expect(entry).toMatchObject({ cid: systemCid(bob.uid), seq: 1, from: alice.uid, kind: "system", priority: 2 });
    expect(entry.body).toEqual({ event: "contact_request", user: alice.uid, message: "It's me 🦘" });
    expect(await shownTo(bob)).toEqual([`${alice.uid} incoming`]);
    expect(await shownTo(bob, "?state=incoming")).toHaveLength(1);
    expect(await shownTo(bob, "?state=contact")).toEqual([]);
    const accepted = await answered(bob, "accept", alice);
    expect([accepted.status, accepted.json]).toMatchObject([200, { contact: { state: "contact" } }]);
    expect(accepted.json["contact"]).not.toHaveProperty("message");
    expect(await shownTo(bob)).toEqual([`${alice.uid} contact`]);
    expect((await a.next("message")).body).toEqual({ event: "contact_accepted", user: bob.uid });
    expect(await shownTo(alice)).toEqual([`${bob.uid} contact`]);
    // It makes no chat begin to exist.
    expect((await a.sync()).map(({ cid: one }) => one)).toEqual([systemCid(alice.uid)]);
    const chat = await rows(conversationStub(cid), `${TABLES} AND name IN ('log', 'member', 'contact')`);
    expect(chat).toEqual([{ name: "contact" }]);
    expect((await a.sent(cid, "at last")).seq).toBe(1);
  });

  test("[UNR1] counts as unread in the system conversation until it is read; acks there are nobody's business", async () => {
    const { alice, bob } = await strangers();
    const carol = await person();
    await asked(alice, bob, "one");
    await asked(carol, bob, "two");
    const cid = systemCid(bob.uid);
    const b = await connect(bob.uid);
    const last = { body: { event: "contact_request", user: carol.uid, message: "two" } };
    expect(await b.head(cid, 2)).toMatchObject({ type: "system", head: 2, read: 0, unread: 2, mode: "push", last });
    b.write({ t: "ack", cid, seq: 2 }, { t: "read", cid, seq: 1 });
    expect(await b.head(cid)).toMatchObject({ read: 1, unread: 1 });
    const pinned = await as(bob, `PATCH /v1/conversations/${cid}`, { pinned: true, muted: true });
    expect(pinned.json).toMatchObject({ cid, pinned: true, muted: true, unread: 1 });
    const page = await as(bob, `GET /v1/conversations/${cid}/messages`);
    expect(page.json).toMatchObject({ head: 2, messages: [{ seq: 1 }, { seq: 2 }] });
    const receipts = await as(bob, `GET /v1/conversations/${cid}/receipts/1`);
    expect(receipts.json).toEqual({ delivered: 0, read: 0, members: 0 });
    await evictDurableObject(conversationStub(cid));
    expect(await toldTo(bob, b)).toHaveLength(2);
    b.write({ t: "read", cid, seq: 2 });
    expect(await b.head(cid)).toMatchObject({ read: 2, unread: 0 });
    expect(b.all("error")).toEqual([]);
  });

  test("that is rejected ends in silence, and is not made again so soon", async () => {
    const { alice, bob } = await strangers();
    const a = await connect(alice.uid);
    await asked(alice, bob);
    expect((await answered(bob, "reject", alice)).status).toBe(204);
    expect(await shownTo(bob)).toEqual([]);
    await once(
      () => shownTo(alice),
      (shown) => shown.length === 0,
    );
    const again = await asked(alice, bob);
    expect(codeOf(again)).toBe("429 rate_limited");
    expect(Number(again.headers.get("retry-after"))).toBeGreaterThan(3500);
    expect(codeOf(await answered(bob, "accept", alice))).toBe("404 not_found");
    expect(codeOf(await answered(bob, "reject", alice))).toBe("404 not_found");
    advance(3_600_000);
    expect((await asked(alice, bob)).status).toBe(202);
    expect(await toldTo(alice, a)).toEqual([]);
  });

  test("can be taken back", async () => {
    const { alice, bob } = await strangers();
    const b = await connect(bob.uid);
    await asked(alice, bob, "oh");
    await b.next("message");
    for (let n = 0; n < 2; n += 1) expect((await removed(alice, bob)).status).toBe(204);
    expect(await shownTo(alice)).toEqual([]);
    await once(
      () => shownTo(bob),
      (shown) => shown.length === 0,
    );
    expect(codeOf(await answered(bob, "accept", alice))).toBe("404 not_found");
    expect(await toldTo(bob, b)).toHaveLength(1);
  });

  test("of both to each other is an agreement, also when they ask at once", async () => {
    const { alice, bob } = await strangers();
    const answers = await Promise.all([asked(alice, bob), asked(bob, alice)]);
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    const states = answers.map(({ json }) => (json["contact"] as { state: string }).state);
    expect(states.toSorted()).toEqual(["contact", "requested"]);
    await once(
      async () => [await shownTo(alice), await shownTo(bob)],
      (shown) => JSON.stringify(shown) === JSON.stringify([[`${bob.uid} contact`], [`${alice.uid} contact`]]),
    );
  });

  test("made again, without a key, changes nothing; nor does one to a contact", async () => {
    const { alice, bob } = await strangers();
    const b = await connect(bob.uid);
    const first = await asked(alice, bob, "one");
    expect((await asked(alice, bob, "two")).json).toEqual(first.json);
    await answered(bob, "accept", alice);
    for (const [who, whom] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      expect((await asked(who, whom)).json).toMatchObject({ contact: { state: "contact" } });
    }
    expect((await answered(bob, "accept", alice)).json).toMatchObject({ contact: { state: "contact" } });
    expect(codeOf(await answered(bob, "reject", alice))).toBe("404 not_found");
    expect(await toldTo(bob, b)).toHaveLength(1);
  });
});

describe("a contact that ends", () => {
  test("ends for both, without a word, and may begin anew at once", async () => {
    const { alice, bob, cid } = await friends();
    const [a, b] = [await connect(alice.uid), await connect(bob.uid)];
    expect((await removed(alice, bob)).status).toBe(204);
    expect(await shownTo(alice)).toEqual([]);
    await once(
      () => shownTo(bob),
      (shown) => shown.length === 0,
    );
    // Anybody may write, unless it is configured otherwise.
    await b.sent(cid, "why?");
    await a.reached(cid, 1);
    expect((await asked(alice, bob)).json).toMatchObject({ contact: { state: "requested" } });
    const event = (body: unknown): unknown => (body as { event: unknown }).event;
    await once(
      () => toldTo(bob, b),
      (told) => told.length === 2,
    );
    expect((await toldTo(bob, b)).map(event)).toEqual(["contact_request", "contact_request"]);
    expect((await toldTo(alice, a)).map(event)).toEqual(["contact_accepted"]);
  });
});

describe("blocking", () => {
  test("ends a request, whoever made it; who is blocked cannot ask, nor who blocks", async () => {
    for (const direction of ["of the blocked", "of the blocker"]) {
      const { alice, bob } = await strangers();
      await (direction === "of the blocked" ? asked(alice, bob) : asked(bob, alice));
      expect((await as(bob, `PUT /v1/blocks/${alice.uid}`)).status).toBe(204);
      await once(
        async () => [...(await shownTo(alice)), ...(await shownTo(bob))],
        (shown) => shown.length === 0,
      );
      expect(codeOf(await asked(alice, bob))).toBe("403 blocked");
      expect(codeOf(await asked(bob, alice))).toBe("403 permission_denied");
      expect(codeOf(await answered(bob, "accept", alice))).toBe("404 not_found");
    }
  });

  test("leaves contacts what they are; messages are refused", async () => {
    const { alice, bob, cid } = await friends();
    const a = await connect(alice.uid);
    await as(bob, `PUT /v1/blocks/${alice.uid}`);
    expect(await shownTo(bob)).toEqual([`${alice.uid} contact`]);
    expect(await a.refused({ t: "send", id: a.id(), to: cid, body: { text: "hello?" } })).toBe("blocked");
    await as(bob, `DELETE /v1/blocks/${alice.uid}`);
    expect((await a.sent(cid, "hello")).seq).toBe(1);
    expect(await shownTo(alice)).toEqual([`${bob.uid} contact`]);
  });
});

describe("[SEC1] a system conversation", () => {
  test("is written by servers alone, and read by its user alone", async () => {
    const { alice, bob } = await strangers();
    const [a, b] = [await connect(alice.uid), await connect(bob.uid)];
    const cid = systemCid(bob.uid);
    const mine = async (): Promise<string[]> => [
      await b.refused({ t: "send", id: b.id(), to: cid, body: { text: "x" } }),
      await b.refused({ t: "amend", id: b.id(), cid, target: 1, op: "recall" }),
      await b.refused({ t: "typing", cid, on: true }),
    ];
    const none = { messages: [], head: 0, more: false };
    expect(await mine()).toEqual(["permission_denied", "permission_denied", "permission_denied"]);
    expect(await b.pull(cid)).toMatchObject(none);
    expect(await b.refused({ t: "read", cid, seq: 1 })).toBe("invalid_argument");
    expect((await as(bob, `GET /v1/conversations/${cid}/messages`)).json).toEqual(none);
    expect(await rows(conversationStub(cid), TABLES)).toEqual([]);
    await asked(alice, bob);
    await b.next("message");
    expect(await mine()).toEqual(["permission_denied", "permission_denied", "permission_denied"]);
    expect(await a.refused({ t: "pull", req: "r", cid })).toBe("not_member");
    expect(codeOf(await as(alice, `GET /v1/conversations/${cid}/messages`))).toBe("403 not_member");
    const draft = { id: a.id(), device: "d" as never, kind: "text", body: "{}", priority: 1, qos: 1 } as const;
    const stub = conversationStub(cid);
    expect(await stub.append(alice.uid, 0, 0, [draft])).toMatchObject({
      results: [{ refusal: { code: "not_member" } }],
    });
    expect(await stub.append(bob.uid, 0, 0, [draft])).toMatchObject({
      results: [{ refusal: { code: "permission_denied" } }],
    });
    await stub.signal(bob.uid, { t: "typing", cid, user: bob.uid, on: true });
    expect(await stub.contact(bob.uid, a.id(), { do: "remove" })).toMatchObject({ error: { code: "not_member" } });
    const chat = conversationStub((await strangers()).cid);
    expect(await chat.contact(bob.uid, a.id(), { do: "accept" })).toMatchObject({ error: { code: "not_member" } });
    expect(await toldTo(bob, b)).toHaveLength(1);
  });
});

test("groups and chats know nothing of contacts", async () => {
  const { alice, bob, cid } = await strangers();
  const crew = await group(alice, [bob]);
  const a = await connect(alice.uid);
  await a.sent(cid, "in the chat");
  await a.head(crew);
  await a.sent(crew, "in the group");
  for (const one of [cid, crew]) {
    const stub = conversationStub(one);
    expect(await rows(stub, `${TABLES} AND name LIKE 'contact%'`)).toEqual([]);
  }
  expect(await conversationStub(crew).contact(alice.uid, a.id(), { do: "remove" })).toMatchObject({ ok: false });
});
