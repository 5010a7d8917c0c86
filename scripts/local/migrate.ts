/** Migrations of the embedded store, with wrangler's bookkeeping: either of the two can go on where the other stopped. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { D1Database } from "@cloudflare/workers-types";
import { unstable_splitSqlQuery } from "wrangler";

const BOOKKEEPING = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/** Applies what is new in `folder`, in the order of file names; each file together with its note, or not at all. */
export async function migrate(db: D1Database, folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  await db.prepare(BOOKKEEPING).run();
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  for (const file of globSync(join(folder, "*.sql")).toSorted()) {
    const name = basename(file);
    if (applied.has(name)) continue;
    const statements = unstable_splitSqlQuery(readFileSync(file, "utf8")).map((sql) => db.prepare(sql));
    const note = db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    await db.batch([...statements, note]);
  }
}
