/** Setup of every test file inside the runtime: its empty database gets the schema. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";

interface Migrated {
  readonly DB: D1Database;
  readonly TEST_MIGRATIONS: D1Migration[];
}

const { DB, TEST_MIGRATIONS } = env as unknown as Migrated;
await applyD1Migrations(DB, TEST_MIGRATIONS);
