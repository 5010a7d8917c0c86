/** Set-up of the tests in a browser: where there is a Chromium. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The program; empty when there is none. */
    chromium: string;
  }
}

export default function setup(project: TestProject): void {
  const found = findChromium();
  project.provide("chromium", found ?? "");
  if (found !== undefined) return;
  if (process.env["CI"] === "true") throw new Error("no Chromium: set CHROMIUM, or install Debian's chromium");
  console.warn(`${project.name}: tests in a browser are skipped: CHROMIUM names none, none is installed`);
}

/** The program that `CHROMIUM` names, else the first on the path. */
export function findChromium(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const candidates = [
    process.env["CHROMIUM"] ?? "",
    ...names.flatMap((name) => folders.map((folder) => join(folder, name))),
  ];
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return file !== "";
    } catch {
      return false;
    }
  });
}
