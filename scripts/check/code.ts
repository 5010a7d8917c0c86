/** Rules of code that the linter does not know. */
import { lines, type Rule } from "./repository.ts";

const SQL = /["'`]\s*(?:SELECT\s|INSERT\s+(?:INTO|OR)\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s|DROP\s|ALTER\s)/i;

/** An object's shell does I/O; its SQL stands in the store beside it. */
export const noSqlInShells: Rule = (sources) =>
  lines(
    sources,
    (path) => path.endsWith("-object.ts"),
    (line) => (SQL.test(line) ? "SQL in an object's shell: it belongs to the store beside it" : undefined),
  );

/** A test that passes at the second try has failed. */
export const noRetries: Rule = (sources) =>
  lines(
    sources,
    (path) => path.startsWith("test/") || path === "vitest.config.ts",
    (line) => (/\bretry:(?!\s*0\b)/.test(line) ? "tests are not tried again: retry is 0" : undefined),
  );

const SILENCED = /\b(?:oxlint|eslint)-disable/;

/** Whoever silences the linter says why. */
export const reasonsForSilence: Rule = (sources) =>
  lines(
    sources,
    (path) => /\.tsx?$/.test(path) && !path.startsWith("scripts/check/"),
    (line) => (SILENCED.test(line) && !/ -- \S/.test(line) ? "a silenced lint rule wants ` -- reason`" : undefined),
  );

/** What people write never becomes markup in the web client; the linter knows the properties of elements, not those of JSX. */
export const noMarkup: Rule = (sources) =>
  lines(
    sources,
    (path) => path.startsWith("web/src/"),
    (line) => (line.includes("dangerouslySetInnerHTML") ? "markup out of a text: texts are children" : undefined),
  );
