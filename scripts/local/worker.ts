/** One Worker on miniflare's API, from wrangler.toml: bindings, migrations and compatibility are written down there only. */
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { err, ok, type Result } from "../../src/lib/result.ts";
import { bundleWorker } from "./bundle.ts";
import { migrate } from "./migrate.ts";
import { readToml, TOML } from "./toml.ts";
import { buildWeb } from "./web.ts";

/** How long the runtime of a server that was killed may take to end, ms. */
const WAIT_MS = 3_000;
/** Has the socket, and no code that runs. */
const DOOR = "door";

export interface LocalWorker {
  readonly miniflare: Miniflare;
  readonly url: URL;
}

export interface LocalWorkerOptions {
  readonly host: string;
  readonly port: number;
  /** Folder of durable objects and databases. */
  readonly state: string;
  /** Secrets and variables beside those of wrangler.toml. */
  readonly bindings: Readonly<Record<string, string>>;
  /** Bindings of further databases with the store's tables: history shards. */
  readonly shards?: readonly string[];
}

/** Bundles, starts and migrates; on success the address answers. */
export async function startWorker(options: LocalWorkerOptions): Promise<Result<LocalWorker, string>> {
  const { shards = [] } = options;
  const { name, main, vars, databases, options: read } = await readToml();
  const script = await bundleWorker(main);
  if (!script.ok) return script;
  const web = await buildWeb();
  if (!web.ok) return web;
  const d1Databases = { ...(read["d1Databases"] as Readonly<Record<string, { id: string }>> | undefined) };
  for (const binding of shards) d1Databases[binding] = { id: binding };
  const worker: V4WorkerOptions = {
    ...read,
    name,
    modules: [{ type: "ESModule", path: join(dirname(TOML), "main.js"), contents: script.value }],
    modulesRoot: dirname(TOML),
    bindings: { ...vars, ...options.bindings },
    d1Databases,
  };
  // Straight to the Worker. The default entry adds a hop to every request, and shows stack traces of uncaught errors; a
  // socket of the Worker itself would lead through the router of its static files, two hops more for every frame.
  const door: V4WorkerOptions = {
    name: DOOR,
    modules: [{ type: "ESModule", path: "door.js", contents: "export default {}" }],
    unsafeDirectSockets: [{ host: options.host, port: options.port, serviceName: name }],
  };
  await portIsFree(options);
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: [worker, door],
      resourcePersistencePath: options.state,
      log: new Log(LogLevel.ERROR),
      logRequests: false,
      // The Worker's own lines as they are: miniflare would colour them.
      handleStructuredLogs: ({ level, message }) => {
        const stream = level === "error" || level === "warn" ? process.stderr : process.stdout;
        stream.write(`${message}\n`);
      },
      // Otherwise fetched from the network at every first start.
      cf: false,
    }),
  );
  const started = await whenReady(miniflare, options);
  if (!started.ok) return started;
  const [database] = databases;
  if (database !== undefined) {
    for (const binding of [database.binding, ...shards]) {
      const db = await miniflare.getD1Database(binding);
      await migrate(db, join(dirname(TOML), database.migrations_dir ?? "migrations"));
    }
  }
  return ok({ miniflare, url: started.value });
}

/** Resolves when nobody has the port, or nobody can be expected to give it up any more. */
async function portIsFree({ host, port }: LocalWorkerOptions): Promise<void> {
  if (port === 0) return;
  const until = Date.now() + WAIT_MS;
  while ((await isTaken(host, port)) && Date.now() < until) await sleep(50);
}

async function isTaken(host: string, port: number): Promise<boolean> {
  const probe = createServer();
  const taken = await new Promise<boolean>((done) => {
    probe.once("error", () => done(true));
    probe.listen(port, host, () => done(false));
  });
  if (!taken) await new Promise((closed) => probe.close(closed));
  return taken;
}

async function whenReady(miniflare: Miniflare, options: LocalWorkerOptions): Promise<Result<URL, string>> {
  try {
    await miniflare.ready;
    return ok(await miniflare.unsafeGetDirectURL(DOOR));
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_ADDRESS_IN_USE") {
      return err(`port ${options.port} of ${options.host} is in use; choose another with --port`);
    }
    return err((error as Error).message);
  }
}
