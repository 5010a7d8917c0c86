/** Applies migrations/mysql over an ordinary MySQL connection. */
import { globSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { createConnection, type Connection, type RowDataPacket } from "mysql2/promise";
import { err, ok, type Result } from "../../src/lib/result.ts";
import { databaseOf } from "./address.ts";
import { planMigrations, readMigration, type Migration, type Noted, type Step } from "./plan.ts";

const FOLDER = resolve(import.meta.dirname, "../../migrations/mysql");
const LOCK_SECONDS = 60;

const BOOKKEEPING = `CREATE TABLE IF NOT EXISTS mpim_migrations (
  tag varchar(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  hash char(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  begun int NOT NULL,
  done int NOT NULL,
  applied_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
)`;

const NO_DATABASE = 1049;
/** The table, column or key is there already; or is gone already. */
const ALREADY = new Set([1050, 1051, 1060, 1061, 1091]);

export interface Migrated {
  /** The database, which was made when it was not there. */
  readonly database: string;
  readonly made: boolean;
  /** Tags of what was applied now. */
  readonly applied: readonly string[];
  /** How many there are in all. */
  readonly total: number;
}

/** Brings the database of `mysql://user:password@host:port/database` up to date. The error quotes no credentials. */
export async function migrateMysql(url: string, folder = FOLDER): Promise<Result<Migrated, string>> {
  const database = databaseOf(url);
  if (!database.ok) return database;
  const migrations = globSync(join(folder, "*.sql"))
    .toSorted()
    .map((file) => readMigration(basename(file, ".sql"), readFileSync(file, "utf8")));
  try {
    const { connection, made } = await open(url, database.value);
    try {
      const applied = await applyAll(connection, migrations);
      if (!applied.ok) return applied;
      return ok({ database: database.value, made, applied: applied.value, total: migrations.length });
    } finally {
      await connection.end();
    }
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return err(`MySQL: ${code ?? "error"}: ${message}`);
  }
}

async function open(url: string, database: string): Promise<{ connection: Connection; made: boolean }> {
  try {
    return { connection: await createConnection({ uri: url }), made: false };
  } catch (error) {
    if ((error as { errno?: number }).errno !== NO_DATABASE) throw error;
  }
  const without = new URL(url);
  without.pathname = "/";
  const connection = await createConnection({ uri: without.href });
  await connection.query(`CREATE DATABASE IF NOT EXISTS \`${database}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  await connection.query(`USE \`${database}\``);
  return { connection, made: true };
}

/** One migrator of a database at a time: the others wait, and find nothing left to do. */
async function applyAll(connection: Connection, migrations: readonly Migration[]): Promise<Result<string[], string>> {
  // A lock's name has 64 characters at most, and is the server's, not the database's.
  const [[lock]] = await connection.query<RowDataPacket[]>(
    "SELECT GET_LOCK(CONCAT('mpim.', MD5(DATABASE())), ?) AS held",
    [LOCK_SECONDS],
  );
  if (lock?.["held"] !== 1) return err(`somebody else has been migrating this database for ${LOCK_SECONDS} s`);
  await connection.query(BOOKKEEPING);
  const [noted] = await connection.query<(RowDataPacket & Noted)[]>(
    "SELECT tag, hash, begun, done FROM mpim_migrations",
  );
  const steps = planMigrations(migrations, noted);
  if (!steps.ok) return steps;
  for (const step of steps.value) await apply(connection, step);
  return ok(steps.value.map(({ migration }) => migration.tag));
}

async function apply(connection: Connection, { migration, from, unsure }: Step): Promise<void> {
  const { tag, hash, statements } = migration;
  await connection.query(
    "INSERT INTO mpim_migrations (tag, hash, begun, done) VALUES (?, ?, 0, 0) ON DUPLICATE KEY UPDATE hash = hash",
    [tag, hash],
  );
  for (const [at, statement] of statements.entries()) {
    if (at < from) continue;
    await connection.query("UPDATE mpim_migrations SET begun = ? WHERE tag = ?", [at + 1, tag]);
    try {
      await connection.query(statement);
    } catch (error) {
      if (!(unsure && at === from && ALREADY.has((error as { errno?: number }).errno ?? 0))) throw error;
    }
    await connection.query("UPDATE mpim_migrations SET done = ? WHERE tag = ?", [at + 1, tag]);
  }
}

/** What was done, as a line for people. */
export function describeMigrated({ database, made, applied, total }: Migrated): string {
  const where = made ? `made the database ${database}; ` : "";
  if (applied.length === 0) return `${where}${database} is up to date: ${total} of ${total} migrations`;
  return `${where}applied to ${database}: ${applied.join(", ")} (${total} in all)`;
}
