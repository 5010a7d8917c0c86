/**
 * Ten thousand users with logins, put straight into the database of a server that is not running.
 *
 * By `POST /v1/auth/register` they would take minutes, nearly all of it in scrypt, which is there to be slow and has tests of
 * its own. What is written here is what a registration leaves behind, but for the password: a row of `users`, a row of `logins`, and an
 * access token that the server's own key signs. Everything after that goes through the server.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseConfig } from "../../src/config/config.ts";
import { Uid } from "../../src/protocol/ids.ts";
import { searchKey } from "../../src/store/search.ts";
import { issueToken, readTokenKey, type TokenKey } from "../../src/workers/edge/tokens.ts";
import { loadSecrets } from "../../scripts/local/secrets.ts";

const { auth } = parseConfig(undefined);

/** Where miniflare keeps the one D1 database of a state folder, beside a file of its own. */
const DATABASES = "d1/miniflare-D1DatabaseObject";
const OWN = "metadata.sqlite";

export interface Inhabitant {
  readonly uid: Uid;
  /** A login, in the form of those that the server makes. */
  readonly login: string;
}

export interface Population {
  readonly people: readonly Inhabitant[];
  /** An access token for one of them. */
  token(who: Inhabitant): Promise<string>;
}

/** Adds `count` users to the data folder of a server that has run before, so that its database is migrated, and does not now. */
export function populate(data: string, count: number): Population {
  const key = tokenKey(data);
  const people = Array.from({ length: count }, (_, n): Inhabitant => {
    const digits = n.toString().padStart(6, "0");
    return { uid: Uid.parse(`u_crowd${digits}`), login: `crowd${digits}`.padEnd(26, "0") };
  });
  const database = new DatabaseSync(databaseOf(join(data, "state")));
  try {
    const now = Date.now();
    const user = database.prepare(
      "INSERT INTO users (id, username, name, name_key, created_ms, updated_ms) VALUES (?, ?, ?, ?, ?, ?)",
    );
    const login = database.prepare("INSERT INTO logins (id, uid, family, current, expires_ms) VALUES (?, ?, ?, ?, ?)");
    database.exec("BEGIN");
    for (const { uid, login: id } of people) {
      user.run(uid, uid, uid, searchKey(uid), now, now);
      // Nobody has the refresh token that would hash to this.
      login.run(id, uid, id, "none", now + auth.refresh_s * 1000);
    }
    database.exec("COMMIT");
  } finally {
    database.close();
  }
  return { people, token: ({ uid, login }) => issueToken(key, auth, uid, login, Date.now()) };
}

function tokenKey(data: string): TokenKey {
  const secrets = loadSecrets(data, {});
  if (!secrets.ok) throw new Error(secrets.error);
  const key = readTokenKey(secrets.value.TOKEN_KEY);
  if (!key.ok) throw new Error(key.error);
  return key.value;
}

function databaseOf(state: string): string {
  const folder = join(state, DATABASES);
  const [file, ...others] = readdirSync(folder).filter((name) => name.endsWith(".sqlite") && name !== OWN);
  if (file === undefined || others.length > 0) throw new Error(`not one database in ${folder}: start the server first`);
  return join(folder, file);
}
