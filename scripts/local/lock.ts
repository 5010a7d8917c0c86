/** One server per data folder. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { err, ok, type Result } from "../../src/lib/result.ts";

/** Long enough for a server to end whose `npm` was killed (see `parent.ts`). */
const WAIT_MS = 3000;

/**
 * Takes the folder for this process until it ends, however it ends.
 * The lock is the operating system's, on an empty SQLite file: unlike a file with a process id it cannot go stale, and
 * two starts at once cannot both take over. The id is written beside it only to be named in the refusal.
 */
export function lockData(folder: string): Result<DatabaseSync, string> {
  const idFile = join(folder, "server.pid");
  const lock = new DatabaseSync(join(folder, "server.lock"), { timeout: WAIT_MS });
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch {
    lock.close();
    return err(`the data folder ${folder} is in use by another server (process ${readId(idFile)})`);
  }
  writeFileSync(idFile, `${process.pid}\n`);
  return ok(lock);
}

function readId(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "unknown";
  }
}
