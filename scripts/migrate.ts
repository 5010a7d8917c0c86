/** `npm run db:migrate -- --mysql URL`: brings a MySQL database up to date. */
import { parseArgs } from "node:util";
import { describeMigrated, migrateMysql } from "./mysql/migrate.ts";

const { values } = parseArgs({ options: { mysql: { type: "string", default: "" } } });
const migrated = await migrateMysql(values.mysql);
if (migrated.ok) {
  console.log(describeMigrated(migrated.value));
} else {
  console.error(`error: ${migrated.error}`);
  process.exitCode = 1;
}
