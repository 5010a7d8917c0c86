/** The steps of an account's end, with an object that dies at any of them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Deletion, type DeletionStep } from "../../../src/durable-objects/user/deletion.ts";
import { USER_SCHEMA } from "../../../src/durable-objects/user/user-schema.ts";
import { TABLES, UserStore } from "../../../src/durable-objects/user/user-store.ts";
import { Heads } from "../../../src/durable-objects/user/heads.ts";
import { directCid, type Cid, type Uid } from "../../../src/protocol/ids.ts";
import { openSqlite } from "../../support/sqlite.ts";
import { ALICE, CONFIG, START } from "./fixture.ts";

const SETTLED = START + 60_000;
const peer = (n: number): Uid => `peer${String(n).padStart(3, "0")}` as Uid;

test("an account consists of all tables there are", () => {
  const made = USER_SCHEMA.flatMap((step) => /CREATE TABLE (\w+)/.exec(step)?.[1] ?? []);
  expect([...TABLES].toSorted()).toEqual(made.toSorted());
});

test("the time between the rounds begins when the account is gone in the store, however long that took", () => {
  const db = openSqlite();
  const deletion = new Deletion(ALICE, new UserStore(db.sql, db.transact), CONFIG);
  deletion.begin(START);
  const late = START + 3_600_000;
  expect(deletion.next(late)).toEqual({ do: "account" });
  deletion.took({ do: "account" }, late);
  deletion.took(deletion.next(late) as DeletionStep, late);
  expect([deletion.next(late), deletion.wakeAt(late, 5)]).toEqual([undefined, late + 60_000]);
  expect(deletion.next(late + 60_000)).toEqual({ do: "account" });
  db.close();
});

test("whenever the object dies, everything is left in both rounds, the account goes first, and all is wiped last", () => {
  const life = fc.record({
    chats: fc.integer({ min: 0, max: 40 }),
    groups: fc.integer({ min: 0, max: 20 }),
    blocks: fc.integer({ min: 0, max: 20 }),
    contacts: fc.integer({ min: 0, max: 40 }),
    /** After so many steps each: `lost`: before that was noted. */
    deaths: fc.array(fc.record({ after: fc.nat(6), lost: fc.boolean() }), { maxLength: 8 }),
  });
  fc.assert(
    fc.property(life, ({ chats, groups, blocks, contacts, deaths }) => {
      const db = openSqlite();
      const store = new UserStore(db.sql, db.transact);
      const heads = new Heads(store, ALICE);
      const cids = new Set<Cid>();
      const add = (cid: Cid): void => {
        heads.change(cid, { head: 1 }, heads.nextVersion(START));
        cids.add(cid);
      };
      for (let n = 0; n < chats; n += 1) add(directCid(ALICE, peer(n)));
      for (let n = 0; n < groups; n += 1) add(`g.${String(n).padStart(26, "0")}` as Cid);
      heads.change(`s.${ALICE}` as Cid, { head: 1 }, heads.nextVersion(START));
      heads.flush();
      for (let n = 0; n < blocks; n += 1) {
        store.setBlock(peer(500 + n), true, START);
        cids.add(directCid(ALICE, peer(500 + n)));
      }
      // The store's list, in its order, a page at a time.
      const list = Array.from({ length: contacts }, (_, n) => peer(100 + n));

      let deletion = new Deletion(ALICE, store, CONFIG);
      expect(deletion.next(START)).toBeUndefined();
      deletion.begin(START);
      const left = [new Set<Cid>(), new Set<Cid>()];
      const done: DeletionStep["do"][] = [];
      let now = START;
      let round = 0;
      const take = (step: DeletionStep): Uid | undefined => {
        done.push(step.do);
        if (step.do === "depart") for (const cid of step.cids) left[round]?.add(cid);
        if (step.do !== "contacts") return undefined;
        const page = list.filter((uid) => uid > (step.after ?? "")).slice(0, step.limit);
        for (const uid of page) left[round]?.add(directCid(ALICE, uid));
        return page.length < step.limit ? undefined : page.at(-1);
      };
      const plan = [...deaths];
      let steps = 0;
      while (!deletion.done) {
        const step = deletion.next(now);
        if (step === undefined) {
          expect([round, deletion.wakeAt(now, 5)]).toEqual([0, SETTLED]);
          now = SETTLED;
          round = 1;
          continue;
        }
        expect(deletion.wakeAt(now, 5)).toBe(now + 5);
        const last = take(step);
        steps += 1;
        const dies = plan[0] !== undefined && steps > plan[0].after;
        if (!dies || plan[0]?.lost === false) deletion.took(step, now, last);
        if (!dies) continue;
        plan.shift();
        steps = 0;
        deletion = new Deletion(ALICE, new UserStore(db.sql, db.transact), CONFIG);
      }
      for (const uid of list) cids.add(directCid(ALICE, uid));
      for (const of of left) expect([...of].toSorted()).toEqual([...cids].toSorted());
      expect([done[0], done.at(-1), deletion.wakeAt(now, 5)]).toEqual(["account", "wipe", undefined]);
      const again = new UserStore(db.sql, db.transact);
      expect([again.headsSince(0), again.blocks(), new Deletion(ALICE, again, CONFIG).done]).toEqual([[], [], true]);
      again.write([heads.get([...cids][0] ?? (`s.${ALICE}` as Cid)) ?? heads.change(`s.${ALICE}` as Cid, {}, 1)], []);
      expect(again.headsSince(0)).toEqual([]);
      db.close();
    }),
    { numRuns: 60 },
  );
});
