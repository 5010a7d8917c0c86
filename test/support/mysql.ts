/** A real MySQL server for tests: one that runs, or a private one from the machine's packages. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createConnection } from "mysql2/promise";
import { find, freePort } from "./programs.ts";

const USUAL = "mysql://root@127.0.0.1:3306/";

export interface MysqlServer {
  /** Address of a user who may make databases, without a database. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface Database {
  readonly url: string;
  readonly name: string;
  drop(): Promise<void>;
}

/** The server of MYSQL_URL, else the usual one, else a private one; undefined when the machine has none. */
export async function openMysqlServer(): Promise<MysqlServer | undefined> {
  const given = process.env["MYSQL_URL"];
  if (given) return { url: given, stop: async () => {} };
  if (await answers(USUAL)) return { url: USUAL, stop: async () => {} };
  return startPrivateServer();
}

async function answers(url: string): Promise<boolean> {
  try {
    const connection = await createConnection({ uri: url });
    await connection.end();
    return true;
  } catch {
    return false;
  }
}

/** A server of this process alone, on a free port and an empty folder; undefined without MariaDB's programs. */
export async function startPrivateServer(): Promise<MysqlServer | undefined> {
  const [install, program] = [find("mariadb-install-db"), find("mariadbd")];
  if (install === undefined || program === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "mpim-mysql-"));
  const data = join(folder, "data");
  const user = `--user=${userInfo().username}`;
  const shared = ["--no-defaults", `--datadir=${data}`, user];
  execFileSync(install, [...shared, "--auth-root-authentication-method=normal", "--skip-test-db"], { stdio: "pipe" });
  const port = await freePort();
  const child = spawn(
    program,
    [...shared, `--port=${port}`, "--bind-address=127.0.0.1", `--socket=${join(folder, "socket")}`],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  process.once("exit", () => child.kill("SIGKILL"));
  await untilReady(child);
  return {
    url: `mysql://root@127.0.0.1:${port}/`,
    async stop() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilReady(child: ChildProcess): Promise<void> {
  if (child.stderr === null) throw new Error("no output to wait on");
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (line.includes("ready for connections")) {
      child.stderr.resume();
      return;
    }
  }
  throw new Error(`MariaDB ended before it was ready:\n${said.join("\n")}`);
}

/** An empty database of a name that nobody else has. */
export async function makeDatabase(server: string): Promise<Database> {
  const name = `mpim_test_${randomBytes(6).toString("hex")}`;
  await statement(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, name, drop: () => statement(server, `DROP DATABASE IF EXISTS ${name}`) };
}

async function statement(server: string, sql: string): Promise<void> {
  const connection = await createConnection({ uri: server });
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}
