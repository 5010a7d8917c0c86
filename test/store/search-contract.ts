/** The contract of `Messages.search` and of the directory, for any driver. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import type { DirectoryPosition, ListedGroup } from "../../src/store/directory.ts";
import { highlights, newestFirst } from "../../src/store/message-search.ts";
import type { FoundMessage, FoundPosition, Searched, StoredMessage } from "../../src/store/messages.ts";
import { searchableText, termsOf, tokenPrefix } from "../../src/store/search-tokens.ts";
import type { Store } from "../../src/store/store.ts";
import { expectFound, type Finding } from "./finding.ts";
import { conversation, HARD_TEXTS, textAt } from "./messages-contract.ts";

/** Runs that part of the contract on the store that `open` gives. */
export function searchContract(driver: string, open: () => Store, finding: Finding): void {
  const { messages, directory } = open();

  /** All pages of a search. */
  const all = async (text: string, where: readonly Searched[], limit = 50): Promise<FoundMessage[]> => {
    const pages: FoundMessage[] = [];
    let after: FoundPosition | undefined;
    do {
      const page = await messages.search(text, where, after, limit);
      expect(page.found.length).toBeLessThanOrEqual(limit);
      pages.push(...page.found);
      after = page.next;
    } while (after !== undefined);
    return pages;
  };
  const expectAll = <T>(search: () => Promise<readonly T[]>, expected: readonly T[]): Promise<void> =>
    expectFound(finding, search, expected);
  /** The messages that are found, by what `as` makes of them. */
  const expectSome = <T>(
    as: (message: FoundMessage) => T,
    text: string,
    where: readonly Searched[],
    expected: readonly T[],
  ): Promise<void> => expectAll(async () => (await all(text, where)).map(as), expected);
  /** Puts texts into a conversation of their own; the answer asserts which of them a query finds. */
  const holding = async (...texts: string[]) => {
    const cid = conversation();
    await messages.put(
      cid,
      1,
      texts.map((text, i) => textAt(i + 1, text)),
    );
    return (query: string, expected: readonly string[]) =>
      expectSome(({ seq }) => texts[seq - 1], query, [{ cid, floor: 0 }], expected);
  };

  describe(`${driver}: search in messages`, () => {
    test("words are found whole, the last also by its beginning, in any case and order", async () => {
      const expectFind = await holding(
        "Hello there, World!",
        "hell is other people",
        "shells",
        "say hello twice: HELLO",
      );
      await expectFind("hello", ["say hello twice: HELLO", "Hello there, World!"]);
      await expectFind("world HELLO", ["Hello there, World!"]);
      await expectFind("hel", ["say hello twice: HELLO", "hell is other people", "Hello there, World!"]);
      await expectFind("hel world", []);
      await expectFind("ello", []);
    });

    test("short words and those that databases leave out are words", async () => {
      const expectFind = await holding("the a of to be or not", "I am", "x y", "www.who.com");
      for (const word of ["the", "a of", "or not", "be"]) await expectFind(word, ["the a of to be or not"]);
      await expectFind("y x", ["x y"]);
      await expectFind("com www", ["www.who.com"]);
    });

    test("Chinese, Japanese and Korean are found by any part", async () => {
      const expectFind = await holding(
        "我们明天在北京见面。",
        "明年见",
        "東京タワーで会いましょう",
        "학교에서 만나요",
        "我 们",
      );
      await expectFind("明天", ["我们明天在北京见面。"]);
      await expectFind("北京见", ["我们明天在北京见面。"]);
      await expectFind("见", ["明年见", "我们明天在北京见面。"]);
      await expectFind("面", ["我们明天在北京见面。"]);
      await expectFind("我们", ["我们明天在北京见面。"]);
      await expectFind("タワー", ["東京タワーで会いましょう"]);
      await expectFind("ﾀﾜｰ", ["東京タワーで会いましょう"]);
      await expectFind("교에", ["학교에서 만나요"]);
      await expectFind("明见", []);
    });

    test("scripts side by side, accents, other alphabets, pictographs", async () => {
      const expectFind = await holding(
        "买了iPhone手机",
        "Привет, мир",
        "naïve café",
        "Straße",
        "ok 👍🏽",
        "ΟΔΟΣ",
        "กรุงเทพ",
      );
      await expectFind("iphone 手机", ["买了iPhone手机"]);
      await expectFind("手机iphone", ["买了iPhone手机"]);
      await expectFind("ПРИВ", ["Привет, мир"]);
      await expectFind("na", ["naïve café"]);
      await expectFind("CAFE\u0301", ["naïve café"]);
      await expectFind("STRASSE", ["Straße"]);
      await expectFind("👍", ["ok 👍🏽"]);
      await expectFind("οδος", ["ΟΔΟΣ"]);
      await expectFind("เทพ", ["กรุงเทพ"]);
    });

    test("pairs that do not follow each other are no part of a text", async () => {
      const expectFind = await holding("北京大学 京大北", "大北京");
      // All pairs of the query stand in the first text, the query does not.
      await expectFind("大北京大", []);
      await expectFind("大北京", ["大北京"]);
    });

    test("words of any length, and a query of many", async () => {
      const [long, other] = [`${"x".repeat(100)}end`, `${"x".repeat(100)}other`];
      const many = Array.from({ length: 60 }, (_, n) => `q${n}`).join(" ");
      const expectFind = await holding(long, other, many, `${many} and more`, "ы".repeat(40));
      await expectFind("x".repeat(100), [other, long]);
      await expectFind(long, [long]);
      await expectFind(many, [`${many} and more`, many]);
      await expectFind(`${many} q60`, []);
      await expectFind("Ы".repeat(39), ["ы".repeat(40)]);
    });

    test("a query of nothing but signs finds nothing", async () => {
      const expectFind = await holding("a", "!", " ");
      for (const query of ["", " ", "!?", "-", "*", "\u200d", `+-"`]) await expectFind(query, []);
    });

    test.each([
      "+a",
      "-a",
      "a*",
      `"a`,
      "(a",
      "a)",
      "~a",
      "@a",
      ">a <",
      "a'",
      "a\\",
      "a%",
      "a AND",
      "OR a",
      "NOT a",
      "a NEAR",
    ])("%s is a query like any other", async (query) => {
      const expectFind = await holding("a b", "and or not near a");
      await expectFind(query, /[A-Z]{2}/.test(query) ? ["and or not near a"] : ["and or not near a", "a b"]);
    });

    test("hard texts are no harder to find", async () => {
      const texts = Object.values(HARD_TEXTS).map((text) => `needle ${text}`);
      const expectFind = await holding(...texts);
      await expectFind("needle", texts.toReversed());
      for (const text of texts) {
        const holders = texts.filter((each) => highlights(termsOf(text), each) !== undefined);
        expect(holders).toContain(text);
        await expectFind(text, holders.toReversed());
      }
    });

    test("only the conversations asked about are looked into, above their floors", async () => {
      const [mine, other, joined] = [conversation(), conversation(), conversation()];
      for (const cid of [mine, other, joined]) {
        await messages.put(
          cid,
          3,
          [1, 2, 3].map((seq) => textAt(seq, `pear ${seq}`)),
        );
      }
      const where = [
        { cid: mine, floor: 0 },
        { cid: joined, floor: 2 },
      ];
      await expectSome(({ cid, seq }) => [cid, seq], "pear", where, [
        [joined, 3],
        [mine, 3],
        [mine, 2],
        [mine, 1],
      ]);
      expect(await all("pear", [])).toEqual([]);
      expect(await all("pear", [{ cid: joined, floor: 3 }])).toEqual([]);
    });

    test("two conversations with one hash are two", async () => {
      const [a, b] = ["g.01000000000000000000076287", "g.01000000000000000000314665"] as Cid[] as [Cid, Cid];
      expect(tokenPrefix(a)).toBe(tokenPrefix(b));
      await messages.put(a, 1, [textAt(1, "secret plum")]);
      await messages.put(b, 1, [textAt(1, "plum cake")]);
      await expectSome(({ cid }) => cid, "plum", [{ cid: b, floor: 0 }], [b]);
    });

    test("what was recalled is not found, what was edited by its new text alone", async () => {
      const cid = conversation();
      const where = [{ cid, floor: 0 }];
      await messages.put(cid, 3, [textAt(1, "quince one"), textAt(2, "quince two"), textAt(3, "quince three")]);
      await messages.change(cid, 5, [{ seq: 1, amended: { recalled: true }, erased: true }]);
      const edited = { body: `{"text":"medlar"}`, edited: { seq: 4, ts: 1 }, edits: [4] };
      await messages.change(cid, 5, [{ seq: 2, amended: edited, erased: false }]);
      await messages.change(cid, 6, [{ seq: 3, amended: { reactions: { "👍": ["u_a"] } }, erased: false }]);
      await messages.put(cid, 3, [textAt(1, "quince one"), textAt(2, "quince two")]);
      await expectSome(({ seq }) => seq, "quince", where, [3]);
      await expectSome(({ seq }) => seq, "medlar", where, [2]);
      await messages.put(cid, 7, [textAt(2, "", { body: "", amended: { recalled: true } })]);
      expect(await all("medlar", where)).toEqual([]);
    });

    test("an older write that comes late brings no words back", async () => {
      const cid = conversation();
      const where = [{ cid, floor: 0 }];
      await messages.put(cid, 9, [textAt(1, "", { body: "", amended: { recalled: true } })]);
      await messages.put(cid, 4, [textAt(1, "loquat")]);
      await messages.change(cid, 5, [{ seq: 1, amended: { body: `{"text":"loquat"}` }, erased: false }]);
      expect(await all("loquat", where)).toEqual([]);
      expect(await all("loquat", where)).toEqual([]);
    });

    test("attachments are found by their names, and nothing else that is no text", async () => {
      const cid = conversation();
      const kinds = ["image", "file", "audio", "video", "custom", "system", "amend"] as const;
      const body = JSON.stringify({ attachment: "a1", name: "kumquat.pdf", text: "kumquat" });
      const put: StoredMessage[] = kinds.map((kind, i) => textAt(i + 1, "", { kind, body }));
      await messages.put(cid, 9, [...put, textAt(9, "", { kind: "image", body: `{"attachment":"kumquat"}` })]);
      for (const query of ["kumquat", "pdf"]) {
        await expectSome(({ kind }) => kind, query, [{ cid, floor: 0 }], ["video", "audio", "file", "image"]);
      }
    });

    test("pages of any size show each message once, newest first, whatever their times", async () => {
      const cids = Array.from({ length: 5 }, conversation);
      const written: FoundMessage[] = [];
      for (const [n, cid] of cids.entries()) {
        const entries = Array.from({ length: 7 }, (_, i) =>
          textAt(i + 1, `fig ${i}`, { ts: 1_000 + ((i * 3 + n) >> 2) }),
        );
        await messages.put(cid, 7, entries);
        written.push(...entries.map((entry) => ({ ...entry, cid })));
      }
      const where = cids.map((cid) => ({ cid, floor: 0 }));
      const whole = written.toSorted(newestFirst);
      for (const limit of [1, 3, 34, 35, 36, 50]) await expectAll(() => all("fig", where, limit), whole);
    });

    test("more conversations than a statement asks about", async () => {
      const cids = Array.from({ length: 600 }, conversation);
      const words = "sorb apple tree of many more words than a database is asked for";
      for (const n of [0, 249, 250, 599]) await messages.put(cids[n] as Cid, 1, [textAt(1, words, { ts: n })]);
      const where = cids.map((cid) => ({ cid, floor: 0 }));
      for (const query of ["apple sorb tr", words]) {
        for (const limit of [1, 50]) {
          await expectAll(async () => (await all(query, where, limit)).map(({ ts }) => ts), [599, 250, 249, 0]);
        }
      }
    });

    test("what a text holds is found, whatever the words and the conversations", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(text, { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
          text,
          async (logs, query) => {
            const held: FoundMessage[] = [];
            const where: Searched[] = [];
            for (const [n, texts] of logs.entries()) {
              const cid = conversation();
              const entries = texts.map((each, i) => textAt(i + 1, each));
              await messages.put(cid, 1, entries);
              if (n === 3) continue;
              where.push({ cid, floor: n === 1 ? 1 : 0 });
              held.push(...entries.filter(({ seq }) => seq > (n === 1 ? 1 : 0)).map((entry) => ({ ...entry, cid })));
            }
            const wanted = termsOf(query);
            const expected = held.filter(
              (message) => wanted.length > 0 && highlights(wanted, searchableText(message) ?? "") !== undefined,
            );
            await expectAll(() => all(query, where, 3), expected.toSorted(newestFirst));
          },
        ),
        { numRuns: 60 },
      );
    });
  });

  describe(`${driver}: directory`, () => {
    let made = 0;
    const group = (name: string, rest: Partial<ListedGroup> = {}): ListedGroup => {
      const owner = "u_ann" as Uid;
      return { id: conversation(), name, owner, members: 3, open: true, dismissed: false, version: 1, ...rest };
    };
    const put = async (name: string, rest: Partial<ListedGroup> = {}): Promise<ListedGroup> => {
      const one = group(name, rest);
      await directory.put(one);
      return one;
    };
    const every = async (query: string, limit: number): Promise<ListedGroup[]> => {
      const found: ListedGroup[] = [];
      let after: DirectoryPosition | undefined;
      do {
        const page = await directory.search(query, after, limit);
        expect(page.groups.length).toBeLessThanOrEqual(limit);
        found.push(...page.groups);
        after = page.next;
      } while (after !== undefined);
      return found;
    };
    const prefix = (): string => `dir${(made += 1)}x`;

    test("a group is found by its id, and by how its name begins if anybody may join it", async () => {
      const name = prefix();
      const joinable = await put(`${name} Club`, { members: 100_000, version: 7 });
      const closed = await put(`${name} secret`, { open: false });
      const gone = await put(`${name} gone`, { dismissed: true });
      for (const one of [joinable, closed, gone]) expect(await directory.find(one.id)).toEqual(one);
      expect(await directory.find(conversation())).toBeUndefined();
      expect(await every(name.toUpperCase(), 10)).toEqual([joinable]);
      expect(await every(`${name} c`, 10)).toEqual([joinable]);
      expect(await every("club", 10)).toEqual([]);
    });

    test("the newest version stays, whichever comes last", async () => {
      const name = prefix();
      const first = await put(`${name} a`, { version: 5 });
      const id = first.id;
      await directory.put({ ...first, name: `${name} older`, version: 4 });
      await directory.put({ ...first, name: `${name} same`, version: 5 });
      expect(await every(name, 10)).toEqual([first]);
      const second = { ...first, name: `${name} b`, open: false, members: 4, version: 6 };
      await directory.put(second);
      await directory.put(first);
      expect(await directory.find(id)).toEqual(second);
      expect(await every(name, 10)).toEqual([]);
      await Promise.all([9, 7, 11, 8, 10].map((version) => directory.put({ ...first, version, members: version })));
      expect(await every(name, 10)).toEqual([{ ...first, version: 11, members: 11 }]);
    });

    test("in the order of names, each once, whatever the size of a page", async () => {
      const name = prefix();
      const ends = ["a", "Á", "b", "B", "b", "é", "名", "\u{1f998}"];
      const groups: ListedGroup[] = [];
      for (const end of ends) groups.push(await put(name + end));
      const expected = ["a", "b", "B", "b", "Á", "é", "名", "\u{1f998}"].map((end) => name + end);
      const whole = await every(name, 50);
      expect(whole.map((each) => each.name).toSorted()).toEqual(expected.toSorted());
      expect(whole.map((each) => each.name.toLowerCase())).toEqual(expected.map((each) => each.toLowerCase()));
      for (const limit of [1, 2, 3, 8]) expect(await every(name, limit)).toEqual(whole);
    });

    test.each(Object.entries(HARD_TEXTS).map(([what, text_]) => [what, text_.toWellFormed()]))(
      "a name of %s comes back as it was, and is found",
      async (_what, text_) => {
        const one = await put(`${prefix()}${text_}`);
        expect(await directory.find(one.id)).toEqual(one);
        expect(await every(one.name, 10)).toEqual([one]);
      },
    );

    test("the longest names, which fold to longer ones", async () => {
      const one = await put("\ufdfa".repeat(128));
      expect(await directory.find(one.id)).toEqual(one);
      expect((await every("\ufdfa", 10)).map(({ id }) => id)).toEqual([one.id]);
    });

    test("a text of nothing finds no group", async () => {
      for (const query of ["", "  "]) expect(await directory.search(query, undefined, 10)).toEqual({ groups: [] });
    });
  });
}

const word = fc.constantFrom("he", "hello", "Hell", "the", "élan", "пр", "привет", "ПР", "a", "ab", "abc", "3d", "x1");
const run = fc
  .array(fc.constantFrom("中", "文", "字", "한", "あ", "👍", "ー"), { minLength: 1, maxLength: 4 })
  .map((of) => of.join(""));
const text = fc
  .array(fc.tuple(fc.oneof(word, run), fc.constantFrom(" ", "", "-", "。", "\n", "'")), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.flat().join(""));
