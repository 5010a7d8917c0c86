import { describe, expect, test } from "vitest";
import { newestHeads, peerCounts, searchable } from "../../../src/durable-objects/user/answers.ts";
import { Heads } from "../../../src/durable-objects/user/heads.ts";
import { UserStore, type HeadRow } from "../../../src/durable-objects/user/user-store.ts";
import type { Cid, Uid } from "../../../src/protocol/ids.ts";
import { openSqlite } from "../../support/sqlite.ts";

const ALICE = "alice" as Uid;
const CHAT = "d.alice.bob" as Cid;
const groupCid = (n: number): Cid => `g.${`${n}`.padStart(26, "0")}` as Cid;

function open(): Heads {
  const db = openSqlite();
  return new Heads(new UserStore(db.sql, db.transact), ALICE);
}

describe("heads for a list", () => {
  const cids = [groupCid(1), CHAT, groupCid(2), "s.alice" as Cid, groupCid(3)];
  const heads = open();
  // Half of them are on disk.
  for (const [i, cid] of cids.entries()) {
    heads.change(cid, { head: 1 }, i + 1);
    if (i === 2) heads.flush();
  }

  const pages = (limit: number, kind?: "group"): Cid[][] => {
    const found: Cid[][] = [];
    let cursor: string | undefined;
    do {
      const page = newestHeads(heads, cursor, limit, kind);
      found.push(page.rows.map((row) => row.cid));
      cursor = page.next;
    } while (cursor !== undefined && found.length < 9);
    return found;
  };

  test.each([1, 2, 3, 4, 5, 9])("newest change first, %d a page, none twice and none left out", (limit) => {
    const all = pages(limit);
    expect(all.flat()).toEqual(cids.toReversed());
    expect(all).toHaveLength(Math.ceil(cids.length / limit));
  });

  test.each([1, 2, 3, 9])("of groups only, %d a page", (limit) => {
    const all = pages(limit, "group");
    expect(all.flat()).toEqual([groupCid(3), groupCid(2), groupCid(1)]);
    expect(all).toHaveLength(Math.ceil(3 / limit));
  });

  test("of nobody's conversations are none", () => {
    expect(newestHeads(open(), undefined, 5)).toEqual({ rows: [] });
    expect(newestHeads(heads, "1", 5)).toEqual({ rows: [] });
  });
});

describe("where one may search", () => {
  const inGroup = (first: number, left: number) => ({ mode: "push" as const, relays: 1, first, left });
  const rows: [Cid, Partial<HeadRow>][] = [
    [CHAT, {}],
    ["s.alice" as Cid, {}],
    [groupCid(1), { membership: inGroup(1, 0) }],
    [groupCid(2), { membership: inGroup(7, 0) }],
    [groupCid(3), { membership: inGroup(1, 9) }],
  ];
  const heads = open();
  for (const [i, [cid, change]] of rows.entries()) heads.change(cid, change, i + 1);

  test("everywhere but in groups that were left, above what is not one's own", () => {
    expect(searchable(heads, {}, 10)).toEqual({
      where: [
        { cid: groupCid(2), floor: 6 },
        { cid: groupCid(1), floor: 0 },
        { cid: "s.alice", floor: 0 },
        { cid: CHAT, floor: 0 },
      ],
    });
    expect(searchable(open(), {}, 10)).toEqual({ where: [] });
  });

  test("some at a time, each once, also when some move up meanwhile", () => {
    const some = open();
    const cids = Array.from({ length: 7 }, (_, n) => groupCid(n));
    for (const [i, cid] of cids.entries()) some.change(cid, {}, i + 1);
    const found: Cid[] = [];
    let below: number | undefined;
    do {
      const { where, from } = searchable(some, { below }, 3);
      const again = from === undefined ? where : searchable(some, { below, from }, 3).where;
      expect(again).toEqual(where);
      found.push(...where.map(({ cid }) => cid));
      // What has been looked into changes: later pages of the same range have it still, and no other range has it.
      some.change(where[0]?.cid as Cid, {}, some.nextVersion(1));
      if (from !== undefined && below === undefined) {
        expect(new Set(searchable(some, { from }, 3).where)).toEqual(new Set(where));
      }
      below = from;
    } while (below !== undefined);
    expect(found).toEqual(cids.toReversed());
  });

  test("what moves up into a range is in it, and puts nothing out", () => {
    const some = open();
    for (const n of [1, 2, 3, 4]) some.change(groupCid(n), {}, n);
    const { from } = searchable(some, {}, 2);
    some.change(groupCid(1), {}, 5);
    const { where } = searchable(some, { from }, 2);
    expect(where.map(({ cid }) => cid)).toEqual([groupCid(1), groupCid(4), groupCid(3)]);
  });
});

describe("who has an entry of a conversation of two", () => {
  const at = (change: Partial<HeadRow>, cid = CHAT): Heads => {
    const heads = open();
    heads.change(cid, change, 1);
    return heads;
  };

  test("[RCP1] goes by the other's watermarks", () => {
    const heads = at({ head: 3, peerDelivered: 2, peerRead: 1 });
    const counts = [1, 2, 3].map((seq) => peerCounts(heads, ALICE, CHAT, seq));
    expect(counts).toEqual([
      { ok: true, value: { delivered: 1, read: 1, members: 1 } },
      { ok: true, value: { delivered: 1, read: 0, members: 1 } },
      { ok: true, value: { delivered: 0, read: 0, members: 1 } },
    ]);
  });

  test("is not known beyond the head, nor where nothing was written", () => {
    const refusal = { ok: false, error: { code: "invalid_argument" } };
    expect(peerCounts(at({ head: 3, peerDelivered: 9, peerRead: 9 }), ALICE, CHAT, 4)).toMatchObject(refusal);
    expect(peerCounts(open(), ALICE, CHAT, 1)).toMatchObject(refusal);
  });

  test("is nobody in one's system conversation", () => {
    const cid = "s.alice" as Cid;
    expect(peerCounts(at({ head: 1 }, cid), ALICE, cid, 1)).toEqual({
      ok: true,
      value: { delivered: 0, read: 0, members: 0 },
    });
  });

  test.each(["d.bob.carol", "s.bob", groupCid(1)])("[SEC1] is nothing that %s tells", (cid) => {
    const heads = at({ head: 3 }, cid as Cid);
    expect(peerCounts(heads, ALICE, cid as Cid, 1)).toMatchObject({ ok: false, error: { code: "not_member" } });
  });
});
