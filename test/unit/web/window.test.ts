/** The mathematics of a long list. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Heights } from "../../../web/src/view/heights.ts";
import { Layout } from "../../../web/src/view/layout.ts";
import { anchorOf, equalSpan, spanOf, topFor } from "../../../web/src/view/window.ts";

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

describe("a layout", () => {
  const height = (key: string): number => 10 + (key.codePointAt(0) ?? 0);
  const keys = fc.uniqueArray(fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz"), { maxLength: 26 });

  test("of rows that changed is that of the same rows laid out anew, with what was measured", () => {
    const lists = fc.array(fc.tuple(keys, fc.nat(25), fc.integer({ min: 1, max: 500 })), { maxLength: 12 });
    fc.assert(
      fc.property(lists, (all) => {
        // The same key is the same row until it was measured.
        const rows = new Map<string, { readonly key: string }>();
        const measured = new Map<string, number>();
        const layout = new Layout<{ readonly key: string }>(({ key }) => height(key));
        for (const [list, at, tall] of all) {
          layout.take(list.map((key) => rows.get(key) ?? rows.set(key, { key }).get(key) ?? { key }));
          const key = list[at];
          layout.measure(at, tall);
          if (key !== undefined) {
            measured.set(key, tall);
            rows.set(key, { key });
          }
          let top = 0;
          for (const [index, one] of list.entries()) {
            expect([layout.keyAt(index), layout.placeOf(one)]).toEqual([one, index]);
            expect([layout.heights.top(index), layout.heights.of(index)]).toEqual([
              top,
              measured.get(one) ?? height(one),
            ]);
            top += measured.get(one) ?? height(one);
          }
          expect([layout.heights.count, layout.heights.total]).toEqual([list.length, top]);
          expect(layout.heights.at(top - 0.5)).toBe(Math.max(0, list.length - 1));
          for (const gone of rows.keys()) if (!list.includes(gone)) expect(layout.placeOf(gone)).toBeUndefined();
        }
      }),
    );
  });

  test("guesses only about rows that are not the same as before", () => {
    let guesses = 0;
    const layout = new Layout<{ readonly key: string }>(() => (guesses += 1));
    const rows = Array.from({ length: 1000 }, (_, index) => ({ key: `row ${index}` }));
    layout.take(rows);
    guesses = 0;
    layout.take([...rows, { key: "one more" }]);
    layout.take([...rows, { key: "one more" }].slice(0, 500));
    expect(guesses).toBe(1);
    expect(layout.placeOf("row 499")).toBe(499);
    expect(layout.placeOf("row 500")).toBeUndefined();
  });
});

describe("the window", () => {
  test("on rows of one height is the window on rows that happen to have it", () => {
    fc.assert(
      fc.property(
        fc.nat(300),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: -2000, max: 40_000 }),
        (count, row, top) => {
          const { from, to } = equalSpan(count, row, top, 800);
          expect(0 <= from && from <= to && to <= count).toBe(true);
          for (let index = 0; index < count; index += 1) {
            const seen = index * row < top + 800 && (index + 1) * row > top;
            if (seen) expect(index >= from && index < to).toBe(true);
          }
          expect((to - from) * row).toBeLessThanOrEqual(800 + 2 * 600 + 2 * row);
        },
      ),
    );
    expect(equalSpan(5, 0, 0, 800)).toEqual({ from: 0, to: 5 });
  });

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
    const anchor = anchorOf(before, (index) => keys[index], { top: 230, height: 500 });
    expect(anchor).toEqual({ key: "c", above: 30 });
    const now = ["x", "y", ...keys];
    const after = new Heights([70, 80, 150, 150, 100, 1000, 1000]);
    const indexOf = (key: string): number | undefined => now.indexOf(key);
    expect(topFor(anchor, after, indexOf, 500)).toBe(70 + 80 + 150 + 150 + 30);
  });

  test("stays at the end when it is there, or nearly", () => {
    const rows = new Heights([100, 100, 500]);
    const keyAt = (index: number): string | undefined => ["a", "b", "c"][index];
    expect(anchorOf(rows, keyAt, { top: 200, height: 500 })).toBe("end");
    expect(anchorOf(rows, keyAt, { top: 160, height: 500 })).toBe("end");
    expect(anchorOf(rows, keyAt, { top: 140, height: 500 })).toEqual({ key: "b", above: 40 });
    expect(topFor("end", new Heights([100, 100, 500, 50]), () => undefined, 500)).toBe(250);
    expect(topFor("end", new Heights([10]), () => undefined, 500)).toBe(0);
    expect(topFor({ key: "gone", above: 0 }, rows, () => undefined, 500)).toBeUndefined();
  });
});
