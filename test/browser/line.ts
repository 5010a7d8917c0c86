/** The line between a browser and a server, which can be cut: a browser that is told it is offline keeps its sockets. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface Line extends AsyncDisposable {
  readonly url: string;
  /** Ends what is open, and lets nothing through from now on. */
  cut(): void;
  mend(): void;
}

export async function openLine(port: number): Promise<Line> {
  const open = new Set<Socket>();
  let whole = true;
  const listener = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
    return undefined;
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const end = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    cut() {
      whole = false;
      end();
    },
    mend() {
      whole = true;
    },
    async [Symbol.asyncDispose]() {
      end();
      listener.close();
      await once(listener, "close");
    },
  };
}
