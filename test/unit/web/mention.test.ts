/** Completing names. */
import { describe, expect, test } from "vitest";
import { askedAt, candidates, complete, mentionedIn, type Person } from "../../../web/src/view/mention.ts";

const PEOPLE = ["Ann Lee", "Bob", "Lee Ann", "林悦"].map((name, index) => ({ user: `u${index}`, name }));
const names = (text: string): string[] => candidates(PEOPLE, text).map(({ name }) => name);

describe("mentions", () => {
  test.for([
    ["@", 1, ""],
    ["hi @an", 6, "an"],
    ["hi @ann le", 10, "ann le"],
    ["(@bo", 4, "bo"],
    ["@林", 2, "林"],
  ] as const)("are asked for in %s", ([text, caret, asked]) => {
    expect(askedAt(text, caret)?.text).toBe(asked);
  });

  test.for([
    ["mail me@example.com", 19],
    ["hi @ann ", 8],
    ["@a b c d", 8],
    ["no", 2],
    ["@ann", 0],
    ["@ann\nx", 6],
  ] as const)("are not asked for in %s", ([text, caret]) => {
    expect(askedAt(text, caret)).toBeUndefined();
  });

  test("names that begin so come first, then names with a word that does", () => {
    expect(names("lee")).toEqual(["Lee Ann", "Ann Lee"]);
    expect(names("B")).toEqual(["Bob"]);
    expect(names("林")).toEqual(["林悦"]);
    expect(names("x")).toEqual([]);
    expect(names("")).toHaveLength(4);
  });

  test("completing leaves what stands after the caret, with one space between", () => {
    const asked = askedAt("hi @an you", 6);
    if (asked === undefined) throw new Error("nothing is asked");
    expect(complete("hi @an you", asked, "Ann Lee")).toEqual({ text: "hi @Ann Lee you", caret: 12 });
  });

  const [ann, bob, , lin] = PEOPLE as [Person, Person, Person, Person];

  test("who is deleted from the text again is not mentioned", () => {
    expect(mentionedIn("hi @Bob and @Bob", [ann, bob, bob], [])).toEqual([bob.user]);
  });

  test("names typed by hand are meant when they stand alone and are one's", () => {
    const typed = (text: string): readonly string[] => mentionedIn(text, [], PEOPLE);
    expect(typed("@Bob, @林悦你好 (@Ann Lee)")).toEqual([bob.user, lin.user, ann.user]);
    expect(typed("@Bobby me@Bob @bob @Lee")).toEqual([]);
    expect(mentionedIn("@Bob", [], [...PEOPLE, { user: "u9", name: "Bob" }])).toEqual([]);
    expect(mentionedIn("@Bob", [bob], [...PEOPLE, { user: "u9", name: "Bob" }])).toEqual([bob.user]);
  });

  test("the longest name is meant, and at most as many as the server takes", () => {
    const bobRay = { user: "u9", name: "Bob Ray" };
    expect(mentionedIn("@Bob Ray", [bob, bobRay], [])).toEqual([bobRay.user]);
    expect(mentionedIn("@Bob Ray", [], [bob, bobRay])).toEqual([bobRay.user]);
    const many = Array.from({ length: 150 }, (_, index) => ({ user: `u${index}`, name: `N${index};` }));
    expect(mentionedIn(many.map(({ name }) => `@${name}`).join(" "), many, [])).toHaveLength(100);
  });
});
