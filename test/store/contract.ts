/** The contract of `src/store/store.ts`, for any driver. */
import { describe, expect, test } from "vitest";
import type { Uid } from "../../src/protocol/ids.ts";
import type { Login, SearchPosition, Store, User } from "../../src/store/store.ts";
import type { Finding } from "./finding.ts";
import { conversation, messagesContract, textAt } from "./messages-contract.ts";
import { searchContract } from "./search-contract.ts";

const NOW = 1_800_000_000_000;
const LATER = NOW + 60_000;

let made = 0;
/** Ids that no other test of the run has. */
const uid = (): Uid => `u_contract${(made += 1)}` as Uid;
const word = (prefix: string): string => `${prefix}${(made += 1)}`;

/** One call of every method that asks the database. */
export function everyCall(store: Store): Promise<unknown>[] {
  const { users, logins, claims, messages, directory, contacts } = store;
  const id = uid();
  const cid = conversation();
  const contact = { uid: id, peer: id, state: "contact", message: "", since: 1, version: 1 } as const;
  return [
    users.create({ id, username: "u", name: "u", password: "p" }, 1),
    users.ensure(id, "u", 1),
    users.find(id),
    users.findMany([id]),
    users.findByUsername("u"),
    users.credentials("u"),
    users.update(id, { name: "u" }, 1),
    users.remove(id, 1),
    users.names([id]),
    users.exists(id),
    users.search("u", undefined, 1),
    logins.begin({ id: "l", uid: id, family: "f", current: "c", expires: 1, exchanged: 0 }, 1),
    logins.find("l"),
    logins.rotate("l", "a", "b", 1, 1),
    logins.end("l"),
    logins.endAll(id),
    claims.claim({ key: "k", request: "r", outcome: "o", expires: 1 }, 1),
    messages.put(cid, 1, [textAt(1, "t")]),
    messages.change(cid, 1, [{ seq: 1, amended: undefined, erased: true }]),
    messages.read(cid, 1, 1),
    messages.head(cid),
    messages.search("t", [{ cid, floor: 0 }], undefined, 1),
    directory.put({ id: cid, name: "g", owner: id, members: 1, open: true, dismissed: false, version: 1 }),
    directory.find(cid),
    directory.search("g", undefined, 1),
    contacts.put(contact),
    contacts.find(id, id),
    contacts.list(id, undefined, 1),
    store.ping(),
  ];
}

/** Runs the contract on the store that `open` gives: migrated, and used by nobody else meanwhile. */
export function storeContract(driver: string, open: () => Store, finding: Finding): void {
  describe(`${driver}: users`, () => {
    const { users } = open();
    const create = async (username: string, name = username): Promise<Uid> => {
      const id = uid();
      expect(await users.create({ id, username, name, password: "hash" }, NOW)).toBe("created");
      return id;
    };

    test("a created user is found by id and by username", async () => {
      const username = word("ann");
      const id = await create(username, "Ann");
      const expected = { id, username, name: "Ann", avatar: null, created: NOW, updated: NOW, deleted: 0 };
      expect(await users.find(id)).toEqual(expected);
      expect(await users.findByUsername(username)).toEqual(expected);
      expect(await users.exists(id)).toBe(true);
    });

    test("nobody is found under unknown ids and usernames", async () => {
      const id = uid();
      expect(await users.find(id)).toBeUndefined();
      expect(await users.findByUsername("nobody")).toBeUndefined();
      expect(await users.credentials("nobody")).toBeUndefined();
      expect(await users.exists(id)).toBe(false);
      expect(await users.update(id, { name: "x" }, NOW)).toBeUndefined();
    });

    test("a taken username or id changes nothing", async () => {
      const username = word("ben");
      const id = await create(username);
      const other = uid();
      const same = { username, name: "thief", password: "other" };
      expect(await users.create({ id: other, ...same }, LATER)).toBe("taken");
      expect(await users.create({ id, ...same, username: word("ben") }, LATER)).toBe("taken");
      expect(await users.exists(other)).toBe(false);
      expect(await users.credentials(username)).toMatchObject({ user: { id, name: username }, password: "hash" });
    });

    test("of several who want one username at once exactly one gets it", async () => {
      const username = word("race");
      const outcomes = await Promise.all(
        Array.from({ length: 5 }, () => users.create({ id: uid(), username, name: "x", password: "p" }, NOW)),
      );
      expect(outcomes.toSorted()).toEqual(["created", "taken", "taken", "taken", "taken"]);
    });

    test("ensure makes a row once, without username and password", async () => {
      const id = uid();
      await users.ensure(id, "First", NOW);
      await users.ensure(id, "Second", LATER);
      expect(await users.find(id)).toEqual({
        id,
        username: null,
        name: "First",
        avatar: null,
        created: NOW,
        updated: NOW,
        deleted: 0,
      });
      const several = [uid(), uid()];
      for (const each of several) await users.ensure(each, "No username either", NOW);
      expect((await users.names(several)).size).toBe(2);
    });

    test("ensure leaves an account alone", async () => {
      const username = word("cid");
      const id = await create(username, "Cid");
      await users.ensure(id, "Other", LATER);
      expect(await users.credentials(username)).toMatchObject({ user: { name: "Cid" }, password: "hash" });
    });

    test("update changes what is given and nothing else", async () => {
      const id = await create(word("dan"), "Dan");
      expect(await users.update(id, { avatar: "a.png" }, LATER)).toMatchObject({ name: "Dan", avatar: "a.png" });
      expect(await users.update(id, { name: "Daniel" }, LATER)).toMatchObject({ name: "Daniel", avatar: "a.png" });
      expect(await users.update(id, { avatar: null }, LATER + 1)).toMatchObject({ name: "Daniel", avatar: null });
      expect(await users.find(id)).toMatchObject({ name: "Daniel", avatar: null, created: NOW, updated: LATER + 2 });
    });

    test("of a deleted account stay its id and its username, which is found by nobody and given to nobody", async () => {
      const username = word("gone");
      const id = await create(username, "Gone Girl");
      await users.update(id, { avatar: "a.png" }, NOW);
      const left = { id, username, name: "", avatar: null, created: NOW, updated: LATER, deleted: LATER };
      expect(await users.remove(id, LATER)).toEqual(left);
      expect(await users.remove(id, LATER + 9)).toEqual(left);
      expect(await users.find(id)).toEqual(left);
      expect((await users.findMany([id])).get(id)).toEqual(left);
      expect(await users.exists(id)).toBe(false);
      expect((await users.names([id])).size).toBe(0);
      expect(await users.findByUsername(username)).toBeUndefined();
      expect(await users.credentials(username)).toBeUndefined();
      for (const text of [username, "gone girl"]) expect((await users.search(text, undefined, 10)).users).toEqual([]);
      expect(await users.update(id, { name: "Back" }, LATER + 9)).toBeUndefined();
      expect(await users.create({ id: uid(), username, name: "x", password: "p" }, LATER)).toBe("taken");
      await users.ensure(id, "Back", LATER + 9);
      expect(await users.find(id)).toEqual(left);
      expect(await users.remove(uid(), LATER)).toBeUndefined();
    });

    test("`updated` rises with every change, whatever the clock says", async () => {
      const id = await create(word("eva"), "Eva");
      const seen: (number | undefined)[] = [];
      for (const now of [LATER, LATER, NOW - 1, LATER + 100]) seen.push((await users.update(id, {}, now))?.updated);
      expect(seen).toEqual([LATER, LATER + 1, LATER + 2, LATER + 100]);
    });

    test("names of many ids at once, without those that do not exist", async () => {
      const ids = Array.from({ length: 250 }, uid);
      const there = [0, 89, 90, 249].map((at) => ids[at] as Uid);
      for (const id of there) await users.ensure(id, `name of ${id}`, NOW);
      expect(await users.names(ids)).toEqual(new Map(there.map((id) => [id, `name of ${id}`])));
      expect(await users.names([])).toEqual(new Map());
      const found = await users.findMany(ids);
      expect([...found.keys()].toSorted()).toEqual(there.toSorted());
      for (const id of there) expect(found.get(id)).toEqual(await users.find(id));
    });

    test.each([
      ["a quote", `'); DROP TABLE users; --`],
      ["double quotes and backslashes", `"\\'\\\\"`],
      ["emoji and joined characters", "👩‍👩‍👧‍👦 é ß 名前"],
      ["wildcards", "100%_\\"],
      ["NUL and other controls", "a\0b\u001a\b\t\r\n\u007f"],
      ["a byte order mark, blanks and replacement characters", "\ufeff a \ufffd  "],
      ["placeholders and comments", "? :name -- # /* ?? */ @a \u{10ffff}"],
    ])("text with %s comes back as it was", async (_what, text) => {
      const id = uid();
      await users.ensure(id, text, NOW);
      await users.update(id, { avatar: text }, NOW);
      expect(await users.find(id)).toMatchObject({ name: text, avatar: text });
    });
  });

  test(`${driver}: texts that a collation takes for one are two`, async () => {
    const { users } = open();
    const base = word("equal");
    const usernames = ["e", "E", "é", "e\u0301", "e ", "e\t", "e\0", "ß", "ss", "🦘", "🦙"].map((end) => base + end);
    for (const username of usernames) {
      expect(await users.create({ id: uid(), username, name: "x", password: "p" }, NOW)).toBe("created");
    }
    for (const username of usernames) expect((await users.findByUsername(username))?.username).toBe(username);
    const id = word("u_Id");
    await users.ensure(id as Uid, "upper", NOW);
    expect(await users.exists(id.toLowerCase() as Uid)).toBe(false);
    expect(await users.exists(`${id} ` as Uid)).toBe(false);
  });

  describe(`${driver}: search`, () => {
    const { users } = open();
    const all = async (text: string, limit: number): Promise<User[]> => {
      const found: User[] = [];
      let after: SearchPosition | undefined;
      do {
        const page = await users.search(text, after, limit);
        expect(page.users.length).toBeLessThanOrEqual(limit);
        found.push(...page.users);
        after = page.next;
      } while (after !== undefined);
      return found;
    };
    const named = async (name: string, username?: string): Promise<Uid> => {
      const id = uid();
      if (username === undefined) await users.ensure(id, name, NOW);
      else await users.create({ id, username, name, password: "p" }, NOW);
      return id;
    };

    test("first who has the username, then who has the name, each once, whatever the size of a page", async () => {
      const byUsername = [await named("zeta", "quokka.a"), await named("quokka", "quokka.b")];
      const byName = [await named("Quokka"), await named("QUOKKA two", "first"), await named("quokka two")];
      await named("quokk", "quokk");
      await named("a quokka", "other");
      const expected = [...byUsername, ...byName];
      for (const limit of [1, 2, 3, 5, 50]) {
        expect((await all("Quokka", limit)).map((user) => user.id)).toEqual(expected);
      }
    });

    test.each(["%", "_", "\\", "%_", "'", "*", "?"])("%s stands for itself", async (sign) => {
      const id = await named(`${sign}sign of ${sign}`);
      const found = await all(sign, 10);
      expect(found.map((user) => user.id)).toContain(id);
      for (const { name, username } of found) expect(name.startsWith(sign) || username?.startsWith(sign)).toBe(true);
    });

    test("case and width do not matter, and emoji are letters like any other", async () => {
      const id = await named("Ｗomba🦘t Élan");
      for (const text of ["womba", "WOMBA", "wombA🦘", "womba🦘t é"]) {
        expect((await all(text, 10)).map((user) => user.id)).toEqual([id]);
      }
    });

    test("the order is that of code points, also behind the prefix", async () => {
      const ends = ["", "\0", "\t", " a", "a", "b", "é", "ﬀ", "\ufffd", "\u{10000}", "\u{10fffd}"];
      const ids = new Map<string, Uid>();
      for (const end of ends.toReversed()) ids.set(end, await named(`dingo${end}.`));
      // "." is below the letters and above the controls; the ligature folds to two letters.
      const expected = ["\0", "\t", " a", "", "a", "b", "ﬀ", "é", "\ufffd", "\u{10000}", "\u{10fffd}"];
      for (const limit of [1, 4, 50]) {
        expect((await all("dingo", limit)).map((user) => user.id)).toEqual(expected.map((end) => ids.get(end)));
      }
    });

    test("the longest names", async () => {
      // Folding makes 18 letters of each of these.
      const id = await named("\ufdfa".repeat(64));
      expect((await all("\ufdfa", 10)).map((user) => user.id)).toEqual([id]);
    });

    test("a new name is found, the old one no longer", async () => {
      const id = await named("Numbat");
      await users.update(id, { name: "Echidna" }, LATER);
      expect(await all("numbat", 10)).toEqual([]);
      expect((await all("echidna", 10)).map((user) => user.id)).toEqual([id]);
    });

    test("a text of nothing finds nobody", async () => {
      expect(await users.search("", undefined, 10)).toEqual({ users: [] });
      expect(await users.search("   ", undefined, 10)).toEqual({ users: [] });
    });
  });

  describe(`${driver}: logins`, () => {
    const { logins } = open();
    const login = (): Login => ({
      id: word("login"),
      uid: uid(),
      family: "f",
      current: "one",
      expires: LATER,
      exchanged: 0,
    });

    test("a login is found until it ends, and ending it again is no error", async () => {
      const mine = login();
      await logins.begin(mine, NOW);
      await logins.begin(mine, NOW);
      expect(await logins.find(mine.id)).toEqual(mine);
      await logins.end(mine.id);
      await logins.end(mine.id);
      expect(await logins.find(mine.id)).toBeUndefined();
    });

    test("of several who exchange one token at once exactly one succeeds", async () => {
      const mine = login();
      await logins.begin(mine, NOW);
      const outcomes = await Promise.all(
        ["a", "b", "c"].map((to) => logins.rotate(mine.id, "one", to, LATER + 1, NOW + 1)),
      );
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      const winner = ["a", "b", "c"][outcomes.indexOf(true)];
      expect(await logins.find(mine.id)).toEqual({ ...mine, current: winner, expires: LATER + 1, exchanged: NOW + 1 });
    });

    test("nothing is exchanged for a wrong token, or in a login that has ended", async () => {
      const mine = login();
      await logins.begin(mine, NOW);
      expect(await logins.rotate(mine.id, "wrong", "two", LATER, NOW)).toBe(false);
      await logins.end(mine.id);
      expect(await logins.rotate(mine.id, "one", "two", LATER, NOW)).toBe(false);
      expect(await logins.find(mine.id)).toBeUndefined();
    });

    test("all logins of a user end, and nobody else's", async () => {
      const [one, other] = [login(), login()];
      const two = { ...login(), uid: one.uid };
      for (const each of [one, two, other]) await logins.begin(each, NOW);
      await logins.endAll(one.uid, two.id);
      expect([await logins.find(one.id), await logins.find(two.id)]).toEqual([undefined, two]);
      await logins.endAll(one.uid);
      await logins.endAll(one.uid);
      expect([await logins.find(one.id), await logins.find(two.id)]).toEqual([undefined, undefined]);
      expect(await logins.find(other.id)).toEqual(other);
    });

    test("beginning a login forgets those that expired", async () => {
      const [old, young] = [login(), { ...login(), expires: LATER + 2 }];
      await logins.begin(old, NOW);
      await logins.begin(young, LATER + 1);
      expect(await logins.find(old.id)).toBeUndefined();
      expect(await logins.find(young.id)).toEqual(young);
    });
  });

  describe(`${driver}: claims`, () => {
    const { claims } = open();

    test("the first claim of a key holds it", async () => {
      const key = word("key");
      const first = { key, request: "r1", outcome: "o1", expires: LATER };
      expect(await claims.claim(first, NOW)).toEqual(first);
      expect(await claims.claim({ key, request: "r2", outcome: "o2", expires: LATER }, NOW)).toEqual(first);
    });

    test("several at once all learn the same outcome", async () => {
      const key = word("key");
      const held = await Promise.all(
        ["a", "b", "c"].map((outcome) => claims.claim({ key, request: "r", outcome, expires: LATER }, NOW)),
      );
      expect(new Set(held.map((claim) => claim.outcome)).size).toBe(1);
    });

    test("of several who want an expired claim at once all learn the same outcome", async () => {
      const key = word("key");
      await claims.claim({ key, request: "r", outcome: "old", expires: LATER }, NOW);
      const held = await Promise.all(
        Array.from({ length: 12 }, (_, n) =>
          claims.claim({ key, request: "r", outcome: `new${n}`, expires: LATER + 1 }, LATER),
        ),
      );
      const outcomes = new Set(held.map((claim) => claim.outcome));
      expect([...outcomes]).toEqual([expect.stringMatching(/^new/)]);
    });

    test("an expired claim gives way", async () => {
      const key = word("key");
      await claims.claim({ key, request: "r1", outcome: "o1", expires: LATER }, NOW);
      const next = { key, request: "r2", outcome: "o2", expires: LATER + 1 };
      expect(await claims.claim(next, LATER)).toEqual(next);
    });
  });

  messagesContract(driver, open);
  searchContract(driver, open, finding);

  test(`${driver}: a store with its tables answers`, async () => {
    await expect(open().ping()).resolves.toBeUndefined();
  });
}
