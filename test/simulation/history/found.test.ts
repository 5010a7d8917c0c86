import { describe, expect, test } from "vitest";
import { simulate } from "../simulate.ts";

/** Seeds that showed real faults beside long logs, by what was wrong; samples of their situations, as in ../found.test.ts. */
const FOUND: readonly [what: string, seed: number][] = [
  ["[DUR2] what was read back was remembered when an amendment of it had reached the store, and undid it", 857],
  ["[ORD2] an object that died twice, and was told in two steps what it had lost, handed a message again", 142],
];

describe("seeds that showed faults of long logs, or beside them", () => {
  test.for(FOUND)("%s: seed %i", ([, seed]) => {
    expect(simulate(seed, undefined, undefined, "history").violation?.message).toBeUndefined();
  });
});
