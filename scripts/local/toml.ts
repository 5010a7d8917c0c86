/**
 * What wrangler.toml says, as miniflare wants it. Wrangler reads it, and takes a second of every start to be loaded; so what it
 * made of the file is kept for as long as the file and wrangler are what they were.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
export const TOML = join(ROOT, "wrangler.toml");
const KEPT = join(ROOT, "node_modules/.cache/mpim/wrangler.json");

/** The part that is read here; wrangler's own type leans on packages that it does not bring. */
export interface Toml {
  readonly name: string;
  /** Path of the Worker's entry. */
  readonly main: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly databases: readonly { readonly binding: string; readonly migrations_dir?: string }[];
  /** Options of miniflare, but for `bindings`: those also hold the .dev.vars of `npm run dev`, which are nobody else's. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Throws when wrangler does not take the file. */
export async function readToml(): Promise<Toml> {
  const hash = createHash("sha256").update(readFileSync(TOML));
  for (const file of ["node_modules/wrangler/package.json", "scripts/local/toml.ts"])
    hash.update(readFileSync(join(ROOT, file)));
  // It holds absolute paths.
  const key = hash.update(ROOT).digest("hex");
  const kept = readKept();
  if (kept?.key === key) return kept.toml;
  const toml = await askWrangler();
  keep({ key, toml });
  return toml;
}

interface Kept {
  readonly key: string;
  readonly toml: Toml;
}

function readKept(): Kept | undefined {
  try {
    return JSON.parse(readFileSync(KEPT, "utf8")) as Kept;
  } catch {
    return undefined;
  }
}

/** Where nothing can be written, every start asks wrangler. */
function keep(kept: Kept): void {
  const fresh = `${KEPT}.${process.pid}`;
  try {
    mkdirSync(dirname(KEPT), { recursive: true });
    writeFileSync(fresh, JSON.stringify(kept));
    renameSync(fresh, KEPT);
  } catch {
    // As above.
  }
}

async function askWrangler(): Promise<Toml> {
  const { unstable_getMiniflareWorkerOptions, unstable_readConfig } = await import("wrangler");
  const read = unstable_readConfig({ config: TOML }) as {
    readonly name?: string;
    readonly vars: Toml["vars"];
    readonly d1_databases: Toml["databases"];
  };
  const { workerOptions, main = "" } = unstable_getMiniflareWorkerOptions(TOML);
  const { modulesRules: _rules, bindings: _bindings, ...options } = workerOptions;
  return { name: read.name ?? "worker", main, vars: read.vars, databases: read.d1_databases, options };
}
