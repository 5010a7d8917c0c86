/** What a search has to find, where the database may be a moment late (`Messages.search`). */
import { expect } from "vitest";

/** Moments last milliseconds; a machine may be busy. */
const PATIENCE_MS = 20_000;

/**
 * How soon a search finds what was written. `gaps`: at moments it lacks some of it, and finds it afterwards (`Messages.search`
 * says when). What it finds is right in either case.
 */
export type Finding = "at once" | "with gaps";

/** Asserts what a search finds: at once, or in the end, and then nothing else on the way. */
export async function expectFound<T>(
  finding: Finding,
  search: () => Promise<readonly T[]>,
  expected: readonly T[],
): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; ;) {
    const found = await search();
    if (finding === "at once" || found.length >= expected.length || Date.now() > end) {
      return expect(found).toEqual(expected);
    }
    expect(expected).toEqual(expect.arrayContaining(found as unknown[]));
  }
}
