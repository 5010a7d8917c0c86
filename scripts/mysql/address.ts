/** What `--mysql` takes. */
import { err, ok, type Result } from "../../src/lib/result.ts";

/** The name of the database in an address; the error says what is wrong with the address. */
export function databaseOf(url: string): Result<string, string> {
  if (!URL.canParse(url) || new URL(url).protocol !== "mysql:") {
    return err("--mysql takes mysql://user:password@host:port/database");
  }
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  if (!/^[\w-]{1,64}$/.test(name)) return err("--mysql wants the name of a database: mysql://…/name");
  return ok(name);
}
