/** The mathematics of a long list. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Heights } from "../../../web/src/view/heights.ts";
import { anchorOf, spanOf, topFor } from "../../../web/src/view/window.ts";

const heights = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 200 });

describe("heights", () => {
  test("say what adding up says, also after rows were measured", () => {
    fc.assert(
      fc.property(heights, fc.array(fc.tuple(fc.nat(199), fc.integer({ min: 1, max: 900 }))), (list, measured) => {
        const model = [...list];
        const sums = new Heights(list);
        for (const [index, height] of measured) {
          const there = index < model.length;
          expect(sums.set(index, height)).toBe(there && model[index] !== height);
          if (there) model[index] = height;
        }
        let top = 0;
        for (const [index, height] of model.entries()) {
          expect(sums.top(index)).toBe(top);
          expect(sums.of(index)).toBe(height);
          expect(sums.at(top)).toBe(index);
          expect(sums.at(top + height - 0.5)).toBe(index);
          top += height;
        }
        expect(sums.total).toBe(top);
        expect(sums.at(-5)).toBe(0);
        expect(sums.at(top + 5)).toBe(model.length - 1);
      }),
    );
  });

  test("of no rows are nothing", () => {
    const none = new Heights([]);
    expect([none.total, none.at(0), none.count, none.set(0, 5)]).toEqual([0, 0, 0, false]);
    expect(spanOf(none, 0, 800)).toEqual({ from: 0, to: 0 });
  });
});

describe("the window", () => {
  test("holds every row that is to be seen, and few more however long the list is", () => {
    fc.assert(
      fc.property(heights, fc.nat(40_000), (list, top) => {
        const sums = new Heights(list);
        const { from, to } = spanOf(sums, top, 800);
        for (const [index] of list.entries()) {
          const begins = sums.top(index);
          const seen = begins < top + 800 && begins + sums.of(index) > top;
          if (seen) expect(index >= from && index < to).toBe(true);
        }
      }),
    );
    const { from, to } = spanOf(new Heights(new Float64Array(50_000).fill(40)), 1_000_000, 800);
    expect(to - from).toBe(51);
  });

  test("stays where the eye is when rows come before it and heights change", () => {
    const keys = ["a", "b", "c", "d", "e"];
    const before = new Heights([100, 100, 100, 1000, 1000]);
    const anchor = anchorOf(before, keys, { top: 230, height: 500 });
    expect(anchor).toEqual({ key: "c", above: 30 });
    const now = ["x", "y", ...keys];
    const after = new Heights([70, 80, 150, 150, 100, 1000, 1000]);
    const indexOf = (key: string): number | undefined => now.indexOf(key);
    expect(topFor(anchor, after, indexOf, 500)).toBe(70 + 80 + 150 + 150 + 30);
  });

  test("stays at the end when it is there, or nearly", () => {
    const rows = new Heights([100, 100, 500]);
    expect(anchorOf(rows, ["a", "b", "c"], { top: 200, height: 500 })).toBe("end");
    expect(anchorOf(rows, ["a", "b", "c"], { top: 160, height: 500 })).toBe("end");
    expect(anchorOf(rows, ["a", "b", "c"], { top: 140, height: 500 })).toEqual({ key: "b", above: 40 });
    expect(topFor("end", new Heights([100, 100, 500, 50]), () => undefined, 500)).toBe(250);
    expect(topFor("end", new Heights([10]), () => undefined, 500)).toBe(0);
    expect(topFor({ key: "gone", above: 0 }, rows, () => undefined, 500)).toBeUndefined();
  });
});
