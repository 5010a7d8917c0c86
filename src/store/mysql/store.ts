/** The store in serverless MySQL: PlanetScale, or what speaks its protocol. */
import type { Store } from "../store.ts";
import { attempt } from "./attempt.ts";
import { mysqlClaims } from "./claims.ts";
import { mysqlContacts } from "./contacts.ts";
import { connectMysql, type MysqlOptions } from "./connection.ts";
import { mysqlDirectory } from "./directory.ts";
import { mysqlLogins } from "./logins.ts";
import { mysqlMessages } from "./messages.ts";
import { claims, contacts, groups, logins, messages, users } from "./schema.ts";
import { mysqlUsers } from "./users.ts";

/** A store at an address. Holds nothing but the address, so one serves all requests of an isolate. */
export function mysqlStore(options: MysqlOptions): Store {
  const db = connectMysql(options);
  return {
    users: mysqlUsers(db),
    logins: mysqlLogins(db),
    claims: mysqlClaims(db),
    messages: mysqlMessages(db),
    directory: mysqlDirectory(db),
    contacts: mysqlContacts(db),
    async ping() {
      await Promise.all([
        attempt(() => db.select({ id: users.id }).from(users).limit(1)),
        attempt(() => db.select({ id: logins.id }).from(logins).limit(1)),
        attempt(() => db.select({ key: claims.key }).from(claims).limit(1)),
        attempt(() => db.select({ seq: messages.seq }).from(messages).limit(1)),
        attempt(() => db.select({ id: groups.id }).from(groups).limit(1)),
        attempt(() => db.select({ uid: contacts.uid }).from(contacts).limit(1)),
      ]);
    },
  };
}
