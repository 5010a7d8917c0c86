/** The systems under load, each a Worker on miniflare's API in a process of its own. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_readConfig } from "wrangler";
import { bundleWorker } from "../scripts/local/bundle.ts";
import { loadSecrets } from "../scripts/local/secrets.ts";
import type { LocalWorker, startWorker } from "../scripts/local/worker.ts";
import { Api } from "../test/support/api.ts";
import { populate, type Inhabitant } from "../test/support/population.ts";

const ROOT = resolve(import.meta.dirname, "..");

/** Nothing is refused for its rate: the load would measure the limiter. */
const CONFIG = JSON.stringify({ limits: { rate: 1e6, burst: 1e6 } });
/** Members that one request takes. */
const ADDED_AT_ONCE = 900;

/** How many pairs a system is prepared for. */
export const PAIRS = 25;

/** One sender and one receiver. `to` is where the sender's messages go; a room has no tokens. */
export interface Pair {
  readonly from: string;
  readonly to: string;
  readonly tokens?: readonly [sender: string, receiver: string];
}

/** A group or room that a crowd meets in; an access token or a name for each that comes. */
export interface Place {
  readonly to: string;
  readonly members: readonly string[];
}

export interface System {
  readonly name: string;
  readonly protocol: "mpim" | "room";
  readonly url: string;
  readonly pairs: readonly Pair[];
  /** A place with so many members, of whom so many come; the same one when asked again. */
  crowd(members: number, online: number): Promise<Place>;
  /** Seconds of CPU that the server's process has used; undefined where `/proc` does not tell. */
  cpu(): number | undefined;
  stop(): Promise<void>;
}

/** Starts our server from a checkout, with so many accounts beside those of the pairs. */
export async function startOurs(name: string, checkout: string, data: string, crowd: number): Promise<System> {
  // Another checkout may be compared with this one; its modules load from where they are.
  const file = pathToFileURL(join(resolve(checkout), "scripts/local/worker.ts")).href;
  const worker = (await import(file)) as { startWorker: typeof startWorker };
  const secrets = loadSecrets(data, {});
  if (!secrets.ok) throw new Error(secrets.error);
  const bindings = { ...secrets.value, CONFIG };
  const start = async (): Promise<LocalWorker> => {
    const started = await worker.startWorker({ host: "127.0.0.1", port: 0, state: join(data, "state"), bindings });
    if (!started.ok) throw new Error(started.error);
    return started.value;
  };
  // Once for the database's tables, which the accounts are put into while nothing runs.
  await (await start()).miniflare.dispose();
  const population = populate(data, 2 * PAIRS + crowd);
  const before = runtimes();
  const { miniflare, url } = await start();
  const tokens = await Promise.all(population.people.slice(0, 2 * PAIRS).map((who) => population.token(who)));
  const pairs = Array.from({ length: PAIRS }, (_, i): Pair => {
    const [sender, receiver] = population.people.slice(2 * i, 2 * i + 2) as [Inhabitant, Inhabitant];
    return { from: sender.uid, to: receiver.uid, tokens: [tokens[2 * i] as string, tokens[2 * i + 1] as string] };
  });
  const groups = new Map<number, Promise<string>>();
  return {
    name,
    protocol: "mpim",
    url: new URL("/v1/ws", url).href.replace("http", "ws"),
    pairs,
    async crowd(members, online) {
      const people = population.people.slice(2 * PAIRS, 2 * PAIRS + members);
      const group =
        groups.get(members) ?? found(new Api(url.origin), people, await population.token(people[0] as Inhabitant));
      groups.set(members, group);
      return {
        to: await group,
        members: await Promise.all(people.slice(0, online).map((who) => population.token(who))),
      };
    },
    cpu: cpuOf(before),
    stop: () => miniflare.dispose(),
  };
}

/** Makes a group of people, the first its owner; returns its cid. */
async function found(api: Api, people: readonly Inhabitant[], token: string): Promise<string> {
  const { group } = await api.get<{ group: { id: string } }>("POST /v1/groups", token, { name: "Crowd" });
  for (let i = 1; i < people.length; i += ADDED_AT_ONCE) {
    const users = people.slice(i, i + ADDED_AT_ONCE).map(({ uid }) => uid);
    await api.get(`POST /v1/groups/${group.id}/members`, token, { users });
  }
  return group.id;
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
    // A room has no members but those who come.
    crowd: async (members, online) => ({
      to: `crowd${members}`,
      members: Array.from({ length: online }, (_, i) => `member${i}`),
    }),
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
