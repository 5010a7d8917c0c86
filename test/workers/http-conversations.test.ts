import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { directCid, type Cid, type Uid } from "../../src/protocol/ids.ts";
import type { ConversationRpc, UserRpc } from "../../src/durable-objects/rpc.ts";
import type { Env } from "../../src/workers/env.ts";
import { advance } from "../support/faults.ts";
import { account, call, codeOf, env, type Answer } from "../support/http.ts";
import { connect } from "../support/workers.ts";

interface Person {
  readonly uid: Uid;
  readonly token: string;
}

async function person(): Promise<Person> {
  const { user, token } = await account();
  return { uid: user.id as Uid, token };
}

const seqsOf = ({ json }: Answer): number[] => (json as { messages: { seq: number }[] }).messages.map(({ seq }) => seq);
const cidsOf = ({ json }: Answer): string[] => (json as { heads: { cid: string }[] }).heads.map(({ cid }) => cid);

let [alice, bob, eve] = [] as unknown as [Person, Person, Person];
let cid: Cid;

beforeAll(async () => {
  [alice, bob, eve] = [await person(), await person(), await person()];
  cid = directCid(alice.uid, bob.uid);
  const phone = await connect(alice.uid, { token: alice.token });
  for (let i = 1; i <= 5; i += 1) await phone.sent(cid, `message ${i} "quoted" 🦘`);
});

describe("GET /v1/conversations/:cid/messages", () => {
  const page = (who: Person, query = "", of: string = cid) =>
    call(`GET /v1/conversations/${of}/messages${query}`, { token: who.token });

  test("gives both members the messages, ascending, as frames show them", async () => {
    for (const who of [alice, bob]) {
      const answer = await page(who);
      expect(answer.status).toBe(200);
      expect(answer.json).toMatchObject({ head: 5, more: false });
      expect(seqsOf(answer)).toEqual([1, 2, 3, 4, 5]);
      expect((answer.json["messages"] as unknown[])[0]).toMatchObject({
        cid,
        seq: 1,
        from: alice.uid,
        kind: "text",
        body: { text: 'message 1 "quoted" 🦘' },
      });
    }
  });

  test.each([
    ["?limit=2", [4, 5], true],
    ["?before=4&limit=2", [2, 3], true],
    ["?before=2", [1], false],
    ["?before=1", [], false],
    ["?after=3", [4, 5], false],
    ["?after=0&limit=2", [1, 2], true],
    ["?after=5", [], false],
    ["?after=99", [], false],
  ])("%s", async (query, seqs, more) => {
    const answer = await page(bob, query);
    expect(seqsOf(answer)).toEqual(seqs);
    expect(answer.json).toMatchObject({ head: 5, more });
  });

  test.each(["?limit=0", "?limit=201", "?limit=-5", "?limit=x", "?before=0", "?before=-1", "?after=-1", "?after=1.5"])(
    "refuses %s",
    async (query) => {
      expect(codeOf(await page(bob, query))).toBe("400 invalid_argument");
    },
  );

  test.each(["x", "d.b.a", "d.a.a", "d.a", "g.short", "D.a.b", "d.a.b.c", "%ff"])("refuses the id %s", async (id) => {
    expect(codeOf(await page(bob, "", id))).toBe("400 invalid_argument");
  });

  test("of two people who have not written yet is empty", async () => {
    const answer = await page(alice, "", directCid(alice.uid, eve.uid));
    expect(answer.json).toEqual({ messages: [], head: 0, more: false });
  });

  test("[SEC1] tells others nothing, not even whether the conversation exists", async () => {
    const others = [
      cid,
      directCid(bob.uid, "u_nobody" as Uid),
      directCid("u_a" as Uid, "u_b" as Uid),
      `s.${alice.uid}`,
      "s.u_nobody",
      `g.${"0".repeat(26)}`,
    ];
    const answers = await Promise.all(others.map((id) => page(eve, "", id)));
    for (const answer of answers) expect(codeOf(answer)).toBe("403 not_member");
    const shown = answers.map(({ json, headers }) => {
      const { request_id: _, ...error } = json["error"] as Record<string, unknown>;
      return JSON.stringify([error, [...headers].filter(([name]) => name !== "x-request-id")]);
    });
    expect(new Set(shown).size).toBe(1);
  });

  test("[SEC1] of two other people is refused without making or waking an object", async () => {
    const CONVERSATIONS = { idFromName: (name: string) => expect.unreachable(`${name} was asked for`) };
    const bindings = { ...env, CONVERSATIONS } as unknown as Env;
    for (const id of [cid, `s.${alice.uid}`]) {
      const answer = await call(`GET /v1/conversations/${id}/messages`, { token: eve.token, env: bindings });
      expect(codeOf(answer)).toBe("403 not_member");
    }
  });
});

describe("GET /v1/conversations", () => {
  const list = (who: Person, query = "") => call(`GET /v1/conversations${query}`, { token: who.token });

  test("shows one's own, newest change first, and nobody else's", async () => {
    const phone = await connect(alice.uid, { token: alice.token });
    const cids = [cid];
    for (const other of [await person(), await person()]) {
      const next = directCid(alice.uid, other.uid);
      await phone.sent(next, "hello");
      cids.unshift(next);
    }
    const answer = await list(alice);
    expect(cidsOf(answer)).toEqual(cids);
    expect(answer.json).not.toHaveProperty("next");
    expect((answer.json["heads"] as unknown[]).at(-1)).toMatchObject({
      cid,
      type: "direct",
      head: 5,
      unread: 0,
      muted: false,
      pinned: false,
      peer: { uid: bob.uid },
      mode: "push",
    });
    expect(cidsOf(await list(eve))).toEqual([]);
  });

  test("pages by cursor", async () => {
    const all = cidsOf(await list(alice));
    const found: string[] = [];
    let query = "?limit=1";
    for (let pages = 0; pages < 9; pages += 1) {
      const answer = await list(alice, query);
      expect(cidsOf(answer)).toHaveLength(1);
      found.push(...cidsOf(answer));
      const next = answer.json["next"] as string | undefined;
      if (next === undefined) break;
      query = `?limit=1&cursor=${encodeURIComponent(next)}`;
    }
    expect(found).toEqual(all);
  });

  test.each(["?limit=0", "?limit=101", "?limit=x", "?cursor=", "?cursor=made-up"])("refuses %s", async (query) => {
    expect(codeOf(await list(alice, query))).toBe("400 invalid_argument");
  });
});

describe("PATCH /v1/conversations/:cid", () => {
  const change = (who: Person, json: unknown, of: string = cid) =>
    call(`PATCH /v1/conversations/${of}`, { token: who.token, json });

  test("mutes and pins, each alone, for oneself only", async () => {
    expect((await change(alice, { muted: true })).json).toMatchObject({ cid, muted: true, pinned: false });
    expect((await change(alice, { pinned: true })).json).toMatchObject({ cid, muted: true, pinned: true });
    expect((await change(alice, { muted: false })).json).toMatchObject({ cid, muted: false, pinned: true });
    const heads = (await call("GET /v1/conversations", { token: bob.token })).json["heads"] as { cid: string }[];
    expect(heads.find((head) => head.cid === cid)).toMatchObject({ muted: false, pinned: false });
  });

  test.each([{}, { muted: "yes" }, { pinned: null }, { head: 9 }])("refuses %j", async (json) => {
    expect(codeOf(await change(alice, json))).toBe("400 invalid_argument");
  });

  test("[SEC1] knows no conversation of others, whether it exists or not", async () => {
    for (const id of [cid, directCid("u_a" as Uid, "u_b" as Uid), `g.${"0".repeat(26)}`]) {
      expect(codeOf(await change(eve, { muted: true }, id))).toBe("404 not_found");
    }
  });
});

describe("/v1/blocks", () => {
  const list = async (who: Person): Promise<unknown> => (await call("GET /v1/blocks", { token: who.token })).json;
  const put = (who: Person, uid: string) => call(`PUT /v1/blocks/${uid}`, { token: who.token });
  const remove = (who: Person, uid: string) => call(`DELETE /v1/blocks/${uid}`, { token: who.token });

  test("a block is listed until it is taken away, and stops messages meanwhile", async () => {
    const [blocker, sender] = [await person(), await person()];
    const device = await connect(sender.uid, { token: sender.token });
    expect(await list(blocker)).toEqual({ blocks: [] });
    for (let i = 0; i < 2; i += 1) expect((await put(blocker, sender.uid)).status).toBe(204);
    expect(await list(blocker)).toEqual({ blocks: [sender.uid] });
    expect(await list(sender)).toEqual({ blocks: [] });
    const to = directCid(blocker.uid, sender.uid);
    expect(await device.refused({ t: "send", id: device.id(), to, body: { text: "let me in" } })).toBe("blocked");
    for (let i = 0; i < 2; i += 1) expect((await remove(blocker, sender.uid)).status).toBe(204);
    expect(await list(blocker)).toEqual({ blocks: [] });
    await device.sent(to, "thank you");
  });

  test("oneself, unknown users and what is no user id are refused", async () => {
    for (const act of [put, remove]) {
      expect(codeOf(await act(eve, eve.uid))).toBe("400 invalid_argument");
      expect(codeOf(await act(eve, "u_nobody"))).toBe("404 not_found");
      expect(codeOf(await act(eve, "a.b"))).toBe("400 invalid_argument");
    }
  });

  test("a blocked user whose account is gone can be taken off the list", async () => {
    const [blocker, gone] = [await person(), await person()];
    await put(blocker, gone.uid);
    await env.DB.prepare("DELETE FROM users WHERE id = ?").bind(gone.uid).run();
    // By nobody who would have told the cache: what it remembers lapses.
    advance(60_000);
    expect((await remove(blocker, gone.uid)).status).toBe(204);
    expect(codeOf(await remove(blocker, gone.uid))).toBe("404 not_found");
  });
});

describe("logging out", () => {
  test("closes the connections of that login with 4401, and of no other", async () => {
    const { user, token, refresh_token } = await account("logs.out");
    const again = await call("POST /v1/auth/login", { json: { username: "logs.out", password: "correct horse" } });
    const [first, second] = [
      await connect(user.id as Uid, { token, device: "one" }),
      await connect(user.id as Uid, { token: again.json["token"] as string, device: "two" }),
    ];
    expect((await call("POST /v1/auth/logout", { token })).status).toBe(204);
    expect(await first.end()).toBe(4401);
    expect(await second.sync()).toEqual([]);
    expect(second.closed).toBeUndefined();
    expect(refresh_token).not.toBe(again.json["refresh_token"]);
  });
});

describe("an object that fails", () => {
  type Failing = Partial<Record<keyof UserRpc | keyof ConversationRpc, () => Promise<unknown>>>;
  /** Bindings whose objects answer as given, and count how often they were asked for. */
  const bindings = (stub: Failing): { env: Env; stubs: () => number } => {
    let stubs = 0;
    const namespace = {
      idFromName: (name: string) => name,
      get: () => {
        stubs += 1;
        return stub;
      },
    };
    return { env: { ...env, USERS: namespace, CONVERSATIONS: namespace } as unknown as Env, stubs: () => stubs };
  };
  const error = (flags: Record<string, boolean>): Error => Object.assign(new Error("object"), flags);

  beforeEach(() => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
  });

  test.each([{ retryable: true }, { durableObjectReset: true }])("once, %j, is asked again", async (flags) => {
    const blocks = vi
      .fn<UserRpc["blocks"]>()
      .mockRejectedValueOnce(error(flags))
      .mockResolvedValueOnce(["u_x" as Uid]);
    const failing = bindings({ blocks });
    const answer = await call("GET /v1/blocks", { token: alice.token, env: failing.env });
    expect(answer.json).toEqual({ blocks: ["u_x"] });
    expect(failing.stubs()).toBe(2);
  });

  test.each([
    [{ retryable: true }, "503 unavailable", 2],
    [{}, "503 unavailable", 1],
    [{ retryable: true, overloaded: true }, "503 overloaded", 1],
  ])("again and again, %j, is %s", async (flags, refusal, asked) => {
    const page = () => Promise.reject(error(flags));
    const failing = bindings({ page });
    const answer = await call(`GET /v1/conversations/${cid}/messages`, { token: alice.token, env: failing.env });
    expect(codeOf(answer)).toBe(refusal);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(failing.stubs()).toBe(asked);
  });

  test("at a logout leaves the login ended, and the logout to be tried again", async () => {
    const mine = await person();
    const { env: failing } = bindings({ endSessions: () => Promise.reject(error({})) });
    expect(codeOf(await call("POST /v1/auth/logout", { token: mine.token, env: failing }))).toBe("503 unavailable");
    expect(codeOf(await call("GET /v1/me", { token: mine.token, env: failing }))).toBe("401 unauthenticated");
    expect((await call("POST /v1/auth/logout", { token: mine.token })).status).toBe(204);
  });
});
