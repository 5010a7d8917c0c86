/** Which migrations a database wants: what is in the folder against what the database says it has. */
import { createHash } from "node:crypto";
import { err, ok, type Result } from "../../src/lib/result.ts";

/** One file of migrations/mysql. */
export interface Migration {
  readonly tag: string;
  readonly hash: string;
  readonly statements: readonly string[];
}

/** What the database has noted of one file. */
export interface Noted {
  readonly tag: string;
  readonly hash: string;
  /** Statements that were begun and that came to their end, from the first on; they differ after a crash. */
  readonly begun: number;
  readonly done: number;
}

export interface Step {
  readonly migration: Migration;
  /** The statement to go on with. */
  readonly from: number;
  /** It was begun and may have taken effect: a change of a schema and the note of it are not one transaction. */
  readonly unsure: boolean;
}

/** Reads a file as drizzle-kit writes it. */
export function readMigration(tag: string, text: string): Migration {
  const unix = text.replaceAll("\r\n", "\n");
  const hash = createHash("sha256").update(unix).digest("hex");
  const statements = unix.split("--> statement-breakpoint").map((statement) => statement.trim());
  return { tag, hash, statements: statements.filter((statement) => statement !== "") };
}

/** What is left to do, in order; the error says how the database's history differs from the folder's. */
export function planMigrations(folder: readonly Migration[], noted: readonly Noted[]): Result<Step[], string> {
  const ahead = noted.find(({ tag }) => !folder.some((migration) => migration.tag === tag));
  if (ahead !== undefined) return err(`the database has the migration ${ahead.tag}, which is not in the folder`);
  const steps: Step[] = [];
  for (const migration of folder) {
    const note = noted.find(({ tag }) => tag === migration.tag);
    if (note !== undefined && note.hash !== migration.hash) {
      return err(`the migration ${migration.tag} was applied and has been edited since; add a new one instead`);
    }
    if (note !== undefined && steps.length > 0) {
      return err(
        `the migration ${migration.tag} was applied before ${steps[0]?.migration.tag ?? ""}, which comes first`,
      );
    }
    const from = note?.done ?? 0;
    if (from < migration.statements.length) steps.push({ migration, from, unsure: (note?.begun ?? 0) > from });
  }
  return ok(steps);
}
