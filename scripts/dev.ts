/** `npm run dev`: `wrangler dev`, with reload, on a database of its own under .wrangler/. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { loadSecrets } from "./local/secrets.ts";

const root = resolve(import.meta.dirname, "..");
const folder = resolve(root, ".wrangler");
mkdirSync(folder, { recursive: true });
const secrets = loadSecrets(folder, process.env);
if (!secrets.ok) {
  console.error(`error: ${secrets.error}`);
  process.exit(1);
}
// wrangler reads secrets from this file only; git ignores it.
const vars = Object.entries(secrets.value).map(([name, value]) => `${name}=${value}\n`);
writeFileSync(resolve(root, ".dev.vars"), vars.join(""), { mode: 0o600 });

process.exitCode =
  // Without a terminal to ask at, pending migrations are simply applied.
  wrangler(["d1", "migrations", "apply", "DB", "--local"], "ignore") ||
  wrangler(["dev", ...process.argv.slice(2)], "inherit");

function wrangler(args: readonly string[], stdin: "ignore" | "inherit"): number {
  const run = spawnSync(resolve(root, "node_modules/.bin/wrangler"), args, {
    cwd: root,
    stdio: [stdin, "inherit", "inherit"],
    env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
  });
  return run.status ?? 1;
}
