/** The static files that the edge serves: the web client, and the SDK as one module for pages of others. */
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { build, stop } from "esbuild";
import { err, ok, type Result } from "../../src/lib/result.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const WEB = join(ROOT, "web");
const DIST = join(WEB, "dist");

/** What browsers have since 2024; the pages need popovers and `light-dark()` anyway. */
const TARGET = "es2024";

/** Builds into web/dist; the error lists what does not resolve or parse. */
export async function buildWeb(): Promise<Result<undefined, string>> {
  try {
    const files = new Map<string, Uint8Array>();
    for (const path of globSync("**/*", { cwd: join(WEB, "public") })) {
      const file = join(WEB, "public", path);
      if (statSync(file).isFile()) files.set(path, readFileSync(file));
    }
    const shared = { bundle: true, write: false, minify: true, target: TARGET, logLevel: "silent" } as const;
    const outputs = [
      await build({
        ...shared,
        entryPoints: { app: join(WEB, "src/main.tsx"), style: join(WEB, "src/styles/style.css") },
        format: "esm",
        jsx: "automatic",
        jsxImportSource: "preact",
        outdir: DIST,
      }),
      await build({
        ...shared,
        entryPoints: { client: join(ROOT, "client/src/mpim.ts") },
        format: "esm",
        outdir: DIST,
      }),
    ];
    for (const { path, contents } of outputs.flatMap(({ outputFiles }) => outputFiles)) {
      files.set(relative(DIST, path), contents);
    }
    const offline = await build({
      ...shared,
      entryPoints: { offline: join(WEB, "offline/worker.ts") },
      format: "iife",
      outdir: DIST,
      define: { RELEASE: JSON.stringify(releaseOf(files)) },
    });
    for (const { contents } of offline.outputFiles) files.set("offline.js", contents);
    place(files);
    return ok(undefined);
  } catch (error) {
    return err(`the web client does not bundle: ${(error as Error).message}`);
  } finally {
    // Its service process would otherwise stay for as long as this one.
    await stop();
  }
}

/** A text that is another when any of the files is. */
function releaseOf(files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash("sha256");
  for (const [path, contents] of [...files].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${path}\n${contents.length}\n`).update(contents);
  return hash.digest("hex").slice(0, 16);
}

/** Makes the folder what it should be. A server that reads it meanwhile never sees half a file: what is the same is left alone. */
function place(files: ReadonlyMap<string, Uint8Array>): void {
  for (const [path, contents] of files) {
    const file = join(DIST, path);
    if (existsSync(file) && readFileSync(file).equals(contents)) continue;
    mkdirSync(dirname(file), { recursive: true });
    const fresh = `${file}.${process.pid}`;
    writeFileSync(fresh, contents);
    renameSync(fresh, file);
  }
  for (const path of globSync("**/*", { cwd: DIST })) {
    // Not what another start is just writing.
    if (files.has(path) || /\.\d+$/.test(path)) continue;
    if (statSync(join(DIST, path), { throwIfNoEntry: false })?.isFile()) rmSync(join(DIST, path), { force: true });
  }
}
