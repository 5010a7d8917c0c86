/** `npm run check`: format, lint, types and the rules of this repository. Says everything that is wrong, not the first thing. */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { noMarkup, noRetries, noSqlInShells, reasonsForSilence } from "./check/code.ts";
import { commandsExist } from "./check/documents.ts";
import { rulesAndTests } from "./check/protocol.ts";
import { readSources, type Rule } from "./check/repository.ts";
import { noMachinePaths, noRegistries } from "./check/text.ts";

const ROOT = resolve(import.meta.dirname, "..");
const TOOLS = {
  format: ["oxfmt", "--check"],
  lint: ["oxlint"],
  types: ["tsc"],
  "types of the client": ["tsc", "-p", "client"],
  "types of its tests": ["tsc", "-p", "test/client"],
  "types of the web client": ["tsc", "-p", "web"],
  "types of what opens it offline": ["tsc", "-p", "web/offline"],
  "types of its tests in a browser": ["tsc", "-p", "test/browser"],
} as const;
const RULES: readonly Rule[] = [
  noSqlInShells,
  noRetries,
  noMarkup,
  reasonsForSilence,
  noMachinePaths,
  noRegistries,
  rulesAndTests,
  commandsExist,
];

const failed: string[] = [];
for (const [name, [command, ...args]] of Object.entries(TOOLS)) {
  console.log(`== ${name}`);
  const bin = resolve(ROOT, "node_modules/.bin", command);
  if (spawnSync(bin, args, { cwd: ROOT, stdio: "inherit" }).status !== 0) failed.push(name);
}

console.log("== rules");
const sources = readSources(ROOT);
const findings = RULES.flatMap((rule) => rule(sources));
for (const { path, line, message } of findings) console.log(`${path}${line > 0 ? `:${line}` : ""}: ${message}`);
if (findings.length > 0) failed.push("rules");

console.log(failed.length === 0 ? "check: all good" : `check: failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
