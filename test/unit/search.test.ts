import fc from "fast-check";
import { expect, test } from "vitest";
import { prefixRange, searchKey } from "../../src/store/search.ts";

/** Code point order, which is the order of UTF-8 bytes, and not that of JavaScript's strings. */
const below = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;

const letter = fc.constantFrom("a", "b", "%", "_", "\\", "'", "é", "\uffff", "🦘", "\u{10fffe}");
const text = fc.array(letter, { maxLength: 5 }).map((letters) => letters.join(""));

test("a range holds exactly the keys with its prefix", () => {
  fc.assert(
    fc.property(text, text, fc.boolean(), (prefix, other, longer) => {
      const key = longer ? prefix + other : other;
      const range = prefixRange(prefix);
      if (range === undefined) return prefix === "";
      return (!below(key, range.from) && below(key, range.to)) === key.startsWith(prefix);
    }),
  );
});

test("the key of a key is itself", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (name) => searchKey(searchKey(name)) === searchKey(name)));
});

test.each([
  ["ALICE", "alice"],
  ["  Bob ", "bob"],
  ["Ｆｕｌｌ", "full"],
  ["ﬁne", "fine"],
  ["É", "é"],
])("%s is found as %s", (name, key) => {
  expect(searchKey(name)).toBe(key);
});
