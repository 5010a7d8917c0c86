/** The server on MySQL, as a process; and the command that migrates a database. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { migrateMysql } from "../../scripts/mysql/migrate.ts";
import { Api, PASSWORD } from "../support/api.ts";
import { makeDatabase, type Database } from "../support/mysql.ts";
import { runServer, startServer } from "../support/server.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const server = inject("mysqlServer");
const ALL = readdirSync(join(ROOT, "migrations/mysql"))
  .filter((name) => name.endsWith(".sql"))
  .map((name) => name.slice(0, -4))
  .toSorted();

describe.runIf(server !== "")("on MySQL", () => {
  let database: Database;
  beforeAll(async () => {
    database = await makeDatabase(server);
  });
  afterAll(() => database?.drop());

  async function query(text: string): Promise<RowDataPacket[]> {
    const connection = await createConnection({ uri: database.url });
    try {
      const [rows] = await connection.query<RowDataPacket[]>(text);
      return rows;
    } finally {
      await connection.end();
    }
  }

  test("accounts outlive a stop and a `kill -9`, in MySQL and nowhere else", async () => {
    const data = mkdtempSync(join(tmpdir(), "mpim-e2e-mysql-"));
    const config = { auth: { scrypt_log_n: 10 } };
    const options = { data, config, mysql: database.url };
    try {
      const first = await startServer(options);
      expect(first.output()).toContain(`mysql applied to ${database.name}: 0000_accounts`);
      const alice = await new Api(first.url).register("alice", "Alice 👩‍👧 '\"\\");
      await first.kill9();

      const second = await startServer({ ...options, port: first.port });
      expect(second.output()).toContain(`mysql ${database.name} is up to date`);
      const api = new Api(second.url);
      expect((await api.login("alice")).user).toEqual(alice.user);
      expect(await api.get("GET /v1/me", alice.token)).toMatchObject({ username: "alice" });
      const bob = await api.register("bob");
      expect(await second.stop()).toBe(0);
      expect(await query("SELECT id FROM users ORDER BY username")).toMatchObject(
        [alice, bob].map(({ user }) => ({ id: Buffer.from(user.id) })),
      );

      // Without MySQL the same folder knows nobody: its objects stand there, accounts do not.
      await using third = await startServer({ data, config });
      const login = await new Api(third.url).call("POST /v1/auth/login", undefined, {
        username: "alice",
        password: PASSWORD,
      });
      expect(login.status).toBe(401);
      for (const { output } of [first, second, third]) expect(output()).not.toMatch(/http:\/\/\w+:\w+@|root@/);
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  });

  test("a database that cannot be used is named without its credentials", async () => {
    const data = mkdtempSync(join(tmpdir(), "mpim-e2e-mysql-"));
    try {
      for (const [url, reason] of [
        ["mysql://ann:hushhush@127.0.0.1:9/chat", "ECONNREFUSED"],
        ["https://ann:hushhush@db.example/chat", "--mysql takes mysql://"],
      ] as const) {
        const { code, output } = await runServer(["--port", "0", "--data", data, "--mysql", url]);
        expect([code, output]).toEqual([1, expect.stringContaining(reason)]);
        expect(output).not.toContain("hushhush");
      }
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  });

  describe("migrations", () => {
    let own: Database;
    let folder: string;
    beforeAll(async () => {
      own = await makeDatabase(server);
      folder = mkdtempSync(join(tmpdir(), "mpim-migrations-"));
      // The first alone, so that what follows it here is of the tests' own making.
      cpSync(join(ROOT, "migrations/mysql/0000_accounts.sql"), join(folder, "0000_accounts.sql"));
    });
    afterAll(async () => {
      await own?.drop();
      rmSync(folder, { recursive: true, force: true });
    });

    const command = (url: string) =>
      spawnSync(process.execPath, [join(ROOT, "scripts/migrate.ts"), "--mysql", url], { encoding: "utf8" });
    const on = async (text: string): Promise<void> => {
      const connection = await createConnection({ uri: own.url });
      await connection.query(text);
      await connection.end();
    };

    test("the command makes a database, then says that nothing is left to do", async () => {
      await own.drop();
      expect(command(own.url)).toMatchObject({
        status: 0,
        stdout: `made the database ${own.name}; applied to ${own.name}: ${ALL.join(", ")} (${ALL.length} in all)\n`,
      });
      const done = `${own.name} is up to date: ${ALL.length} of ${ALL.length} migrations\n`;
      expect(command(own.url)).toMatchObject({ status: 0, stdout: done });
      const wrong = command("mysql://ann:hushhush@127.0.0.1:9/chat");
      expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining("ECONNREFUSED")]);
      expect(wrong.stderr).not.toContain("hushhush");
    });

    test("several at once apply everything once", async () => {
      await own.drop();
      const outcomes = await Promise.all(Array.from({ length: 4 }, () => migrateMysql(own.url, folder)));
      const applied = outcomes.map((outcome) => (outcome.ok ? outcome.value.applied.length : outcome.error));
      expect(applied.toSorted()).toEqual([0, 0, 0, 1]);
    });

    test("one that crashed after a statement, or before its note, goes on", async () => {
      await on("DROP INDEX users_name_key ON users");
      await on("UPDATE mpim_migrations SET begun = 5, done = 4");
      expect(await migrateMysql(own.url, folder)).toMatchObject({ ok: true, value: { applied: ["0000_accounts"] } });
      await on("SELECT 1 FROM users FORCE INDEX (users_name_key)");
    });

    test("a statement that fails is tried again when it is begun again", async () => {
      const file = join(folder, "0001_wrong.sql");
      writeFileSync(file, "ALTER TABLE nowhere ADD x int;");
      const first = await migrateMysql(own.url, folder);
      expect(first).toMatchObject({ ok: false, error: expect.stringContaining("ER_NO_SUCH_TABLE") });
      expect(await migrateMysql(own.url, folder)).toEqual(first);
      await on("CREATE TABLE nowhere (y int)");
      expect(await migrateMysql(own.url, folder)).toMatchObject({ ok: true, value: { applied: ["0001_wrong"] } });
    });

    test("an edited history is refused, and nothing is applied", async () => {
      const file = join(folder, "0000_accounts.sql");
      writeFileSync(file, `${readFileSync(file, "utf8")}\n-- edited`);
      writeFileSync(join(folder, "0002_more.sql"), "CREATE TABLE more (x int);");
      expect(await migrateMysql(own.url, folder)).toEqual({
        ok: false,
        error: "the migration 0000_accounts was applied and has been edited since; add a new one instead",
      });
      await expect(on("SELECT 1 FROM more")).rejects.toThrow("more");
    });
  });
});
