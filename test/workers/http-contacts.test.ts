/** /v1/contacts as HTTP: who may be named, what a message may be, keys, pages, and what a list costs. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { ContactRpc } from "../../src/durable-objects/contact-rpc.ts";
import { ok } from "../../src/lib/result.ts";
import { directCid, type Uid } from "../../src/protocol/ids.ts";
import { services, type Env } from "../../src/workers/env.ts";
import { answered, asked, friends, removed, shownTo, strangers } from "../support/contacts.ts";
import { as, fieldsOf, once, person, type Person } from "../support/groups.ts";
import { codeOf, env } from "../support/http.ts";

let alice: Person;
beforeAll(async () => {
  alice = await person();
});
const nobody = { uid: "u_nobody" as Uid, token: "" };

describe("POST /v1/contacts", () => {
  test.each<[unknown, string]>([
    [{}, "user"],
    [{ user: "" }, "user"],
    [{ user: "no.such.form" }, "user"],
    [{ user: ["u_1"] }, "user"],
    [{ user: "u_1", message: "" }, "message"],
    [{ user: "u_1", message: "  \n " }, "message"],
    [{ user: "u_1", message: "x".repeat(513) }, "message"],
    [{ user: "u_1", message: "two\nlines" }, "message"],
    [{ user: "u_1", message: "nul\0" }, "message"],
    [{ user: "u_1", message: "\u202ereversed" }, "message"],
    [{ user: "u_1", message: "half \ud800 of a pair" }, "message"],
    [{ user: "u_1", message: 1 }, "message"],
  ])("refuses %j", async (json, field) => {
    const answer = await as(alice, "POST /v1/contacts", json);
    expect(codeOf(answer)).toBe("400 invalid_argument");
    expect(fieldsOf(answer)).toEqual([field]);
  });

  test("takes 512 characters, whatever their size", async () => {
    const bob = await person();
    const message = "🦘".repeat(512);
    expect((await asked(alice, bob, message)).json).toMatchObject({ contact: { message } });
    await once(
      () => shownTo(bob),
      (shown) => shown.length === 1,
    );
    const { json } = await as(bob, "GET /v1/contacts");
    expect(json).toMatchObject({ contacts: [{ state: "incoming", message }] });
  });
});

test("oneself is nobody to ask, to answer or to end; nor is a user who does not exist", async () => {
  const calls = (whom: Person) => [
    asked(alice, whom),
    answered(alice, "accept", whom),
    answered(alice, "reject", whom),
    removed(alice, whom),
  ];
  const codes = async (whom: Person): Promise<string[]> => (await Promise.all(calls(whom))).map(codeOf);
  expect(await codes(alice)).toEqual(Array.from({ length: 4 }, () => "400 invalid_argument"));
  expect((await codes(nobody)).slice(0, 3)).toEqual(Array.from({ length: 3 }, () => "404 not_found"));
  expect((await removed(alice, nobody)).status).toBe(204);
  expect((await asked(alice, nobody)).text).toContain("no such user");
});

describe("Idempotency-Key", () => {
  const key = (): { headers: Record<string, string> } => ({ headers: { "idempotency-key": crypto.randomUUID() } });

  test("a repetition changes nothing, however late, and says what is so now", async () => {
    const { alice: ann, bob } = await strangers();
    const [first, second, third] = [key(), key(), key()];
    const states: unknown[] = [];
    const ask = async (): Promise<void> => {
      const answer = await asked(ann, bob, "hi", first);
      states.push([answer.status, (answer.json["contact"] as { state: string }).state]);
    };
    await ask();
    await ask();
    for (let n = 0; n < 2; n += 1) expect((await answered(bob, "reject", ann, second)).status).toBe(204);
    await ask();
    await asked(bob, ann);
    await ask();
    await answered(ann, "accept", bob, third);
    expect((await answered(bob, "reject", ann, second)).status).toBe(204);
    await ask();
    await removed(bob, ann);
    expect((await answered(ann, "accept", bob, third)).json).toMatchObject({ contact: { state: "none" } });
    await ask();
    const expected = ["requested", "requested", "none", "incoming", "contact", "none"];
    expect(states).toEqual(expected.map((state) => [202, state]));
    await once(
      () => shownTo(ann),
      (shown) => shown.length === 0,
    );
  });

  test("the same key with another message, or for another user, is refused", async () => {
    const { alice: ann, bob } = await strangers();
    const same = key();
    await asked(ann, bob, "hi", same);
    expect(codeOf(await asked(ann, bob, "hello", same))).toBe("409 id_conflict");
    expect(codeOf(await asked(ann, bob, undefined, same))).toBe("409 id_conflict");
    expect(codeOf(await asked(ann, alice, "hi", same))).toBe("409 id_conflict");
    // Of another user, and for another route, it is another key.
    expect((await asked(alice, bob, "hi", same)).status).toBe(202);
    expect((await answered(bob, "accept", ann, same)).status).toBe(200);
    expect(codeOf(await asked(ann, bob, "hi", { headers: { "idempotency-key": "no blanks" } }))).toBe(
      "400 invalid_argument",
    );
  });

  test("an object that dies while it is asked is asked again, for the same", async () => {
    const { alice: ann, bob } = await friends();
    const contact = vi.fn<ContactRpc["contact"]>(async () => ok({ state: "none", message: "", since: 1 }));
    contact.mockRejectedValueOnce(Object.assign(new Error("reset"), { durableObjectReset: true }));
    const namespace = { idFromName: (name: string) => name, get: (id: string) => ({ id, contact }) };
    const bindings = { env: { ...env, CONVERSATIONS: namespace } as unknown as Env };
    expect((await as(ann, `DELETE /v1/contacts/${bob.uid}`, undefined, bindings)).status).toBe(204);
    const [first, second] = contact.mock.calls;
    expect(first).toEqual([ann.uid, expect.stringMatching(/^[0-9a-z]{26}$/), { do: "remove" }]);
    expect(second).toEqual(first);
  });
});

describe("GET /v1/contacts", () => {
  test("pages in the order of the ids, by state, with cards", async () => {
    const ann = await person();
    const others = await Promise.all(Array.from({ length: 7 }, person));
    const expected = new Map<string, string>();
    for (const [n, other] of others.entries()) {
      if (n % 3 === 0) await asked(ann, other);
      else await asked(other, ann);
      if (n % 3 === 2) await answered(ann, "accept", other);
      expected.set(other.uid, ["requested", "incoming", "contact"][n % 3] as string);
    }
    const lines = [...expected].map((line) => line.join(" ")).toSorted();
    await once(
      () => shownTo(ann),
      (shown) => shown.length === 7,
    );
    const page = async (query: string): Promise<{ shown: string[]; next: string | undefined }> => {
      const { json } = await as(ann, `GET /v1/contacts${query}`);
      const contacts = json["contacts"] as { user: { id: string; name: string }; state: string }[];
      return {
        shown: contacts.map(({ user, state }) => `${user.id} ${state}`),
        next: json["next"] as string | undefined,
      };
    };
    for (const limit of [1, 3, 7, 100]) {
      const found: string[] = [];
      let next: string | undefined;
      do {
        const more = await page(`?limit=${limit}${next === undefined ? "" : `&cursor=${next}`}`);
        expect(more.shown.length).toBeGreaterThan(0);
        found.push(...more.shown);
        next = more.next;
      } while (next !== undefined);
      expect(found).toEqual(lines);
    }
    for (const state of ["requested", "incoming", "contact"]) {
      expect((await page(`?state=${state}`)).shown).toEqual(lines.filter((line) => line.endsWith(` ${state}`)));
    }
    const { json } = await as(ann, "GET /v1/contacts?limit=1");
    const [{ user }] = json["contacts"] as [{ user: { id: string } }];
    expect(user).toEqual((await as(ann, `GET /v1/users/${user.id}`)).json);
  });

  test.each(["?state=none", "?state=", "?limit=0", "?limit=101", "?limit=x", "?cursor=", "?cursor=a.b"])(
    "refuses %s",
    async (query) => {
      expect(codeOf(await as(alice, `GET /v1/contacts${query}`))).toBe("400 invalid_argument");
    },
  );

  test("costs two queries, however many there are", async () => {
    const ann = await person();
    const { contacts } = services(env).store;
    for (let n = 0; n < 60; n += 1) {
      const peer = `u_many${n}` as Uid;
      await services(env).users.ensure(peer, `${n}`, 1);
      await contacts.put({ uid: ann.uid, peer, state: "contact", message: "", since: 1, version: 1 });
    }
    // Whose login is known here already.
    await as(ann, "GET /v1/contacts");
    const queries: string[] = [];
    const DB = new Proxy(env.DB, {
      get(target, property) {
        if (property !== "prepare") return Reflect.get(target, property) as unknown;
        return (query: string) => {
          queries.push(query);
          return target.prepare(query);
        };
      },
    });
    const counted = { env: { ...env, DB } };
    await as(ann, "GET /v1/contacts?limit=1", undefined, counted);
    const before = queries.length;
    const { json } = await as(ann, "GET /v1/contacts", undefined, counted);
    expect(json["contacts"]).toHaveLength(50);
    expect(queries.length - before).toBe(2);
  });

  test("leaves out whose account is gone, and can be gone through all the same", async () => {
    const { alice: ann, bob } = await friends();
    await services(env).store.contacts.put({
      uid: ann.uid,
      peer: "A_gone" as Uid,
      state: "contact",
      message: "",
      since: 1,
      version: 1,
    });
    const first = await as(ann, "GET /v1/contacts?limit=1");
    expect(first.json).toEqual({ contacts: [], next: "A_gone" });
    expect(await shownTo(ann, "?limit=1&cursor=A_gone")).toEqual([`${bob.uid} contact`]);
  });

  test("[SEC1] shows nobody's but one's own", async () => {
    const { alice: ann, bob } = await friends();
    const eve = await person();
    expect(await shownTo(eve)).toEqual([]);
    const stub = services(env).conversation(directCid(ann.uid, bob.uid));
    for (const what of ["request", "accept", "reject", "remove"] as const) {
      const operation = what === "request" ? ({ do: what, message: "" } as const) : { do: what };
      expect(await stub.contact(eve.uid, "of-a-stranger", operation)).toMatchObject({ error: { code: "not_member" } });
    }
    expect(await shownTo(ann)).toEqual([`${bob.uid} contact`]);
  });
});
