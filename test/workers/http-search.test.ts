/** GET /v1/search: what is found, and what is shown to nobody. */
import { runInDurableObject } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Amended } from "../../src/durable-objects/message-json.ts";
import type { UserRpc } from "../../src/durable-objects/rpc.ts";
import { directCid, type Cid } from "../../src/protocol/ids.ts";
import type { StoredMessage } from "../../src/store/messages.ts";
import { services, type Env } from "../../src/workers/env.ts";
import type { Device } from "../support/device.ts";
import { codeOf, env, type Answer } from "../support/http.ts";
import { as, group, NO_GROUP, person, shown, type Person } from "../support/groups.ts";
import { connect, conversationStub, rows, userStub } from "../support/workers.ts";

interface Result {
  readonly message: Record<string, unknown> & { readonly cid: Cid; readonly seq: number };
  readonly highlights: [number, number][];
}

const search = (who: Person, q: string, more = "", env_?: Env): Promise<Answer> =>
  as(who, `GET /v1/search?q=${encodeURIComponent(q)}${more}`, undefined, env_ && { env: env_ });

const resultsOf = ({ status, json, text }: Answer): Result[] => {
  if (status !== 200) throw new Error(text);
  return json["results"] as Result[];
};

/** Where something was found, newest first. */
const places = async (who: Person, q: string, more = ""): Promise<[Cid, number][]> =>
  resultsOf(await search(who, q, more)).map(({ message }) => [message.cid, message.seq]);

/** The texts in which something was found. */
const texts = async (who: Person, q: string, more = ""): Promise<unknown[]> =>
  resultsOf(await search(who, q, more)).map(({ message }) => (message["body"] as { text?: string }).text);

/** As the archive does, now: the log is in the store as it is. What a later archive writes is ignored below `rev`. */
async function archived(cid: Cid, rev?: number): Promise<void> {
  const stub = conversationStub(cid);
  const log = await rows(stub, "SELECT * FROM log ORDER BY seq");
  const amended = await rows(stub, "SELECT * FROM amended");
  const states = new Map(amended.map(({ seq, state }) => [seq, JSON.parse(state as string) as Amended]));
  const entries = log.map(({ sender, device: _device, hash: _hash, extra, ...row }) => {
    const rare = extra === "" ? {} : (JSON.parse(extra as string) as object);
    return { ...row, from: sender, ...rare, amended: states.get(Number(row["seq"])) } as unknown as StoredMessage;
  });
  await services(env).store.messages.put(cid, rev ?? entries.length, entries);
}

/** Later than whatever the archive writes: a store that does not hear of what becomes of the log. */
const LATE = 1_000_000;

const connected = (who: Person): Promise<Device> => connect(who.uid, { token: who.token });

/** A chat in which one of two has said something, archived. */
async function said(from: Person, to: Person, ...lines: string[]): Promise<Cid> {
  const cid = directCid(from.uid, to.uid);
  const device = await connected(from);
  for (const line of lines) await device.sent(cid, line);
  await archived(cid);
  return cid;
}

async function amend(who: Person, cid: Cid, target: number, op: string, body?: unknown): Promise<void> {
  const device = await connected(who);
  const id = device.id();
  device.write({ t: "amend", id, cid, target, op, ...(body !== undefined && { body }) });
  await device.answered(id, 0);
}

let lines: string[];
beforeEach(() => {
  lines = [];
  const keep = (line: unknown): void => void lines.push(String(line));
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockImplementation(keep);
});

let [alice, bob, eve] = [] as unknown as [Person, Person, Person];
beforeAll(async () => {
  [alice, bob, eve] = [await person(), await person(), await person()];
});

describe("a search", () => {
  test("finds what either of two has said, in English and in Chinese, and shows it as a page does, with the places of the words", async () => {
    const cid = await said(alice, bob, "Shall we meet tomorrow?", "我们明天在北京见面", "tomorrow 明天, then");
    for (const who of [alice, bob]) {
      expect(await places(who, "tom")).toEqual([
        [cid, 3],
        [cid, 1],
      ]);
      expect(await places(who, "明天")).toEqual([
        [cid, 3],
        [cid, 2],
      ]);
      const [result] = resultsOf(await search(who, "京见 我们"));
      const page = await as(who, `GET /v1/conversations/${cid}/messages`);
      expect(result?.message).toEqual((page.json["messages"] as unknown[])[1]);
      expect(result?.highlights).toEqual([
        [0, 2],
        [6, 8],
      ]);
    }
    expect(await places(alice, "meet 明天")).toEqual([]);
  });

  test("finds files by their names, and shows where", async () => {
    const cid = directCid(alice.uid, bob.uid);
    const device = await connected(alice);
    const id = device.id();
    device.write({ t: "send", id, to: cid, kind: "file", body: { attachment: "a1", name: "Budget final.xlsx" } });
    const { seq } = await device.answered(id, 0);
    await archived(cid);
    const [result] = resultsOf(await search(bob, "budget xls"));
    expect(result).toMatchObject({
      message: { seq, kind: "file" },
      highlights: [
        [0, 6],
        [13, 16],
      ],
    });
  });

  test("goes over all one's conversations, newest first, page by page, each message once", async () => {
    const [me, ...others] = (await Promise.all([person(), person(), person(), person()])) as [Person, ...Person[]];
    const expected: [Cid, number][] = [];
    for (const [n, other] of others.entries()) {
      const cid = await said(
        n % 2 === 0 ? me : other,
        n % 2 === 0 ? other : me,
        "pelican one",
        "nothing",
        "pelican two",
      );
      expected.unshift([cid, 3], [cid, 1]);
    }
    for (const limit of [1, 2, 5, 50]) {
      const found: [Cid, number][] = [];
      let more = `&limit=${limit}`;
      for (let pages = 0; pages < 20; pages += 1) {
        const answer = await search(me, "pelican", more);
        expect(resultsOf(answer).length).toBeLessThanOrEqual(limit);
        found.push(...resultsOf(answer).map(({ message }): [Cid, number] => [message.cid, message.seq]));
        const { next } = answer.json;
        if (next === undefined) break;
        more = `&limit=${limit}&cursor=${next as string}`;
      }
      expect(found).toEqual(expected);
    }
  });

  test("goes on in older conversations when one has more than are searched together", async () => {
    const me = await person();
    const first = await said(me, await person(), "toucan first");
    const last = await said(me, await person(), "toucan last");
    // Heads of 600 chats that changed in between, each with nothing in it.
    await runInDurableObject(userStub(me.uid), (_, { storage }) => {
      const [{ version }] = storage.sql.exec("SELECT version FROM head WHERE cid = ?", first).toArray() as [
        { version: number },
      ];
      for (let n = 0; n < 600; n += 1) {
        storage.sql.exec(
          `INSERT INTO head SELECT ?, head, count, read, read_count, delivered, peer_delivered, peer_read, ?, muted, pinned,
             peer_name, last, membership FROM head WHERE cid = ?`,
          directCid(me.uid, `zz${n}` as never),
          version + 1 + n,
          first,
        );
      }
    });
    expect(await places(me, "toucan")).toEqual([
      [last, 1],
      [first, 1],
    ]);
    const { json } = await search(me, "toucan", "&limit=1");
    const next = json["next"] as string;
    expect(next).toBeDefined();
    expect(await places(me, "toucan", `&limit=1&cursor=${next}`)).toEqual([[first, 1]]);
  });

  test("in one conversation looks nowhere else", async () => {
    const carol = await person();
    const [one, other] = [await said(alice, carol, "heron a"), await said(bob, carol, "heron b")];
    expect(await places(carol, "heron")).toEqual([
      [other, 1],
      [one, 1],
    ]);
    expect(await places(carol, "heron", `&cid=${one}`)).toEqual([[one, 1]]);
    const g = await group(carol, [alice]);
    await (await connected(carol)).sent(g, "heron g");
    await archived(g);
    expect(await texts(alice, "heron", `&cid=${g}`)).toEqual(["heron g"]);
    expect(await places(carol, "heron", `&cid=s.${carol.uid}`)).toEqual([]);
    expect(await places(carol, "heron", `&cid=${directCid(carol.uid, eve.uid)}`)).toEqual([]);
  });

  test.each([
    "",
    "?q=",
    "?q=%20",
    "?q=!%3F",
    "?q=%E2%80%8D",
    `?q=${"x".repeat(129)}`,
    "?q=a&q=b",
    "?q=a&cid=x",
    "?q=a&limit=0",
    "?q=a&limit=51",
    "?q=a&limit=1.5",
    "?q=a&cursor=",
    "?q=a&cursor=made-up",
    `?q=a&cursor=${Buffer.from('{"after":{"ts":1}}').toString("base64url")}`,
    `?q=a&cursor=${Buffer.from('{"below":"1"}').toString("base64url")}`,
    `?q=a&cursor=${Buffer.from('{"after":{"ts":1,"cid":"x","seq":1}}').toString("base64url")}`,
    `?q=a&cursor=${Buffer.from("null").toString("base64url")}`,
  ])("refuses %s", async (query) => {
    expect(codeOf(await as(alice, `GET /v1/search${query}`))).toBe("400 invalid_argument");
  });

  test("takes 128 characters, also of four bytes, and signs of every query language", async () => {
    expect((await search(alice, "𝒳".repeat(128))).status).toBe(200);
    for (const q of [`"a`, "a*", "+a -b", "(a", "a' OR 1=1 --", "NEAR(a b)", "a\\", "%a_"]) {
      expect((await search(alice, q)).status, q).toBe(200);
    }
  });
});

describe("what is no longer there, or no longer so", () => {
  test("a recalled message is not found, also before the store has heard of it", async () => {
    const [writer, reader] = [await person(), await person()];
    const cid = await said(writer, reader, "ostrich secret");
    await archived(cid, LATE);
    await amend(writer, cid, 1, "recall");
    expect((await services(env).store.messages.read(cid, 1, 1))[0]?.body).toContain("ostrich");
    for (const who of [writer, reader]) expect(await places(who, "ostrich")).toEqual([]);
    await archived(cid, LATE + 1);
    expect(await places(reader, "ostrich")).toEqual([]);
  });

  test("an edited message is found by its new text, and never shown with its old one", async () => {
    const [writer, reader] = [await person(), await person()];
    const cid = await said(writer, reader, "emu blunder", "emu and kiwi");
    await archived(cid, LATE);
    await amend(writer, cid, 1, "edit", { text: "corrected" });
    await amend(writer, cid, 2, "edit", { text: "the emu alone" });
    await amend(reader, cid, 2, "react", { emoji: "👍" });
    // The store has the old texts still.
    expect(await texts(reader, "emu")).toEqual(["the emu alone"]);
    expect(await texts(reader, "kiwi")).toEqual([]);
    const [result] = resultsOf(await search(reader, "emu"));
    expect(result).toMatchObject({
      message: { edited: { seq: 4 }, reactions: { "👍": [reader.uid] } },
      highlights: [[4, 7]],
    });
    await archived(cid, LATE + 1);
    expect(await texts(reader, "corrected")).toEqual(["corrected"]);
    expect(await texts(reader, "blunder")).toEqual([]);
  });

  test("what was said before a block stays one's own", async () => {
    const [blocker, blocked] = [await person(), await person()];
    const cid = await said(blocked, blocker, "rhea before");
    expect((await as(blocker, `PUT /v1/blocks/${blocked.uid}`)).status).toBe(204);
    const device = await connected(blocked);
    expect(await device.refused({ t: "send", id: device.id(), to: cid, body: { text: "rhea after" } })).toBe("blocked");
    await archived(cid);
    for (const who of [blocker, blocked]) expect(await texts(who, "rhea")).toEqual(["rhea before"]);
  });
});

describe("whose messages", () => {
  test("[SEC1] of others are found by nobody, asked for or not", async () => {
    const cid = await said(alice, bob, "cassowary is a secret");
    const g = await group(alice, [bob]);
    await (await connected(alice)).sent(g, "cassowary in a group");
    await archived(g);
    expect(await texts(bob, "cassowary")).toHaveLength(2);
    expect(await places(eve, "cassowary")).toEqual([]);
    const others = [cid, g, NO_GROUP, `s.${alice.uid}`, directCid(alice.uid, "u_nobody" as never)];
    const answers = await Promise.all(others.map((id) => search(eve, "cassowary", `&cid=${id}`)));
    for (const answer of answers) expect(codeOf(answer)).toBe("403 not_member");
    expect(new Set(answers.map((answer) => shown(answer))).size).toBe(1);
    // A cursor brings nobody further: it says where to go on, not where to look.
    const { json } = await search(bob, "cassowary", "&limit=1");
    expect(await places(eve, "cassowary", `&cursor=${json["next"] as string}`)).toEqual([]);
  });

  test("[SEC1] of a group that one has left, or was removed from, are found no more", async () => {
    const [owner, leaver, removed, stays] = [await person(), await person(), await person(), await person()];
    const g = await group(owner, [leaver, removed, stays]);
    await (await connected(owner)).sent(g, "dodo is extinct");
    await archived(g);
    for (const who of [leaver, removed, stays]) expect(await texts(who, "dodo")).toEqual(["dodo is extinct"]);
    await as(leaver, `DELETE /v1/groups/${g}/members/${leaver.uid}`);
    await as(owner, `DELETE /v1/groups/${g}/members/${removed.uid}`);
    for (const who of [leaver, removed]) {
      expect(await places(who, "dodo")).toEqual([]);
      expect(codeOf(await search(who, "dodo", `&cid=${g}`))).toBe("403 not_member");
    }
    expect(await texts(stays, "dodo")).toEqual(["dodo is extinct"]);
    await as(owner, `DELETE /v1/groups/${g}`);
    expect(await places(stays, "dodo")).toEqual([]);
  });

  test("[SEC1] one's own object may be the last to hear of it: the group decides", async () => {
    const [owner, removed] = [await person(), await person()];
    const g = await group(owner, [removed]);
    await (await connected(owner)).sent(g, "moa, too");
    await archived(g);
    await as(owner, `DELETE /v1/groups/${g}/members/${removed.uid}`);
    const later = await person();
    expect((await as(owner, `POST /v1/groups/${g}/members`, { users: [later.uid] })).status).toBe(200);
    // As if the group had not reached it.
    const searchable = vi.fn<UserRpc["searchable"]>(() => Promise.resolve({ where: [{ cid: g, floor: 0 }] }));
    const USERS = { idFromName: () => "id", get: () => ({ searchable }) };
    const late = { ...env, USERS } as unknown as Env;
    for (const who of [removed, later]) expect(resultsOf(await search(who, "moa", "", late))).toEqual([]);
    expect(resultsOf(await search(owner, "moa", "", late))).toHaveLength(1);
    expect(searchable).toHaveBeenCalled();
  });

  test("[SEC1] from before one's joining are found only where a group shows them", async () => {
    for (const [history, expected] of [
      ["join", ["kea after"]],
      ["all", ["kea after", "kea before"]],
    ] as const) {
      const [owner, late] = [await person(), await person()];
      const g = await group(owner, [], { history });
      const device = await connected(owner);
      await device.sent(g, "kea before");
      expect((await as(owner, `POST /v1/groups/${g}/members`, { users: [late.uid] })).status).toBe(200);
      await device.sent(g, "kea after");
      await archived(g);
      expect(await texts(late, "kea")).toEqual(expected);
      expect(await texts(late, "kea", `&cid=${g}`)).toEqual(expected);
      expect(await texts(owner, "kea")).toEqual(["kea after", "kea before"]);
    }
  });
});

test("one call to each conversation on a page, and to no other", async () => {
  const me = await person();
  const found = [await said(me, alice, "auk 1", "auk 2"), await said(me, bob, "auk 3")];
  await said(me, eve, "nothing");
  const asked: string[] = [];
  const CONVERSATIONS = new Proxy(env.CONVERSATIONS, {
    get(target, property) {
      if (property !== "get") return (Reflect.get(target, property) as () => unknown).bind(target);
      return (id: DurableObjectId) => {
        asked.push(id.name as string);
        return target.get(id);
      };
    },
  });
  expect(resultsOf(await search(me, "auk", "", { ...env, CONVERSATIONS }))).toHaveLength(3);
  expect(asked.toSorted()).toEqual(found.toSorted());
});

test("a conversation that does not answer makes the search fail, and nothing of texts or queries is logged", async () => {
  const me = await person();
  await said(me, alice, "hoopoe secret text");
  const CONVERSATIONS = { idFromName: () => "id", get: () => ({ confirm: () => Promise.reject(new Error("hoopoe")) }) };
  const answer = await search(me, "hoopoe", "", { ...env, CONVERSATIONS } as unknown as Env);
  expect(codeOf(answer)).toBe("503 unavailable");
  const failing = {
    prepare: () => {
      throw new Error("D1_ERROR: hoopoe");
    },
  } as unknown as D1Database;
  const chosen = {
    ...env,
    DB: new Proxy(env.DB, {
      get: (target, property) =>
        property === "prepare"
          ? (query: string) => (query.includes("message_tokens") ? failing.prepare(query) : target.prepare(query))
          : (Reflect.get(target, property) as () => unknown).bind(target),
    }),
  } as unknown as Env;
  expect(codeOf(await search(me, "hoopoe", "", chosen))).toBe("503 unavailable");
  expect(lines.length).toBeGreaterThan(0);
  expect(`${answer.text}${lines.join("\n")}`).not.toContain("hoopoe");
});
