/** Set-up of the projects that want MySQL: a server, and for tests inside workerd a database of the run behind a gateway. */
import type { TestProject } from "vitest/node";
import { startGateway } from "../../scripts/gateway/gateway.ts";
import { migrateMysql } from "../../scripts/mysql/migrate.ts";
import { makeDatabase, openMysqlServer } from "./mysql.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Address of a server, without a database; empty when there is none. */
    mysqlServer: string;
    /** Address of a gateway to a migrated database; empty when there is none. */
    mysqlGateway: string;
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const server = await openMysqlServer();
  project.provide("mysqlServer", server?.url ?? "");
  project.provide("mysqlGateway", "");
  if (server === undefined) {
    if (process.env["CI"] === "true") throw new Error("no MySQL: set MYSQL_URL, or install MariaDB");
    console.warn(
      `${project.name}: tests with MySQL are skipped: none runs, MYSQL_URL names none, mariadbd is not installed`,
    );
    return undefined;
  }
  if (project.name !== "store") return () => server.stop();
  const database = await makeDatabase(server.url);
  const migrated = await migrateMysql(database.url);
  if (!migrated.ok) throw new Error(migrated.error);
  const gateway = await startGateway({ mysql: database.url });
  project.provide("mysqlGateway", gateway.url);
  return async () => {
    await gateway.close();
    await database.drop();
    await server.stop();
  };
}
