/** The systems under load, each a Worker on miniflare's API in a process of its own. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_readConfig } from "wrangler";
import { bundleWorker } from "../scripts/local/bundle.ts";
import { loadSecrets } from "../scripts/local/secrets.ts";
import type { startWorker } from "../scripts/local/worker.ts";

const ROOT = resolve(import.meta.dirname, "..");

/** Nothing is refused for its rate: the load would measure the limiter. */
const CONFIG = JSON.stringify({ limits: { rate: 1e6, burst: 1e6 }, auth: { scrypt_log_n: 10 } });

/** How many pairs a system is prepared for. */
export const PAIRS = 25;

/** One sender and one receiver. `to` is where the sender's messages go; a room has no tokens. */
export interface Pair {
  readonly from: string;
  readonly to: string;
  readonly tokens?: readonly [sender: string, receiver: string];
}

export interface System {
  readonly name: string;
  readonly protocol: "mpim" | "room";
  readonly url: string;
  readonly pairs: readonly Pair[];
  /** Seconds of CPU that the server's process has used; undefined where `/proc` does not tell. */
  cpu(): number | undefined;
  stop(): Promise<void>;
}

/** Starts our server from a checkout, with its accounts made. */
export async function startOurs(name: string, checkout: string, data: string): Promise<System> {
  // Another checkout may be compared with this one; its modules load from where they are.
  const file = pathToFileURL(join(resolve(checkout), "scripts/local/worker.ts")).href;
  const worker = (await import(file)) as { startWorker: typeof startWorker };
  const secrets = loadSecrets(data, {});
  if (!secrets.ok) throw new Error(secrets.error);
  const before = runtimes();
  const bindings = { ...secrets.value, CONFIG };
  const started = await worker.startWorker({ host: "127.0.0.1", port: 0, state: join(data, "state"), bindings });
  if (!started.ok) throw new Error(started.error);
  const { miniflare, url } = started.value;
  const pairs: Pair[] = [];
  for (let i = 0; i < PAIRS; i += 1) {
    const sender = await register(url, `sender${i}`);
    const receiver = await register(url, `receiver${i}`);
    pairs.push({ from: sender.uid, to: receiver.uid, tokens: [sender.token, receiver.token] });
  }
  return {
    name,
    protocol: "mpim",
    url: new URL("/v1/ws", url).href.replace("http", "ws"),
    pairs,
    cpu: cpuOf(before),
    stop: () => miniflare.dispose(),
  };
}

async function register(url: URL, username: string): Promise<{ uid: string; token: string }> {
  const response = await fetch(new URL("/v1/auth/register", url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username, password: `the password of ${username}` }),
  });
  if (response.status !== 201) throw new Error(`register: ${response.status} ${await response.text()}`);
  const { user, token } = await response.json<{ user: { id: string }; token: string }>();
  return { uid: user.id, token };
}

/** Starts the plain chat room. */
export async function startRoom(data: string): Promise<System> {
  const script = await bundleWorker(join(import.meta.dirname, "room-worker.ts"));
  if (!script.ok) throw new Error(script.error);
  const { compatibility_date } = unstable_readConfig({ config: join(ROOT, "wrangler.toml") });
  const before = runtimes();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: [
        {
          name: "room",
          modules: [{ type: "ESModule", path: join(ROOT, "room.js"), contents: script.value }],
          modulesRoot: ROOT,
          compatibilityDate: compatibility_date ?? "2026-01-01",
          durableObjects: { ROOMS: { className: "Room", useSQLite: true } },
          unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
        },
      ],
      resourcePersistencePath: join(data, "state"),
      log: new Log(LogLevel.ERROR),
      logRequests: false,
      cf: false,
    }),
  );
  await miniflare.ready;
  const url = await miniflare.unsafeGetDirectURL();
  return {
    name: "room",
    protocol: "room",
    url: url.href.replace("http", "ws"),
    pairs: Array.from({ length: PAIRS }, (_, i) => ({ from: "sender", to: `room${i}` })),
    cpu: cpuOf(before),
    stop: () => miniflare.dispose(),
  };
}

/** Process ids of the Workers runtimes that this process has started; none where there is no `/proc`. */
function runtimes(): number[] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        const stat = statOf(pid);
        return stat !== undefined && stat.parent === process.pid && stat.command === "workerd";
      });
  } catch {
    return [];
  }
}

/** Reads the CPU of the one runtime that was started since `before` was taken. */
function cpuOf(before: readonly number[]): () => number | undefined {
  const pid = runtimes().find((candidate) => !before.includes(candidate));
  return () => (pid === undefined ? undefined : statOf(pid)?.seconds);
}

/** USER_HZ, which Linux fixes for every architecture in use. */
const TICKS_PER_SECOND = 100;

/** From `/proc/PID/stat`: the command's name is in parentheses and may hold anything; fields are counted after it. */
function statOf(pid: number): { command: string; parent: number; seconds: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const [utime, stime] = [Number(fields[11]), Number(fields[12])];
  return {
    command: text.slice(text.indexOf("(") + 1, end),
    parent: Number(fields[1]),
    seconds: (utime + stime) / TICKS_PER_SECOND,
  };
}
