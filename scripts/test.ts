/**
 * `npm test [-- arguments of vitest]`: runs the tests and ends with one line, `tests: N passed, N failed`.
 * A run of everything also measures coverage. With CI=true a skipped test counts as failed: nothing is green by absence.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

const args = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "mpim-test-"));
const file = join(folder, "report.json");
const run = spawnSync(
  process.execPath,
  [
    join(import.meta.dirname, "../node_modules/vitest/vitest.mjs"),
    "run",
    ...(args.length === 0 ? ["--coverage"] : args),
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
  ],
  { stdio: "inherit" },
);
const report = readReport(file);
rmSync(folder, { recursive: true });

const skipped = report.numPendingTests + report.numTodoTests;
let failed = report.numFailedTests;
if (skipped > 0) {
  console.log(`skipped: ${skipped}`);
  if (process.env["CI"] === "true") failed += skipped;
}
if (run.status !== 0 && failed === 0) {
  console.log("no test failed, but the run did: see above (coverage below its threshold, an error outside of a test)");
  failed = 1;
}
if (report.numPassedTests === 0 && failed === 0) {
  console.log("no test ran");
  failed = 1;
}
console.log(`tests: ${report.numPassedTests} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function readReport(path: string): Report {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Report;
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  }
}
