import { expect, test } from "vitest";
import { planMigrations, readMigration, type Noted } from "../../../scripts/mysql/plan.ts";

const one = readMigration("0000_one", "CREATE TABLE a (x int);\n--> statement-breakpoint\nCREATE INDEX i ON a (x);");
const two = readMigration("0001_two", "CREATE TABLE b (x int);");
const noted = (migration = one, begun = migration.statements.length, done = begun): Noted => ({
  tag: migration.tag,
  hash: migration.hash,
  begun,
  done,
});

test("statements, and a hash that line ends do not change", () => {
  expect(one.statements).toEqual(["CREATE TABLE a (x int);", "CREATE INDEX i ON a (x);"]);
  expect(readMigration("x", "a\r\nb").hash).toBe(readMigration("x", "a\nb").hash);
  expect(readMigration("x", "a\nb").hash).not.toBe(readMigration("x", "a\nc").hash);
});

test.each<[string, Noted[], unknown]>([
  [
    "an empty database wants all",
    [],
    [
      { migration: one, from: 0, unsure: false },
      { migration: two, from: 0, unsure: false },
    ],
  ],
  ["a database that has the first wants the second", [noted()], [{ migration: two, from: 0, unsure: false }]],
  ["one that has all wants nothing", [noted(), noted(two)], []],
  [
    "one that crashed between statements goes on with the next",
    [noted(one, 1, 1)],
    [
      { migration: one, from: 1, unsure: false },
      { migration: two, from: 0, unsure: false },
    ],
  ],
  [
    "one that crashed within a statement is unsure of it",
    [noted(one, 2, 1)],
    [
      { migration: one, from: 1, unsure: true },
      { migration: two, from: 0, unsure: false },
    ],
  ],
])("%s", (_what, notes, steps) => {
  expect(planMigrations([one, two], notes)).toEqual({ ok: true, value: steps });
});

test.each<[string, Noted[], string]>([
  ["edited", [{ ...noted(), hash: "other" }], "0000_one was applied and has been edited"],
  ["unknown", [noted(), noted(two), { ...noted(), tag: "0002_three" }], "0002_three, which is not in the folder"],
  ["out of order", [noted(two)], "0001_two was applied before 0000_one"],
])("a history that is %s is refused", (_what, notes, error) => {
  expect(planMigrations([one, two], notes)).toEqual({ ok: false, error: expect.stringContaining(error) });
});
