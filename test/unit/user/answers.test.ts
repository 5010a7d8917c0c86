import { describe, expect, test } from "vitest";
import { newestHeads, peerCounts } from "../../../src/durable-objects/user/answers.ts";
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
