/** The thread of `gateway.ts`: says its port once it listens. */
import { parentPort, workerData } from "node:worker_threads";
import { serve } from "@hono/node-server";
import { createApp } from "@humanwhocodes/upstash-redis-server";

const { redis, token } = workerData as { readonly redis: string; readonly token: string };
const { fetch } = createApp({ token, redisUrl: redis });
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is of windows, not of threads
serve({ fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => parentPort?.postMessage(port));
