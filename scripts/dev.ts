/** `npm run dev`: `wrangler dev`, with reload, on a database of its own under .wrangler/. */
import { spawn } from "node:child_process";
import { once } from "node:events";
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

// Without a terminal to ask at, pending migrations are simply applied.
const migrated = await wrangler(["d1", "migrations", "apply", "DB", "--local"], "ignore");
process.exitCode = migrated === 0 ? await wrangler(["dev", ...process.argv.slice(2)], "inherit") : migrated;

/** Runs wrangler to its end, or to ours; resolves to its exit code. */
async function wrangler(args: readonly string[], stdin: "ignore" | "inherit"): Promise<number> {
  const child = spawn(process.execPath, [resolve(root, "node_modules/wrangler/bin/wrangler.js"), ...args], {
    cwd: root,
    stdio: [stdin, "inherit", "inherit"],
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => child.kill(signal));
  await once(child, "exit");
  return child.exitCode ?? 1;
}
