/** Where the MySQL store is: from a Worker's secrets to the one address that the driver takes. */
import { err, ok, type Result } from "../../lib/result.ts";

/** What may be bound; none of it is ever logged. */
export interface DatabaseSecrets {
  /** `https://username:password@host`. */
  readonly DATABASE_URL?: string;
  /** Or the three apart, as PlanetScale shows them. */
  readonly DATABASE_HOST?: string;
  readonly DATABASE_USERNAME?: string;
  readonly DATABASE_PASSWORD?: string;
}

/** The driver sends credentials as they stand in the address, so there is nothing in them that an address would escape. */
const CREDENTIAL = /^[\w.~-]+$/;
const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** The address; undefined when none is bound; the error quotes nothing of a secret. */
export function databaseAddress(secrets: DatabaseSecrets): Result<URL | undefined, string> {
  const { DATABASE_URL, DATABASE_HOST, DATABASE_USERNAME, DATABASE_PASSWORD } = secrets;
  if (DATABASE_URL) return check("DATABASE_URL", DATABASE_URL);
  if (!DATABASE_HOST && !DATABASE_USERNAME && !DATABASE_PASSWORD) return ok(undefined);
  if (!DATABASE_HOST || !DATABASE_USERNAME || !DATABASE_PASSWORD) {
    return err("DATABASE_HOST, DATABASE_USERNAME and DATABASE_PASSWORD are needed together");
  }
  return check("DATABASE_HOST", `https://${DATABASE_USERNAME}:${DATABASE_PASSWORD}@${DATABASE_HOST}`);
}

function check(name: string, text: string): Result<URL, string> {
  if (!URL.canParse(text)) return err(`${name} is no address`);
  const url = new URL(text);
  if (url.protocol === "mysql:") {
    return err(`${name} begins with mysql:, which a Worker cannot reach; write https://username:password@host`);
  }
  const clear = url.protocol === "http:" && LOOPBACK.has(url.hostname);
  if (url.protocol !== "https:" && !clear) return err(`${name} must be an https address`);
  if (!CREDENTIAL.test(url.username) || !CREDENTIAL.test(url.password)) {
    return err(`${name} wants a username and a password of letters, digits and -._~`);
  }
  return ok(url);
}
