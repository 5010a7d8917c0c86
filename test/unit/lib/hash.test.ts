import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hash64, hashHex } from "../../../src/lib/hash.ts";
import { makeUlid } from "../../../src/protocol/ids.ts";
import { anyText } from "../../support/arbitraries.ts";
import { seeded } from "../../support/random.ts";

const IDS = 100_000;

/** Ids as clients make them, in the ways that differ least from each other. */
const families: Record<string, (n: number) => string> = {
  "numbers in a row": (n) => `alice message-${n}`,
  "numbers padded with zeros": (n) => `alice ${String(n).padStart(26, "0")}`,
  "ULIDs of one ms": (n) =>
    `alice ${makeUlid(1_700_000_000_000, new Uint8Array([0, 0, 0, n >> 15, n >> 10, n >> 5, n]))}`,
  "senders in a row": (n) => `user_${n} message-1`,
  "a number first": (n) => `${n} message message message`,
};

/** How many of so many texts have the hash of another. */
function meetings(count: number, make: (n: number) => string): number {
  const hashes = new BigUint64Array(count);
  const halves = new Uint32Array(hashes.buffer);
  for (let n = 0; n < count; n += 1) halves.set(hash64(make(n)), 2 * n);
  hashes.sort();
  let met = 0;
  for (let n = 1; n < count; n += 1) if (hashes[n] === hashes[n - 1]) met += 1;
  return met;
}

describe("hash64", () => {
  test.each(Object.entries(families))("%s: no two meet, in 64 bits", (_, make) => {
    expect(meetings(IDS, make)).toBe(0);
  });

  test("of ids without any order no two meet either; with 32 bits about ten would", () => {
    const random = seeded(1);
    expect(meetings(3 * IDS, () => `alice ${random()} ${random()}`)).toBe(0);
  });

  test.each(Object.entries(families))("%s: spread evenly over buckets, by either half", (_, make) => {
    const buckets = [new Uint32Array(1024), new Uint32Array(1024), new Uint32Array(1024)] as const;
    for (let n = 0; n < IDS; n += 1) {
      const [high, low] = hash64(make(n));
      for (const [i, index] of [low & 1023, high & 1023, high >>> 22].entries()) {
        (buckets[i] as Uint32Array)[index] = ((buckets[i] as Uint32Array)[index] ?? 0) + 1;
      }
    }
    for (const counts of buckets) {
      // 97.7 in each on average; by chance alone none is beyond six standard deviations (about 59).
      expect(Math.max(...counts)).toBeLessThan(157);
      expect(Math.min(...counts)).toBeGreaterThan(38);
    }
  });

  test("halves are unsigned 32-bit integers, and the hexadecimal form is both of them", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const halves = hash64(text);
        for (const half of halves) expect(Number.isInteger(half) && half >= 0 && half < 2 ** 32).toBe(true);
        expect(hashHex(text)).toMatch(/^[0-9a-f]{16}$/);
        expect(BigInt(`0x${hashHex(text)}`)).toBe(BigInt(halves[0]) * 2n ** 32n + BigInt(halves[1]));
      }),
    );
  });

  test("one character changed, added or taken away changes it", () => {
    fc.assert(
      fc.property(anyText, fc.nat(), anyText, (text, n, other) => {
        fc.pre(text.length > 0 && other.length > 0);
        const at = n % text.length;
        const changed = text.slice(0, at) + other.charAt(0) + text.slice(at + 1);
        if (changed !== text) expect(hashHex(changed)).not.toBe(hashHex(text));
        expect(hashHex(text + other.charAt(0))).not.toBe(hashHex(text));
        expect(hashHex(text.slice(0, at) + text.slice(at + 1))).not.toBe(hashHex(text));
      }),
    );
  });

  test("what is stored today reads the same tomorrow", () => {
    expect([hashHex(""), hashHex("a"), hashHex("alice message-1"), hashHex("👍")]).toMatchInlineSnapshot(`
      [
        "848514a009315a61",
        "8a6bb363ffbd13bc",
        "de753c86c48fb853",
        "30c44e80ab0c7f35",
      ]
    `);
  });
});
