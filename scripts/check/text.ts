/** What no file of the repository may contain. */
import { lines, type Rule } from "./repository.ts";

// Only where a path can begin, so that the paths of URLs do not count.
const MACHINE_PATH = /(?<![\w.:/~-])\/(?:work|root|home|Users)\/[\w.]/;
const REGISTRY = /\b(?:registry\.[a-z0-9-]+\.[a-z]{2,}|npmmirror\.|yarnpkg\.|jfrog\.io|codeartifact\.)/i;

/** A checkout works in any folder of any machine. */
export const noMachinePaths: Rule = (sources) =>
  lines(
    sources,
    () => true,
    (line) => (MACHINE_PATH.test(line) ? "a path of one machine" : undefined),
  );

/** Where packages come from is the business of whoever installs. */
export const noRegistries: Rule = (sources) => [
  ...lines(
    sources,
    () => true,
    (line) => (REGISTRY.test(line) ? "the host of a package registry" : undefined),
  ),
  ...lines(
    sources,
    (path) => path.endsWith("package-lock.json"),
    (line) => (line.trimStart().startsWith('"resolved"') ? "a download address: .npmrc keeps them out" : undefined),
  ),
];
