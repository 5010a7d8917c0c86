/** SQLite in memory for the objects' stores, so that pure parts run on real SQL without the Workers runtime. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { Sql, Transact } from "../../src/durable-objects/migrate.ts";

export interface Sqlite {
  readonly sql: Sql;
  readonly transact: Transact;
  /** Rows written since it was opened; schema changes count none. */
  rowsWritten(): number;
  /** From now on every write to the table fails, as on a disk that refuses. */
  breakTable(table: string): void;
  /** Undoes `breakTable`. */
  mendTable(table: string): void;
  close(): void;
}

const EVENTS = ["INSERT", "UPDATE", "DELETE"];

/** A new, empty database. A store made anew over the same one is an object that woke again. */
export function openSqlite(): Sqlite {
  const database = new DatabaseSync(":memory:");
  const statements = new Map<string, StatementSync>();
  const run = (query: string, bindings: readonly unknown[]): Record<string, SqlStorageValue>[] => {
    let statement = statements.get(query);
    if (statement === undefined) {
      statement = database.prepare(query);
      statements.set(query, statement);
    }
    // Rows of node:sqlite have no prototype; those of an object's storage are plain objects.
    return statement
      .all(...(bindings as SQLInputValue[]))
      .map((row) => ({ ...row }) as Record<string, SqlStorageValue>);
  };
  let depth = 0;
  return {
    sql: {
      // Runs at once, whether or not anybody reads the rows.
      exec<T extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]): { toArray(): T[] } {
        const rows = run(query, bindings) as T[];
        return { toArray: () => rows };
      },
    },
    transact<T>(work: () => T extends Promise<unknown> ? never : T): T {
      const name = `level_${depth}`;
      depth += 1;
      database.exec(`SAVEPOINT ${name}`);
      try {
        const result = work();
        database.exec(`RELEASE ${name}`);
        return result;
      } catch (error) {
        database.exec(`ROLLBACK TO ${name}`);
        database.exec(`RELEASE ${name}`);
        throw error;
      } finally {
        depth -= 1;
      }
    },
    rowsWritten: () => Number(run("SELECT total_changes() AS n", [])[0]?.["n"]),
    breakTable(table) {
      for (const event of EVENTS) {
        database.exec(
          `CREATE TRIGGER broken_${table}_${event} BEFORE ${event} ON ${table} BEGIN SELECT RAISE(ABORT, 'disk'); END`,
        );
      }
    },
    mendTable(table) {
      for (const event of EVENTS) database.exec(`DROP TRIGGER broken_${table}_${event}`);
    },
    close: () => database.close(),
  };
}
