/** A real Redis for tests: one that runs, or a private one from the machine's packages. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { connect } from "node:net";
import { find, freePort } from "./programs.ts";

const USUAL = "redis://127.0.0.1:6379";

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** The server of REDIS_URL, else the usual one, else a private one; undefined when the machine has none. */
export async function openRedisServer(): Promise<RedisServer | undefined> {
  const given = process.env["REDIS_URL"];
  if (given) return { url: given, stop: async () => {} };
  if (await answers(USUAL)) return { url: USUAL, stop: async () => {} };
  return startPrivateRedis();
}

async function answers(url: string): Promise<boolean> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port) });
  try {
    await once(socket, "connect");
    socket.write("PING\r\n");
    const [bytes] = (await once(socket, "data")) as [Buffer];
    return bytes.toString().startsWith("+PONG");
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A server of this process alone, on a free port and an empty folder; undefined without `redis-server`. */
export async function startPrivateRedis(): Promise<RedisServer | undefined> {
  const program = find("redis-server");
  if (program === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "mpim-redis-"));
  const port = await freePort();
  const child = spawn(program, ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  process.once("exit", () => child.kill("SIGKILL"));
  const said: string[] = [];
  let ready = false;
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    ready = line.includes("Ready to accept connections");
    if (ready) break;
  }
  if (!ready) throw new Error(`Redis ended before it was ready:\n${said.join("\n")}`);
  child.stdout.resume();
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
