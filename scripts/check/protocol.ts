/** PROTOCOL.md numbers its rules; tests cite them in their titles, comments by name. */
import { type Finding, lines, type Rule, type Source } from "./repository.ts";

const DEFINITION = /^[\s|*-]*\*\*([A-Z]{3}\d+)\*\*\s*(\(later\))?/;
/** The beginning of a title: `"[DUP1] …` or `"[DUP1] [DUP2] …`. */
const TITLE = /["'`]((?:\[[A-Z]{3}\d+\]\s*)+)/g;
const IDENTIFIER = /\b[A-Z]{3}\d+\b/g;

/** Every rule has a test, unless it is still to come; whatever is cited exists. */
export const rulesAndTests: Rule = (sources) => {
  const protocol = sources.find((source) => source.path === "PROTOCOL.md");
  if (protocol === undefined) return [{ path: "PROTOCOL.md", line: 0, message: "is missing" }];
  const rules = definitions(protocol);
  const prefixes = new Set([...rules.keys()].map((id) => id.slice(0, 3)));
  const cited = new Set<string>();
  for (const source of sources.filter((one) => one.path.endsWith(".test.ts"))) {
    for (const [, ids = ""] of source.text.matchAll(TITLE)) {
      for (const [id] of ids.matchAll(IDENTIFIER)) cited.add(id);
    }
  }
  const untested: Finding[] = [...rules.values()]
    .filter((rule) => !rule.later && !cited.has(rule.id))
    .map(({ id, line }) => ({ path: protocol.path, line, message: `${id}: no test has [${id}] in its title` }));
  const unknown = lines(sources, isCode, (line) => {
    const id = [...line.matchAll(IDENTIFIER)].map(([found]) => found).find((found) => isUnknown(found));
    return id === undefined ? undefined : `${id} is no rule of PROTOCOL.md`;
  });
  return [...untested, ...unknown];

  function isUnknown(id: string): boolean {
    return prefixes.has(id.slice(0, 3)) && !rules.has(id);
  }
};

interface Definition {
  readonly id: string;
  readonly line: number;
  readonly later: boolean;
}

function definitions(protocol: Source): Map<string, Definition> {
  const found = new Map<string, Definition>();
  for (const [index, line] of protocol.text.split("\n").entries()) {
    const [, id, later] = DEFINITION.exec(line) ?? [];
    if (id !== undefined) found.set(id, { id, line: index + 1, later: later !== undefined });
  }
  return found;
}

function isCode(path: string): boolean {
  return path.endsWith(".ts") && path !== "test/unit/repository-rules.test.ts";
}
