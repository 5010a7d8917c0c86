/** What the web client keeps beside messages: drafts, names; and names that nobody can see. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cardsOf, isOld, keptOf, type Card } from "../../../web/src/view/cards.ts";
import { draftsOf, withDraft, type DraftList } from "../../../web/src/view/drafts.ts";
import { visible } from "../../../web/src/view/name.ts";

describe("drafts", () => {
  test("the newest are kept, one for a chat, and no more than there is room for", () => {
    const writing = fc.array(fc.tuple(fc.nat(80), fc.constantFrom("", "short", "x".repeat(16_384))), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(writing, (all) => {
        let list: DraftList = [];
        for (const [chat, text] of all) {
          list = withDraft(list, `c${chat}`, { text, reply: 3, people: [{ user: "u_a", name: "A" }] });
          expect(list.at(-1)?.[0] === `c${chat}`).toBe(text !== "");
        }
        expect(new Set(list.map(([cid]) => cid)).size).toBe(list.length);
        expect(list.length).toBeLessThanOrEqual(50);
        expect(list.reduce((sum, [, { text }]) => sum + text.length, 0)).toBeLessThanOrEqual(100_000);
        expect(draftsOf(JSON.parse(JSON.stringify(list)))).toEqual(list);
      }),
    );
  });

  test("one that is longer than there is room for is kept alone", () => {
    expect(withDraft([["a", { text: "x" }]], "b", { text: "y".repeat(200_000) }).map(([cid]) => cid)).toEqual(["b"]);
  });

  test("what somebody put in their place is none", () => {
    expect(draftsOf([["a", { text: "x", reply: "1", people: [1, { user: "u" }], more: 1 }]])).toEqual([
      ["a", { text: "x" }],
    ]);
    for (const strange of [
      undefined,
      null,
      {},
      "x",
      [1],
      [["a"]],
      [["a", 1]],
      [["a", { text: "b" }, "c"]],
      [["a", null]],
      [["a", { text: 1 }]],
    ])
      expect(draftsOf(strange)).toEqual([]);
  });
});

describe("cards", () => {
  const card = (at: number): Card => ({ name: "Ann", username: "ann", at });

  test("are asked again after a day, and when a clock was wrong", () => {
    const now = 1e12;
    expect([undefined, card(now - 1), card(now - 86_400_001), card(now + 1)].map((one) => isOld(one, now))).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  test("of 500 people are kept, those asked last, and come back as they were", () => {
    const cards = new Map(Array.from({ length: 700 }, (_, index) => [`u${index}`, card(700 - index)]));
    const kept = cardsOf(JSON.parse(JSON.stringify(keptOf(cards))));
    expect(kept.size).toBe(500);
    expect(kept.get("u0")).toEqual(card(700));
    expect(kept.has("u600")).toBe(false);
  });

  test("what somebody put in their place is none", () => {
    for (const strange of [undefined, {}, [null], [["a", null]], [["a", { name: "x" }]], [[1, card(1)]]])
      expect(cardsOf(strange).size).toBe(0);
  });
});

test("a name of signs without a shape is none", () => {
  for (const none of [
    undefined,
    "",
    " ",
    "\u200B",
    "\u200B\u2060\uFEFF",
    "\u3164",
    "\u2800\u2800",
    "\u00AD",
    "\u{E0020}",
  ])
    expect(visible(none)).toBe("");
  for (const name of ["Ann", "林悦", "👩‍👩‍👧", "\u200BAnn", "·", "1"]) expect(visible(name)).toBe(name);
});
