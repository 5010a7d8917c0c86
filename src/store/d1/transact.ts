/** Statements of one transaction. */
import type { SQL } from "drizzle-orm";
import { SQLiteAsyncDialect } from "drizzle-orm/sqlite-core";
import { attempt } from "./attempt.ts";

const dialect = new SQLiteAsyncDialect();

/** All of them, or none. Not by drizzle's `batch`, which takes no statements in SQL that have values. */
export async function transact(binding: D1Database, statements: readonly SQL[]): Promise<void> {
  if (statements.length === 0) return;
  await attempt(() =>
    binding.batch(
      statements.map((statement) => {
        const { sql, params } = dialect.sqlToQuery(statement);
        return binding.prepare(sql).bind(...params);
      }),
    ),
  );
}
