/** A command that a document shows works. */
import { type Finding, type Rule, type Source } from "./repository.ts";

const SHORT = new Set(["start", "test"]);
const OF_NPM = new Set(["ci", "install", "exec", "version", "help"]);

/** npm scripts that documents name exist, and so do the files that scripts run. */
export const commandsExist: Rule = (sources) => {
  const manifest = sources.find((source) => source.path === "package.json");
  if (manifest === undefined) return [{ path: "package.json", line: 0, message: "is missing" }];
  const { scripts = {} } = JSON.parse(manifest.text) as { scripts?: Record<string, string> };
  const findings: Finding[] = [];
  for (const source of sources.filter((one) => one.path.endsWith(".md"))) {
    for (const { name, line } of commands(source)) {
      if (!(name in scripts)) findings.push({ path: source.path, line, message: `there is no npm script "${name}"` });
    }
  }
  const paths = new Set(sources.map((source) => source.path));
  for (const [name, command] of Object.entries(scripts)) {
    const file = /\bnode (\S+\.ts)\b/.exec(command)?.[1];
    if (file === undefined || paths.has(file)) continue;
    findings.push({ path: "package.json", line: 0, message: `script "${name}" runs ${file}, which does not exist` });
  }
  return findings;
};

/** The npm scripts in the ```sh blocks of a document. */
function commands(source: Source): { name: string; line: number }[] {
  const found: { name: string; line: number }[] = [];
  let inside = false;
  for (const [index, text] of source.text.split("\n").entries()) {
    if (text.trimStart().startsWith("```")) inside = !inside && /```(?:sh|bash|shell|console)\b/.test(text);
    if (!inside) continue;
    for (const [, run, word = ""] of text.matchAll(/\bnpm (run )?([\w:-]+)/g)) {
      if (run !== undefined || SHORT.has(word) || !OF_NPM.has(word)) found.push({ name: word, line: index + 1 });
    }
  }
  return found;
}
