/** The contract of `src/store/contacts.ts`, for any driver. */
import { describe, expect, test } from "vitest";
import type { Uid } from "../../src/protocol/ids.ts";
import type { Contact, ContactState } from "../../src/store/contacts.ts";
import type { Store } from "../../src/store/store.ts";

const NOW = 1_800_000_000_000;

let made = 0;
/** Ids that no other test of the run has, in ascending order. */
const uid = (): Uid => `u_contact${String((made += 1)).padStart(6, "0")}` as Uid;

function contact(change: Partial<Contact> = {}): Contact {
  return { uid: uid(), peer: uid(), state: "requested", message: "", since: NOW, version: NOW, ...change };
}

/** Runs the contract on the store that `open` gives: migrated, and used by nobody else meanwhile. */
export function contactsContract(driver: string, open: () => Store): void {
  describe(`${driver}: contacts`, () => {
    const { contacts } = open();

    test("what was put is found, by this side of the pair alone", async () => {
      const mine = contact({ state: "incoming", message: "It's me" });
      await contacts.put(mine);
      expect(await contacts.find(mine.uid, mine.peer)).toEqual(mine);
      expect(await contacts.find(mine.peer, mine.uid)).toBeUndefined();
      expect(await contacts.list(mine.uid, undefined, 10)).toEqual([mine]);
      expect(await contacts.list(mine.peer, undefined, 10)).toEqual([]);
    });

    test("the newest version stays, in whatever order the versions come, and however often", async () => {
      const { uid: me, peer } = contact();
      const states: ContactState[] = ["requested", "contact", "none", "incoming"];
      const versions = states.map((state, n): Contact => {
        return { uid: me, peer, state, message: `m${n}`, since: NOW + n, version: NOW + n };
      });
      const newest = versions.at(-1);
      const orders = [
        [0, 1, 2, 3],
        [3, 2, 1, 0],
        [3, 3, 0, 0, 2, 1],
        [1, 3, 2],
        [2, 0, 3, 1, 3, 2],
      ];
      for (const order of orders) {
        const fresh = uid();
        for (const n of order) await contacts.put({ ...(versions[n] as Contact), peer: fresh });
        expect(await contacts.find(me, fresh)).toEqual({ ...newest, peer: fresh });
      }
      await Promise.all([...versions, ...versions].map((version) => contacts.put(version)));
      expect(await contacts.find(me, peer)).toEqual(newest);
    });

    test("the same version with something else in it changes nothing", async () => {
      const mine = contact({ state: "contact" });
      await contacts.put(mine);
      await contacts.put({ ...mine, state: "none", message: "late", since: 1 });
      expect(await contacts.find(mine.uid, mine.peer)).toEqual(mine);
    });

    test("pages go on behind a peer, without those that are nobody any more, whatever the size of a page", async () => {
      const me = uid();
      const states: ContactState[] = ["contact", "none", "requested", "incoming", "none", "contact", "none"];
      const all = states.map((state, n) => contact({ uid: me, state, version: NOW + n }));
      for (const each of all.toReversed()) await contacts.put(each);
      await contacts.put(contact({ peer: me }));
      const shown = all.filter(({ state }) => state !== "none");
      for (const limit of [1, 2, 3, 10]) {
        const found: Contact[] = [];
        for (;;) {
          const page = await contacts.list(me, found.at(-1)?.peer, limit);
          expect(page.length).toBeLessThanOrEqual(limit);
          found.push(...page);
          if (page.length < limit) break;
        }
        expect(found).toEqual(shown);
      }
      for (const state of ["contact", "requested", "incoming"] as const) {
        const those = shown.filter((each) => each.state === state);
        expect(await contacts.list(me, undefined, 10, state)).toEqual(those);
        expect(await contacts.list(me, those[0]?.peer, 10, state)).toEqual(those.slice(1));
      }
    });

    test.each([
      ["a quote", `'); DROP TABLE contacts; --`],
      ["double quotes and backslashes", `"\\'\\\\"`],
      ["emoji and joined characters", "👩‍👩‍👧‍👦 é ß 名前"],
      ["wildcards", "100%_\\"],
      ["NUL and other controls", "a\0b\u001a\b\t\r\n\u007f"],
      ["a byte order mark, blanks and replacement characters", "\ufeff a \ufffd  "],
      ["placeholders and comments", "? :name -- # /* ?? */ @a \u{10ffff}"],
      ["the greatest length there is", "🦘".repeat(512)],
    ])("a message with %s comes back as it was", async (_what, message) => {
      const mine = contact({ message });
      await contacts.put({ ...mine, message: "before", version: 1 });
      await contacts.put(mine);
      expect(await contacts.find(mine.uid, mine.peer)).toEqual(mine);
      expect(await contacts.list(mine.uid, undefined, 1)).toEqual([mine]);
    });

    test("users are told apart by case, and by blanks at the end", async () => {
      const mine = contact();
      await contacts.put(mine);
      for (const other of [mine.peer.toUpperCase(), `${mine.peer} `, `${mine.peer}_`]) {
        expect(await contacts.find(mine.uid, other as Uid)).toBeUndefined();
      }
      expect(await contacts.list(mine.uid.toUpperCase() as Uid, undefined, 10)).toEqual([]);
    });
  });

  test(`${driver}: many users at once, without those that do not exist`, async () => {
    const { users } = open();
    const ids = Array.from({ length: 250 }, uid);
    const there = [0, 89, 90, 249].map((at) => ids[at] as Uid);
    for (const id of there) await users.ensure(id, `name of ${id}`, NOW);
    const found = await users.findMany(ids);
    expect([...found.keys()].toSorted()).toEqual(there);
    for (const id of there) expect(found.get(id)).toEqual(await users.find(id));
    expect(await users.findMany([])).toEqual(new Map());
  });
}
