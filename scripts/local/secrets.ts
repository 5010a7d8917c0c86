/** Secrets of a local server: made once, kept beside the data they protect. */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "../../src/lib/result.ts";

/** Every secret the Worker reads, with the number of random bytes a generated one gets. */
const SECRETS = { TOKEN_KEY: 32, ADMIN_KEY: 32 } as const;

export type Secrets = Readonly<Record<keyof typeof SECRETS, string>>;

/** Reads `secrets.json` in `folder`, adding what is missing; a variable of the same name in `env` wins and is not stored. */
export function loadSecrets(folder: string, env: NodeJS.ProcessEnv): Result<Secrets, string> {
  const file = join(folder, "secrets.json");
  const stored = readStored(file);
  if (!stored.ok) return stored;
  const known = stored.value;
  const fresh: Record<string, string> = {};
  const secrets: Record<string, string> = {};
  for (const [name, bytes] of Object.entries(SECRETS)) {
    const given = env[name] || known[name];
    secrets[name] = given ?? (fresh[name] = randomBytes(bytes).toString("base64url"));
  }
  if (Object.keys(fresh).length > 0) {
    // Written aside and renamed: a crash in between leaves no half file, and so no second key.
    writeFileSync(`${file}.new`, `${JSON.stringify({ ...known, ...fresh }, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  return ok(secrets as Secrets);
}

/** What `secrets.json` in `folder` has; nothing when there is none. */
export function readSecrets(folder: string): Readonly<Record<string, string>> {
  const file = join(folder, "secrets.json");
  const stored = existsSync(file) ? readStored(file) : ok({});
  return stored.ok ? stored.value : {};
}

function readStored(file: string): Result<Record<string, string>, string> {
  if (!existsSync(file)) return ok({});
  chmodSync(file, 0o600);
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (isStrings(value)) return ok(value);
  } catch {
    // Falls through: a file that cannot be read is reported, never replaced, because tokens depend on it.
  }
  return err(`${file} is not a JSON object of strings; repair it, or remove it to make new secrets`);
}

function isStrings(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && Object.values(value).every((item) => typeof item === "string");
}
