import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../../src");

test("every kind of key that is cached is listed at the head of the cache, and no other", () => {
  const head = /^\/\*\*.*?\*\//s.exec(readFileSync(join(ROOT, "cache/cache.ts"), "utf8"))?.[0] ?? "";
  const listed = [...head.matchAll(/\| `(\w+):</g)].map(([, name]) => name);
  const used = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => [...readFileSync(join(ROOT, file), "utf8").matchAll(/\bname: "(\w+)",\s+purpose: "/g)])
    .map(([, name]) => name);
  expect(listed.length).toBeGreaterThan(0);
  expect(used.toSorted()).toEqual(listed.toSorted());
});
