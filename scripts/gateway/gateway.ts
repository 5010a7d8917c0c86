/** An HTTP server in front of a MySQL server, which speaks PlanetScale's protocol: for development and for tests. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createPool } from "mysql2/promise";
import { z } from "zod";
import type { Failure } from "./protocol.ts";
import { Sessions, type SessionLimits } from "./sessions.ts";

export interface GatewayOptions extends Partial<SessionLimits> {
  /** `mysql://user:password@host:port/database`. */
  readonly mysql: string;
}

export interface Gateway {
  /** `http://user:password@127.0.0.1:port`, with credentials of its own. */
  readonly url: string;
  /** Transactions that are open. */
  open(): number;
  close(): Promise<void>;
}

const CONNECTIONS = 16;
/** The rest is for statements outside of transactions. */
const MAX_OPEN = 8;
/** As long as PlanetScale lets a transaction live. */
const IDLE_MS = 20_000;
/** Characters of a request. */
const MAX_BODY = 64 * 1024 * 1024;

/** PlanetScale's, so that what is cut off or misspelt there is an error here, and a backslash escapes. */
const SQL_MODE = [
  "ONLY_FULL_GROUP_BY",
  "STRICT_TRANS_TABLES",
  "NO_ZERO_IN_DATE",
  "NO_ZERO_DATE",
  "ERROR_FOR_DIVISION_BY_ZERO",
  "NO_ENGINE_SUBSTITUTION",
].join(",");

const Body = z.object({
  query: z.string().default(""),
  session: z
    .object({
      signature: z.string().max(64),
      vitessSession: z.object({ autocommit: z.boolean().default(true), inTransaction: z.boolean().default(false) }),
    })
    .nullish(),
});

/** Starts it on a free port of the loopback; nobody else gets in. */
export async function startGateway({ mysql, maxOpen = MAX_OPEN, idleMs = IDLE_MS }: GatewayOptions): Promise<Gateway> {
  const pool = createPool({
    uri: mysql,
    connectionLimit: CONNECTIONS,
    charset: "utf8mb4_unicode_ci",
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
  pool.pool.on("connection", (connection) => {
    // Ahead of whatever the connection was made for; a failure shows there.
    connection.query(`SET SESSION sql_mode = '${SQL_MODE}'`, () => {});
  });
  const sessions = new Sessions(pool, { maxOpen, idleMs });
  const [user, password] = [randomBytes(12).toString("hex"), randomBytes(24).toString("hex")];
  const authorization = digest(`Basic ${btoa(`${user}:${password}`)}`);

  const server = createServer((request, response) => {
    answer(request, response, sessions, authorization).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://${user}:${password}@127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => sessions.open,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      sessions.close();
      await closed;
      await pool.end();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  sessions: Sessions,
  authorization: Uint8Array,
): Promise<void> {
  const reply = (status: number, body: unknown): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const refuse = (status: number, code: string, message: string): void => {
    reply(status, { error: { code, message } satisfies Failure });
  };
  if (!timingSafeEqual(digest(request.headers.authorization ?? ""), authorization)) {
    return refuse(401, "UNAUTHENTICATED", "wrong username or password");
  }
  const procedure = /^\/psdb\.v1alpha1\.Database\/(CreateSession|Execute)$/.exec(request.url ?? "")?.[1];
  if (request.method !== "POST" || procedure === undefined) return refuse(404, "NOT_FOUND", "no such procedure");
  const text = await read(request);
  if (text === undefined) return refuse(413, "RESOURCE_EXHAUSTED", `a request has at most ${MAX_BODY} characters`);
  const body = parse(text);
  if (body === undefined) return refuse(400, "INVALID_ARGUMENT", "the request is not of the protocol");
  if (procedure === "CreateSession") return reply(200, { session: sessions.create() });
  const before = performance.now();
  const execution = await sessions.execute(body.session ?? null, body.query);
  return reply(200, { ...execution, timing: (performance.now() - before) / 1000 });
}

/** Of texts of any length, so that they can be compared in a time that says nothing. */
function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: string[] = [];
  let size = 0;
  request.setEncoding("utf8");
  for await (const chunk of request as AsyncIterable<string>) {
    size += chunk.length;
    // Read to its end all the same, or the client would see a broken connection instead of the refusal.
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  return size <= MAX_BODY ? chunks.join("") : undefined;
}

function parse(text: string): z.infer<typeof Body> | undefined {
  try {
    return Body.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
