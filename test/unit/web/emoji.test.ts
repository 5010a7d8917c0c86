/** Pictures to write with. */
import { expect, test } from "vitest";
import { EMOJI, insert, QUICK } from "../../../web/src/view/emoji.ts";
import { isEmoji } from "../../../web/src/view/text.ts";

test("each is one picture, and there once", () => {
  for (const one of [...EMOJI, ...QUICK]) expect(`${one} ${isEmoji(one)}`).toBe(`${one} true`);
  expect(new Set(EMOJI).size).toBe(EMOJI.length);
});

test("one goes where the caret is, in place of what is marked", () => {
  expect(insert("so good", { from: 2, to: 2 }, "🎉")).toEqual({ text: "so🎉 good", caret: 4 });
  expect(insert("so good", { from: 3, to: 7 }, "🎉")).toEqual({ text: "so 🎉", caret: 5 });
  expect(insert("", { from: 0, to: 0 }, "🎉")).toEqual({ text: "🎉", caret: 2 });
});
