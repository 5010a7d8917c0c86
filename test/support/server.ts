/** The real server as a child process, for tests and the demo. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "./programs.ts";

const SCRIPT = resolve(import.meta.dirname, "../../scripts/server.ts");
/** On a machine with ten times as much to do as it can, half a minute was seen. */
const READY_MS = 120_000;

export interface ServerOptions {
  /** Data folder; without it a temporary one, removed when the handle is disposed of. */
  readonly data?: string;
  /** Without it a free one, which is still free after a `kill9`. */
  readonly port?: number;
  /** Overrides of src/config/config.ts. */
  readonly config?: unknown;
  /** `mysql://…/database`; without it accounts stand in the data folder. */
  readonly mysql?: string;
  /** `redis://…`; without it the cache is each isolate's own. */
  readonly redis?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Server extends AsyncDisposable {
  /** `http://host:port`. */
  readonly url: string;
  /** `ws://host:port`. */
  readonly wsUrl: string;
  readonly port: number;
  readonly data: string;
  readonly pid: number;
  /** What it has printed so far, both streams. */
  output(): string;
  /** What `kill -9 PID` does: this one process gets the signal, and no child of it. */
  kill9(): Promise<void>;
  /** Asks it to stop; resolves to its exit code, null when a signal ended it. */
  stop(): Promise<number | null>;
}

export interface Exit {
  readonly code: number | null;
  readonly output: string;
}

/** Starts a server and waits for its `ready` line; throws with its output when it ends before. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const temporary = options.data === undefined ? mkdtempSync(join(tmpdir(), "mpim-")) : undefined;
  const data = options.data ?? temporary ?? "";
  const args = ["--port", String(options.port ?? (await freePort())), "--data", data];
  if (options.config !== undefined) {
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, "overrides.json"), JSON.stringify(options.config));
    args.push("--config", join(data, "overrides.json"));
  }
  if (options.mysql !== undefined) args.push("--mysql", options.mysql);
  if (options.redis !== undefined) args.push("--redis", options.redis);
  const child = launch(args, options.env);
  const read = collect(child);
  const url = await ready(child, read);
  const port = Number(new URL(url).port);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  };
  return {
    url,
    wsUrl: url.replace("http:", "ws:"),
    port,
    data,
    pid: child.pid as number,
    output: read,
    kill9: () => end("SIGKILL"),
    async stop() {
      await end("SIGTERM");
      return child.exitCode;
    },
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
      if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
    },
  };
}

/** Runs the server's command line to its end: for starts that are refused. */
export async function runServer(args: readonly string[], env?: ServerOptions["env"]): Promise<Exit> {
  const child = launch(args, env);
  const read = collect(child);
  await once(child, "close");
  return { code: child.exitCode, output: read() };
}

function launch(args: readonly string[], env: ServerOptions["env"] = {}): ChildProcess {
  return spawn(process.execPath, [SCRIPT, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
}

function collect(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return () => text;
}

async function ready(child: ChildProcess, read: () => string): Promise<string> {
  const { promise, resolve: found, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => {
    child.kill("SIGKILL");
    reject(new Error(`no ready line within ${READY_MS} ms:\n${read()}`));
  }, READY_MS);
  child.stdout?.on("data", () => {
    const url = /^ready (http:\S+)$/m.exec(read())?.[1];
    if (url !== undefined) found(url);
  });
  child.once("close", () => reject(new Error(`the server ended before it was ready:\n${read()}`)));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
