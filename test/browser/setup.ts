/** Set-up of the tests in a browser: where there is a Chromium, and one server for all files. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestProject } from "vitest/node";
import { CONFIG } from "./stage.ts";
import { startServer } from "../support/server.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The program; empty when there is none. */
    chromium: string;
    /** Has the web client. Nobody ends it: a test that kills a server starts its own. */
    server: { readonly url: string; readonly port: number };
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const found = findChromium();
  project.provide("chromium", found ?? "");
  if (found !== undefined) {
    const server = await startServer({ config: CONFIG });
    project.provide("server", { url: server.url, port: server.port });
    return async () => server[Symbol.asyncDispose]();
  }
  project.provide("server", { url: "", port: 0 });
  if (process.env["CI"] === "true") throw new Error("no Chromium: set CHROMIUM, or install Debian's chromium");
  console.warn(`${project.name}: tests in a browser are skipped: CHROMIUM names none, none is installed`);
  return undefined;
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
