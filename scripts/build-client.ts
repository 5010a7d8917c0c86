/** `npm run build:client`: the client as JavaScript for browsers and for Node, with its types, into client/dist. */
import { spawnSync } from "node:child_process";
import { rmSync, statSync } from "node:fs";
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
const mpim = resolve(ROOT, "client/src/mpim.ts");
await build({ ...shared, entryPoints: [mpim], platform: "browser", minify: true });
// Node prints the line where an error was thrown: it has to be one that can be read.
await build({ ...shared, entryPoints: { "mpim.node": mpim }, platform: "node" });
await build({ ...shared, entryPoints: [resolve(ROOT, "client/src/node.ts")], platform: "node" });
const types = spawnSync(
  resolve(ROOT, "node_modules/.bin/tsc"),
  ["-p", resolve(ROOT, "client/tsconfig.build.json"), "--outDir", resolve(DIST, "types")],
  { stdio: "inherit" },
);
process.exitCode = types.status ?? 1;
if (types.status === 0) {
  const kilobytes = (statSync(resolve(DIST, "mpim.js")).size / 1000).toFixed(0);
  console.log(`client/dist: mpim.js for browsers (${kilobytes} kB), mpim.node.js and node.js for Node, types`);
}
