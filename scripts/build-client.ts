/** `npm run build:client`: the client as JavaScript for browsers and for Node, with its types, into client/dist. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { build } from "esbuild";

const ROOT = resolve(import.meta.dirname, "..");
const DIST = resolve(ROOT, "client/dist");

rmSync(DIST, { recursive: true, force: true });
const shared = {
  bundle: true,
  format: "esm",
  target: "es2022",
  sourcemap: true,
  outdir: DIST,
  logLevel: "warning",
} as const;
await build({ ...shared, entryPoints: [resolve(ROOT, "client/src/mpim.ts")], platform: "browser", minify: true });
await build({ ...shared, entryPoints: [resolve(ROOT, "client/src/node.ts")], platform: "node" });
const types = spawnSync(
  resolve(ROOT, "node_modules/.bin/tsc"),
  ["-p", resolve(ROOT, "client/tsconfig.build.json"), "--outDir", resolve(DIST, "types")],
  { stdio: "inherit" },
);
process.exitCode = types.status ?? 1;
