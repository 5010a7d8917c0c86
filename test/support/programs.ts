/** Programs of the machine, and ports for them. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";

/** Where a program is; undefined when it is not installed. */
export function find(program: string): string | undefined {
  // Debian keeps servers where only root looks.
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
}

/** Below what systems give out by themselves: there, whoever connects anywhere could get the port of a server that is away. */
const PORTS = { from: 10_000, count: 20_000 };

/** A port of the loopback that nobody had a moment ago, and that nobody gets who does not ask for it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(PORTS.count * Math.random());
    const server = createServer().listen(port, "127.0.0.1");
    const free = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!free) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
