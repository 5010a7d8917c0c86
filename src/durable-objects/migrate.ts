/**
 * An object's schema is an append-only list of steps. Each step's text is remembered by a hash, so a step that was
 * edited after it ran somewhere is refused at wake instead of leaving two kinds of objects in the field.
 */
import { hashHex } from "../lib/hash.ts";

/** The part of an object's SQLite that its stores use; the same shape runs on other SQLite bindings in simulations. */
export interface Sql {
  exec<T extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]): { toArray(): T[] };
}

/** Runs synchronous work as one atomic write. That the work is synchronous is checked by its type. */
export type Transact = <T>(work: () => T extends Promise<unknown> ? never : T) => T;

/** Whether any step was ever applied here. `table`: where the steps of a list are remembered. */
export function migrated(sql: Sql, table = "schema_step"): boolean {
  return sql.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?", table).toArray().length > 0;
}

/** Applies the steps this object has not seen. Throws when a step that it has seen now reads otherwise. */
export function migrate(sql: Sql, transact: Transact, steps: readonly string[], table = "schema_step"): void {
  const done = migrated(sql, table)
    ? sql.exec<{ step: number; hash: string }>(`SELECT step, hash FROM ${table} ORDER BY step`).toArray()
    : [];
  for (const row of done) {
    const text = steps[row.step];
    if (text === undefined) throw new Error(`schema step ${row.step} is newer than this build`);
    if (hashHex(text) !== row.hash) throw new Error(`schema step ${row.step} was edited after it was applied`);
  }
  if (done.length === steps.length) return;
  transact(() => {
    sql.exec(`CREATE TABLE IF NOT EXISTS ${table} (step INTEGER PRIMARY KEY, hash TEXT NOT NULL)`);
    for (let step = done.length; step < steps.length; step += 1) {
      const text = steps[step] as string;
      sql.exec(text);
      sql.exec(`INSERT INTO ${table} (step, hash) VALUES (?, ?)`, step, hashHex(text));
    }
  });
}
