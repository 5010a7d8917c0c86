/** The store in serverless MySQL: PlanetScale, or what speaks its protocol. */
import type { Store } from "../store.ts";
import { attempt } from "./attempt.ts";
import { mysqlClaims } from "./claims.ts";
import { connectMysql, type MysqlOptions } from "./connection.ts";
import { mysqlLogins } from "./logins.ts";
import { claims, logins, users } from "./schema.ts";
import { mysqlUsers } from "./users.ts";

/** A store at an address. Holds nothing but the address, so one serves all requests of an isolate. */
export function mysqlStore(options: MysqlOptions): Store {
  const db = connectMysql(options);
  return {
    users: mysqlUsers(db),
    logins: mysqlLogins(db),
    claims: mysqlClaims(db),
    async ping() {
      await Promise.all([
        attempt(() => db.select({ id: users.id }).from(users).limit(1)),
        attempt(() => db.select({ id: logins.id }).from(logins).limit(1)),
        attempt(() => db.select({ key: claims.key }).from(claims).limit(1)),
      ]);
    },
  };
}
