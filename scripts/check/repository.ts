/** What the repository rules look at, and what they say. */
import { globSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

/** A text file, with its path from the root, `/` between folders. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

export interface Finding {
  readonly path: string;
  /** From 1; 0 = the file as a whole. */
  readonly line: number;
  readonly message: string;
}

export type Rule = (sources: readonly Source[]) => Finding[];

/** Folders that are made, not written. */
const MADE = new Set(["node_modules", ".git", ".data", ".wrangler", "coverage", "dist"]);
const BINARY = /\.(?:png|jpe?g|gif|ico|wasm|woff2|sqlite)$/;

/** All written text files under `root`, in the order of their paths. */
export function readSources(root: string): Source[] {
  return globSync("**/*", { cwd: root, exclude: (path) => MADE.has(basename(path)) })
    .filter((path) => statSync(join(root, path)).isFile() && !BINARY.test(path) && !path.endsWith(".dev.vars"))
    .toSorted()
    .map((path) => ({ path: path.replaceAll("\\", "/"), text: readFileSync(join(root, path), "utf8") }));
}

/** A finding for each line of each chosen file for which `look` has something to say. */
export function lines(
  sources: readonly Source[],
  chosen: (path: string) => boolean,
  look: (line: string) => string | undefined,
): Finding[] {
  const findings: Finding[] = [];
  for (const { path, text } of sources) {
    if (!chosen(path)) continue;
    for (const [index, line] of text.split("\n").entries()) {
      const message = look(line);
      if (message !== undefined) findings.push({ path, line: index + 1, message });
    }
  }
  return findings;
}
