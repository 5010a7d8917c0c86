/** A TCP proxy that fails on demand: it stands in front of any server, and what it does to its connections is set at run time. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { FaultMode } from "./proxy-control.ts";

export interface FaultProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Changes what becomes of open and of new connections; resolves when it holds. */
  set(mode: FaultMode): Promise<void>;
  /** Connections that are open. */
  open(): number;
}

const HOST = "127.0.0.1";
const PASS: FaultMode = { kind: "pass" };

/** Starts one on a free port of the loopback, in mode `pass`. */
export async function startProxy(target: { readonly host: string; readonly port: number }): Promise<FaultProxy> {
  let mode: FaultMode = PASS;
  /** Resolved, and replaced, whenever the mode changes: what is stalled goes on. */
  let changed = Promise.withResolvers<void>();
  const pairs = new Set<{ client: Socket; server: Socket }>();

  const listener = createServer((client) => {
    const server = connect(target);
    const pair = { client, server };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.setNoDelay(true).on("error", end).on("close", end);
    client.on("data", (bytes) => server.write(bytes));
    // One after the other, so that a chunk that stalls holds up those behind it.
    let last = Promise.resolve();
    let counted: FaultMode = mode;
    let passed = 0;
    const pass = async (bytes: Uint8Array): Promise<void> => {
      const now = mode;
      if (now !== counted) [counted, passed] = [now, 0];
      if (now.kind === "stall") await Promise.race([changed.promise, later(now.ms)]);
      if (now.kind === "cut" && passed + bytes.length > now.bytes) {
        client.write(bytes.subarray(0, now.bytes - passed), end);
        return;
      }
      passed += bytes.length;
      client.write(now.kind === "garbage" ? garble(bytes) : bytes);
    };
    server.on("data", (bytes) => {
      last = last.then(() => pass(bytes));
    });
  });
  const listen = async (port: number): Promise<void> => {
    listener.listen(port, HOST);
    await once(listener, "listening");
  };
  const stop = async (): Promise<void> => {
    if (!listener.listening) return;
    const closed = once(listener, "close");
    listener.close();
    for (const { client, server } of pairs) {
      client.destroy();
      server.destroy();
    }
    await closed;
  };
  await listen(0);
  const { port } = listener.address() as AddressInfo;
  return {
    host: HOST,
    port,
    open: () => pairs.size,
    async set(next) {
      mode = next;
      changed.resolve();
      changed = Promise.withResolvers();
      if (next.kind === "refuse") await stop();
      else if (!listener.listening) await listen(port);
    },
    [Symbol.asyncDispose]: stop,
  };
}

/**
 * Makes proxies for tests that are not in this process, inside workerd for instance: see `proxy-control.ts`. All of them end
 * with it.
 */
export async function serveProxies(): Promise<{ readonly url: string } & AsyncDisposable> {
  const proxies = new Map<number, FaultProxy>();
  const act = async (method: string, path: string, body: string): Promise<unknown> => {
    if (method === "POST") {
      const proxy = await startProxy(JSON.parse(body) as { host: string; port: number });
      proxies.set(proxy.port, proxy);
      return { host: proxy.host, port: proxy.port };
    }
    const proxy = proxies.get(Number(path.slice(1)));
    if (proxy === undefined) throw new Error(`no proxy at ${path}`);
    if (method === "PUT") await proxy.set(JSON.parse(body) as FaultMode);
    if (method === "DELETE") {
      proxies.delete(proxy.port);
      await proxy[Symbol.asyncDispose]();
    }
    return { open: proxy.open() };
  };
  const server = createHttpServer((request, response) => {
    void (async () => {
      try {
        const chunks: string[] = [];
        for await (const chunk of request.setEncoding("utf8") as AsyncIterable<string>) chunks.push(chunk);
        const answer = await act(request.method ?? "", request.url ?? "", chunks.join(""));
        response.end(JSON.stringify(answer));
      } catch (error) {
        response.writeHead(500).end(String(error));
      }
    })();
  });
  server.listen(0, HOST);
  await once(server, "listening");
  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await Promise.all([...proxies.values()].map((proxy) => proxy[Symbol.asyncDispose]()));
      await closed;
    },
  };
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => {
    // Infinity has no timer: only another mode ends it.
    if (Number.isFinite(ms)) setTimeout(resolve, ms).unref();
  });
}

/** As many bytes, of no protocol: what is framed by a length would else be waited for. */
function garble(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => (byte * 7 + 0x9d) & 0xff);
}
