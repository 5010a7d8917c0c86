import { beforeAll, describe, expect, test } from "vitest";
import { directCid, type Cid, type Uid } from "../../src/protocol/ids.ts";
import { codeOf, type Answer } from "../support/http.ts";
import { as, group, once, person, shown, type Person } from "../support/groups.ts";
import { connect } from "../support/workers.ts";

let [alice, bob, carol, dave] = [] as unknown as [Person, Person, Person, Person];
beforeAll(async () => {
  [alice, bob, carol, dave] = [await person(), await person(), await person(), await person()];
});

const receipts = (who: Person, cid: string, seq: number | string, query = ""): Promise<Answer> =>
  as(who, `GET /v1/conversations/${cid}/receipts/${seq}${query}`);

/** The counts, once they are so. */
const counted = (who: Person, cid: Cid, seq: number, delivered: number, read: number): Promise<unknown> =>
  once(
    async () => (await receipts(who, cid, seq)).json,
    (json) => json["delivered"] === delivered && json["read"] === read,
  );

describe("receipts of a direct chat", () => {
  test("[RCP1] count the other: what is delivered, then what is read, up to the watermark", async () => {
    const [a, b] = [await connect(alice.uid, { token: alice.token }), await connect(bob.uid, { token: bob.token })];
    const cid = directCid(alice.uid, bob.uid);
    for (const text of ["one", "two", "three"]) await a.sent(cid, text);
    await b.reached(cid, 3);
    expect((await receipts(alice, cid, 1)).json).toEqual({ delivered: 0, read: 0, members: 1 });
    b.write({ t: "ack", cid, seq: 2 });
    await counted(alice, cid, 2, 1, 0);
    expect((await receipts(alice, cid, 3)).json).toEqual({ delivered: 0, read: 0, members: 1 });
    b.write({ t: "read", cid, seq: 1 });
    await counted(alice, cid, 1, 1, 1);
    expect((await receipts(alice, cid, 2)).json).toEqual({ delivered: 1, read: 0, members: 1 });
    const lists: [string, string[]][] = [
      ["1?list=read", [bob.uid]],
      ["1?list=unread", []],
      ["2?list=read", []],
      ["2?list=unread", [bob.uid]],
      [`2?list=unread&after=${bob.uid}`, []],
      ["2?list=unread&after=-", [bob.uid]],
    ];
    for (const [query, users] of lists) expect((await receipts(alice, cid, query)).json, query).toEqual({ users });
    // Who wrote has read it.
    await once(
      async () => (await receipts(bob, cid, 3)).json,
      (json) => json["read"] === 1,
    );
  });

  test("of what is beyond the head are refused, also where nobody has written", async () => {
    const cid = directCid(alice.uid, carol.uid);
    expect(codeOf(await receipts(alice, cid, 1))).toBe("400 invalid_argument");
    const a = await connect(alice.uid, { token: alice.token });
    await a.sent(cid, "one");
    expect((await receipts(alice, cid, 1)).status).toBe(200);
    expect(codeOf(await receipts(alice, cid, 2))).toBe("400 invalid_argument");
    expect(codeOf(await receipts(alice, cid, 2, "?list=read"))).toBe("400 invalid_argument");
  });
});

describe("receipts of a group", () => {
  test("[RCP1] count and list the other members", async () => {
    const cid = await group(alice, [bob, carol, dave]);
    const phones = new Map<Person, Awaited<ReturnType<typeof connect>>>();
    for (const who of [alice, bob, carol, dave]) phones.set(who, await connect(who.uid, { token: who.token }));
    const { seq } = (await phones.get(alice)?.sent(cid, "who reads this?")) ?? { seq: 0 };
    for (const who of [bob, carol, dave]) await phones.get(who)?.reached(cid, seq);
    expect((await receipts(alice, cid, seq)).json).toEqual({ delivered: 0, read: 0, members: 3 });
    phones.get(bob)?.write({ t: "ack", cid, seq });
    phones.get(carol)?.write({ t: "read", cid, seq });
    await counted(alice, cid, seq, 2, 1);
    expect((await receipts(alice, cid, seq, "?list=read")).json).toEqual({ users: [carol.uid] });
    const unread = [bob.uid, dave.uid].toSorted();
    expect((await receipts(alice, cid, seq, "?list=unread")).json).toEqual({ users: unread });
    const page = (await receipts(alice, cid, seq, "?list=unread&limit=1")).json;
    expect(page).toEqual({ users: unread.slice(0, 1), next: unread[0] });
    const rest = await receipts(alice, cid, seq, `?list=unread&limit=1&after=${page["next"] as string}`);
    expect(rest.json).toEqual({ users: unread.slice(1) });
    // Every member may ask; it is always the author who is not counted.
    await counted(carol, cid, seq, 2, 1);
    expect((await receipts(carol, cid, seq, "?list=read")).json).toEqual({ users: [carol.uid] });
    expect(codeOf(await receipts(alice, cid, seq + 1))).toBe("400 invalid_argument");
    expect(codeOf(await receipts(alice, cid, seq + 1, "?list=read"))).toBe("400 invalid_argument");
  });
});

describe("receipts", () => {
  test.each(["0", "-1", "1.5", "x", "1e300", "%20"])("of the entry %s are refused", async (seq) => {
    expect(codeOf(await receipts(alice, directCid(alice.uid, bob.uid), seq))).toBe("400 invalid_argument");
  });

  test.each(["?list=", "?list=all", "?list=read&limit=0", "?list=read&limit=1001", "?list=read&after=a.b"])(
    "with %s are refused",
    async (query) => {
      expect(codeOf(await receipts(alice, directCid(alice.uid, bob.uid), 1, query))).toBe("400 invalid_argument");
    },
  );

  test("[SEC1] of others' conversations are one answer", async () => {
    const cids = [directCid(alice.uid, bob.uid), directCid("a" as Uid, "b" as Uid), `s.${alice.uid}`, "s.u_nobody"];
    const answers = await Promise.all(cids.flatMap((cid) => ["1", "99?list=read"].map((q) => receipts(dave, cid, q))));
    for (const answer of answers) expect(codeOf(answer)).toBe("403 not_member");
    expect(new Set(answers.map((answer) => shown(answer))).size).toBe(1);
  });
});
