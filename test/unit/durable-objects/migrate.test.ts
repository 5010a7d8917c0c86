import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConversationStore } from "../../../src/durable-objects/conversation/conversation-store.ts";
import { migrate } from "../../../src/durable-objects/migrate.ts";
import { UserStore } from "../../../src/durable-objects/user/user-store.ts";
import { openSqlite, type Sqlite } from "../../support/sqlite.ts";

const STEPS = ["CREATE TABLE a (x INTEGER)", "CREATE TABLE b (y INTEGER)"];

let db: Sqlite;
beforeEach(() => {
  db = openSqlite();
});
afterEach(() => db.close());

function tables(): string[] {
  const rows = db.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
  return rows.toArray().map(({ name }) => name);
}

function run(steps: readonly string[]): void {
  migrate(db.sql, db.transact, steps);
}

describe("steps", () => {
  test("a new object gets all of them", () => {
    run(STEPS);
    expect(tables()).toEqual(["a", "b", "schema_step"]);
  });

  test("each runs once, however often the object wakes", () => {
    run(STEPS);
    db.sql.exec("INSERT INTO a (x) VALUES (1)");
    run(STEPS);
    expect(db.sql.exec("SELECT x FROM a").toArray()).toEqual([{ x: 1 }]);
  });

  test("an object that has some gets the rest, and keeps its rows", () => {
    run(STEPS.slice(0, 1));
    db.sql.exec("INSERT INTO a (x) VALUES (1)");
    run([...STEPS, "ALTER TABLE a ADD COLUMN z INTEGER NOT NULL DEFAULT 5"]);
    expect(tables()).toEqual(["a", "b", "schema_step"]);
    expect(db.sql.exec("SELECT x, z FROM a").toArray()).toEqual([{ x: 1, z: 5 }]);
  });

  test("a step that was edited after it ran is refused, and nothing runs", () => {
    run(STEPS.slice(0, 1));
    expect(() => run(["CREATE TABLE a (x TEXT)", STEPS[1] as string])).toThrow("schema step 0 was edited");
    expect(tables()).toEqual(["a", "schema_step"]);
  });

  test("an object of a newer build is refused", () => {
    run(STEPS);
    expect(() => run(STEPS.slice(0, 1))).toThrow("schema step 1 is newer than this build");
  });

  test("a step that fails leaves none of those that came with it", () => {
    expect(() => run([...STEPS, "CREATE TABLE a (again INTEGER)"])).toThrow("already exists");
    expect(tables()).toEqual([]);
    run(STEPS);
    expect(tables()).toEqual(["a", "b", "schema_step"]);
  });
});

describe("the objects' schemas", () => {
  test.each([
    ["conversation", ConversationStore],
    ["user", UserStore],
  ])("a %s wakes twice on the same disk", (_, Store) => {
    expect(new Store(db.sql, db.transact)).toBeInstanceOf(Store);
    const before = tables();
    expect(new Store(db.sql, db.transact)).toBeInstanceOf(Store);
    expect(tables()).toEqual(before);
  });

  test.each([
    ["conversation", ConversationStore],
    ["user", UserStore],
  ])("no table of a %s has an index of its own: an entry of one would be a row written per message", (_, Store) => {
    expect(new Store(db.sql, db.transact)).toBeInstanceOf(Store);
    expect(db.sql.exec("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").toArray()).toEqual(
      [],
    );
  });
});
