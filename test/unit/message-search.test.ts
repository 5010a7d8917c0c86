import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Cid } from "../../src/protocol/ids.ts";
import { foundPage, highlights, mergedPage, newestFirst, type FindCandidates } from "../../src/store/message-search.ts";
import type { FoundMessage, FoundPosition } from "../../src/store/messages.ts";
import {
  askedTokens,
  messageTokens,
  searchableText,
  termsOf,
  textTokens,
  tokenPrefix,
} from "../../src/store/search-tokens.ts";

const cid = "g.01contract0000000000000001" as Cid;

/** What a query marks in a text, in brackets; undefined when it is not found. */
function marked(query: string, text: string): string | undefined {
  const places = highlights(termsOf(query), text);
  if (places === undefined) return undefined;
  let made = "";
  let at = 0;
  for (const [from, to] of places) {
    made += `${text.slice(at, from)}[${text.slice(from, to)}]`;
    at = to;
  }
  return made + text.slice(at);
}

describe("highlights are places of the text as it is", () => {
  test.each([
    ["hel", "Hello, hell!", "[Hel]lo, [hel]l!"],
    ["a b", "b a b ab", "[b] [a] [b] ab"],
    ["hell he", "hello hell", "[he]llo [hell]"],
    ["ﬁne", "fine ﬁne FINE", "[fine] [ﬁne] [FINE]"],
    ["fi", "oﬃce ﬁsh", "oﬃce [ﬁ]sh"],
    ["strasse", "Die Straße.", "Die [Straße]."],
    ["é", "e\u0301t\u00e9 été", "[e\u0301]t\u00e9 [é]té"],
    ["cafe", "café cafe", "café [cafe]"],
    ["co\u00adop", "coop co\u00adop", "[coop] [co\u00adop]"],
    ["中文", "说中文，中文字。中 文", "说[中文]，[中文]字。中 文"],
    ["中中", "中中中", "[中中中]"],
    ["👍", "😀👍🏽👍", "😀[👍]🏽[👍]"],
    ["한", "\u1112\u1161\u11ab 한국", "[\u1112\u1161\u11ab] [한]국"],
    ["iPhone手", "我的iphone手机", "我的[iphone手]机"],
    ["𝒳", "𝒳x", "[𝒳]x"],
    ["①", "1 ①", "[1] [①]"],
  ])("%s in %s", (query, text, expected) => {
    expect(marked(query, text)).toBe(expected);
  });

  test.each([
    ["hello", "hell"],
    ["a b", "a c"],
    ["hel world", "hello world"],
    ["ello", "hello"],
    ["中字", "中文字"],
    ["cafe", "café"],
    ["foo_bar", "foobar"],
  ])("%s is not in %s", (query, text) => {
    expect(marked(query, text)).toBeUndefined();
  });
});

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string({
    unit: fc.constantFrom(
      "中",
      "文",
      "a",
      "b",
      " ",
      "é",
      "e\u0301",
      "ß",
      "ﬁ",
      "한",
      "\u1112",
      "\u1161",
      "👍",
      "\ud83d",
    ),
  }),
);

test("a word of a query that comes again shows nothing more", () => {
  expect(highlights(termsOf("哈 哈 哈哈 哈"), "哈".repeat(5_000))).toEqual([[0, 5_000]]);
  expect(highlights(termsOf("a a a"), "a b a")).toEqual(highlights(termsOf("a"), "a b a"));
});

test("highlights rise, do not overlap, and stay inside of the text", () => {
  fc.assert(
    fc.property(anyText, anyText, (text, query) => {
      let at = 0;
      for (const [from, to] of highlights(termsOf(query), text) ?? []) {
        if (from < at || to <= from || to > text.length) return false;
        at = to + 1;
      }
      return true;
    }),
  );
});

test("any text is found by itself, and by each of its terms", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const terms = termsOf(text);
      for (const query of [terms, ...terms.map((term) => [term])]) expect(highlights(query, text)).toBeDefined();
    }),
  );
});

test("a text in which a query is found has all tokens that the query asks for", () => {
  fc.assert(
    fc.property(anyText, anyText, fc.nat(), fc.nat(), (text, other, from, length) => {
      const start = from % (text.length + 1);
      for (const query of [text.slice(start, start + (length % 12)), other]) {
        const terms = termsOf(query);
        if (terms.length === 0 || highlights(terms, text) === undefined) continue;
        const tokens = textTokens(cid, text).split(" ");
        for (const { token, beginning } of askedTokens(terms)) {
          const whole = tokenPrefix(cid) + token;
          expect(tokens.some((each) => (beginning ? each.startsWith(whole) : each === whole))).toBe(true);
        }
      }
    }),
  );
});

test("tokens are of an alphabet and a length that every database takes, each once", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const tokens = textTokens(cid, text).split(" ").filter(Boolean);
      expect(new Set(tokens).size).toBe(tokens.length);
      for (const token of tokens) expect(token).toMatch(/^[a-z0-9]{9,84}$/);
    }),
  );
  expect(textTokens(cid, "ы".repeat(8192)).length).toBeLessThanOrEqual(84);
});

test("a query asks for a few tokens, the longest of its own", () => {
  const asked = askedTokens(termsOf("a bb ccc dddd eeeee ffffff ggggggg hhhhhhhh iiiiiiiii j"));
  expect(asked).toHaveLength(8);
  expect(asked.map(({ token }) => token)).not.toContain("wa");
  expect(askedTokens(termsOf("中"))).toEqual([{ token: "c0ffx", beginning: true }]);
});

test("texts are found by what they say last, and recalled ones by nothing", () => {
  const body = `{"text":"old"}`;
  expect(searchableText({ kind: "text", body })).toBe("old");
  expect(searchableText({ kind: "text", body, amended: { body: `{"text":"new"}` } })).toBe("new");
  expect(searchableText({ kind: "text", body, amended: { recalled: true } })).toBe("");
  expect(searchableText({ kind: "text", body: "" })).toBe("");
  expect(searchableText({ kind: "text", body: "null" })).toBe("");
  expect(searchableText({ kind: "file", body: `{"attachment":"a","name":"n.txt"}` })).toBe("n.txt");
  expect(searchableText({ kind: "file", body: `{"attachment":"a","name":7}` })).toBe("");
  for (const kind of ["custom", "system", "amend"]) expect(messageTokens(cid, { kind, body })).toBeUndefined();
});

const message = (seq: number, text: string, ts = seq): FoundMessage => ({
  cid,
  seq,
  id: "x",
  from: "u" as never,
  ts,
  kind: "text",
  body: JSON.stringify({ text }),
  priority: 1,
  count: seq,
});

/** A store with these messages, of which some only share tokens with what is looked for. */
const holding = (held: readonly FoundMessage[]) => {
  const find: FindCandidates = async (_part, _tokens, after, limit) =>
    held
      .toSorted(newestFirst)
      .filter((each) => after === undefined || newestFirst(each, after) > 0)
      .slice(0, limit);
  return (after: FoundPosition | undefined, limit: number) => foundPage(find, "yes", [{ cid, floor: 0 }], after, limit);
};

test("a page that holds what only shares tokens is shorter, and not the last", async () => {
  const search = holding([message(4, "no"), message(3, "yes"), message(2, "no"), message(1, "yes")]);
  const first = await search(undefined, 3);
  expect(first).toEqual({ found: [message(3, "yes")], next: { ts: 2, cid, seq: 2 } });
  expect(await search(first.next, 3)).toEqual({ found: [message(1, "yes")] });
});

test("the pages of several stores make one order, each message once, none left out", async () => {
  const stored = fc.array(fc.tuple(fc.nat({ max: 9 }), fc.boolean(), fc.nat({ max: 2 })), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(stored, fc.integer({ min: 1, max: 4 }), async (of, limit) => {
      const messages = of.map(([ts, hit, store], n) => ({ store, message: message(n + 1, hit ? "yes" : "no", ts) }));
      const stores = [0, 1, 2].map((n) =>
        holding(messages.filter(({ store }) => store === n).map((each) => each.message)),
      );
      const found: FoundMessage[] = [];
      let after: FoundPosition | undefined;
      do {
        const page = mergedPage(await Promise.all(stores.map((search) => search(after, limit))), limit);
        expect(page.found.length).toBeLessThanOrEqual(limit);
        found.push(...page.found);
        after = page.next;
      } while (after !== undefined);
      const expected = messages.map((each) => each.message).filter(({ body }) => body.includes("yes"));
      expect(found).toEqual(expected.toSorted(newestFirst));
    }),
  );
});
