/** An HTTP server in front of a Redis, which speaks Upstash's REST protocol: for development and for tests. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

export interface RedisGateway {
  /** On the loopback; nobody gets in without the token. */
  readonly url: string;
  readonly token: string;
  /** Whether the Redis behind it answers, within a second or so. */
  answers(): Promise<boolean>;
  close(): Promise<void>;
}

const ANSWER_MS = 1_500;

/** Starts it on a free port; the Redis at `redis://…` may come and go. */
export async function startRedisGateway(redis: string): Promise<RedisGateway> {
  const token = randomBytes(24).toString("hex");
  // In a thread of its own, which can be ended: the package keeps its connection for good, and reports on it to the console.
  const thread = new Worker(join(import.meta.dirname, "gateway-thread.ts"), {
    workerData: { redis, token },
    stdout: true,
    stderr: true,
  });
  thread.stdout.resume();
  thread.stderr.resume();
  const [port] = (await once(thread, "message")) as [number];
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    token,
    async answers() {
      try {
        const response = await fetch(url, {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: '["PING"]',
          signal: AbortSignal.timeout(ANSWER_MS),
        });
        return response.ok;
      } catch {
        return false;
      }
    },
    async close() {
      await thread.terminate();
    },
  };
}
