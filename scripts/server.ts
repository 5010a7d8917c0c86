/** `npm start`: the whole system on one machine, on miniflare's API, with everything it keeps in one folder. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { join, resolve } from "node:path";
import { parseConfig } from "../src/config/config.ts";
import { historyBinding, MAIN_SHARD } from "../src/config/routing.ts";
import { err, ok, type Result } from "../src/lib/result.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { lockData } from "./local/lock.ts";
import { HELP, parseOptions } from "./local/options.ts";
import { whenOrphaned } from "./local/parent.ts";
import type { RedisGateway } from "./redis/gateway.ts";
import { redisName } from "./redis/address.ts";
import { endLeftOvers, guardRuntime } from "./local/runtime.ts";
import { loadSecrets } from "./local/secrets.ts";

const options = orExit(parseOptions(process.argv.slice(2)));
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
for (const signal of SIGNALS) process.on(signal, () => process.exit(0));
// A reader that went away (`npm start | head`) is no reason to stop serving.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

const config = orExit(readOverrides(options.config));
/** History shards beside the store itself: each is a database of its own in the data folder. */
const shards = parseConfig(config)
  .routing.policies.history.nodes.map(({ name }) => name)
  .filter((name) => name !== MAIN_SHARD);
mkdirSync(options.data, { recursive: true });
const lock = orExit(lockData(options.data));
await endLeftOvers(options.data);
const secrets = orExit(loadSecrets(options.data, process.env));
const unguard = guardRuntime(options.data);
// Wrangler and miniflare are megabytes of JavaScript: compiled once, the next start takes a quarter less time.
enableCompileCache(resolve(import.meta.dirname, "../node_modules/.cache/compiled"));
// In here, what miniflare cannot clean up when it is killed goes at the next start.
process.env["TMPDIR"] = resolve(options.data, "tmp");
rmSync(process.env["TMPDIR"], { recursive: true, force: true });
mkdirSync(process.env["TMPDIR"]);

// Loaded late: wrangler and miniflare take a second, which a mistyped option need not cost.
const { startWorker } = await import("./local/worker.ts");
const mysql = options.mysql === undefined ? undefined : await openMysql(options.mysql);
const redis = options.redis === undefined ? undefined : await openRedis(options.redis);
const started = orExit(
  await startWorker({
    host: options.host,
    port: options.port,
    state: join(options.data, "state"),
    shards: shards.map(historyBinding),
    bindings: {
      ...secrets,
      ...(config === undefined ? {} : { CONFIG: config }),
      ...(mysql === undefined ? {} : { DATABASE_URL: mysql.url }),
      ...(redis === undefined ? {} : { UPSTASH_REDIS_REST_URL: redis.url, UPSTASH_REDIS_REST_TOKEN: redis.token }),
    },
  }),
);

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await started.miniflare.dispose();
  await mysql?.close();
  await redis?.close();
  unguard();
  lock.close();
  process.exit(0);
}
for (const signal of SIGNALS) {
  // Replaces miniflare's handlers, too, which exit at once with the code of a crash.
  process.removeAllListeners(signal);
  process.on(signal, () => void stop());
}
whenOrphaned(() => void stop());

const readiness = await fetch(new URL("/readyz", started.url));
if (!readiness.ok) orExit(err(`the Worker is not ready: ${await readiness.text()}`));
console.log(`ready http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${started.url.port}`);

/** A gateway to the database, migrated: a Worker speaks HTTP, not MySQL. */
async function openMysql(url: string): Promise<Gateway> {
  const { describeMigrated, migrateMysql } = await import("./mysql/migrate.ts");
  const { startGateway } = await import("./gateway/gateway.ts");
  console.log(`mysql ${describeMigrated(orExit(await migrateMysql(url)))}`);
  return startGateway({ mysql: url });
}

/** A gateway to Redis: a Worker speaks HTTP. A Redis that is down is no reason not to serve. */
async function openRedis(url: string): Promise<RedisGateway> {
  const name = orExit(redisName(url));
  const { startRedisGateway } = await import("./redis/gateway.ts");
  const gateway = await startRedisGateway(url);
  const is = (await gateway.answers()) ? "answers" : "does not answer: until it does, nothing is cached there";
  console.log(`redis ${name} ${is}`);
  return gateway;
}

/** The overrides' text, checked by the Worker's own parser before anything starts. */
function readOverrides(file: string | undefined): Result<string | undefined, string> {
  if (file === undefined) return ok(undefined);
  try {
    const text = readFileSync(file, "utf8");
    parseConfig(text);
    return ok(text);
  } catch (error) {
    return err(`--config ${file}: ${(error as Error).message}`);
  }
}

function orExit<T>(result: Result<T, string>): T {
  if (result.ok) return result.value;
  console.error(`error: ${result.error}`);
  process.exit(1);
}
