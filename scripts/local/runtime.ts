/**
 * Ties the Workers runtime (a child process that miniflare starts) to the life of this process.
 * Left alone, the child survives a `kill -9` of its parent and keeps the port and the data folder for itself.
 */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Ends runtimes that an earlier server left behind. Only with the folder's lock held: then none of them has an owner. */
export async function endLeftOvers(folder: string): Promise<void> {
  for (const file of globSync(join(folder, "runtime.*.pid"))) {
    const id = Number.parseInt(readFileSync(file, "utf8"), 10);
    while (isRuntime(id, file)) {
      process.kill(id, "SIGKILL");
      await sleep(20);
    }
    rmSync(file, { force: true });
  }
}

/**
 * Makes every runtime that this process starts from now on end with it. Returns what forgets about it after a clean stop.
 * A shell waits at the end of a pipe: the pipe breaks when this process dies, by whatever signal.
 */
export function guardRuntime(folder: string): () => void {
  // A name of its own per start, so that a late guard of an earlier start never hits a newer runtime.
  const file = resolve(folder, `runtime.${randomBytes(4).toString("hex")}.pid`);
  const miniflare = createRequire(createRequire(import.meta.url).resolve("miniflare"));
  process.env["MPIM_RUNTIME_PID"] = file;
  process.env["MPIM_RUNTIME"] = (miniflare("workerd") as { default: string }).default;
  process.env["MINIFLARE_WORKERD_PATH"] = resolve(import.meta.dirname, "runtime.sh");
  const script = 'read -r _; kill -9 "$(cat "$1")"';
  const guard = spawn("/bin/sh", ["-c", script, "sh", file], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  guard.unref();
  return () => {
    rmSync(file, { force: true });
    guard.kill("SIGKILL");
  };
}

/** Whether the process is a runtime started with this id file: an id alone may long belong to somebody else. */
function isRuntime(id: number, file: string): boolean {
  if (!Number.isSafeInteger(id)) return false;
  try {
    const environ = existsSync("/proc/self/environ")
      ? readFileSync(`/proc/${id}/environ`, "utf8")
      : execFileSync("ps", ["-Eww", "-o", "command=", "-p", String(id)], { encoding: "utf8" });
    return environ.includes(`MPIM_RUNTIME_PID=${resolve(file)}`);
  } catch {
    return false;
  }
}
