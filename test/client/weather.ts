/** A TCP proxy in bad weather: it delays what passes, cuts connections after a while, and lets some fall silent. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { seeded } from "../support/random.ts";

export interface Weather extends AsyncDisposable {
  /** `http://host:port` of the proxy. */
  readonly url: string;
  /** Connections that it has ended. */
  readonly cuts: () => number;
  /** From now on nothing is delayed or cut any more. */
  clear(): void;
  /** Ends all connections now; `silent`: neither end is told. */
  cut(silent?: boolean): void;
}

export interface Climate {
  readonly seed: number;
  /** A connection lives so long, ms, at most. */
  readonly lifeMs: number;
  /** Each piece is delayed so long, ms, at most. */
  readonly delayMs: number;
  /** One connection in so many falls silent at its end, instead of being closed. */
  readonly silentOneIn: number;
}

/** Starts one in front of a server on the loopback. */
export async function startWeather(port: number, climate: Climate): Promise<Weather> {
  const random = seeded(climate.seed);
  let bad = true;
  let cuts = 0;
  const pairs = new Set<Pair>();
  const listener = createServer((client) => {
    const pair = new Pair(client, connect(port, "127.0.0.1"), () => (bad ? random() * climate.delayMs : 0));
    pairs.add(pair);
    client.on("close", () => pairs.delete(pair));
    const silent = random() < 1 / climate.silentOneIn;
    const timer = setTimeout(() => {
      if (!bad) return;
      cuts += 1;
      pair.end(silent);
    }, random() * climate.lifeMs);
    client.on("close", () => clearTimeout(timer));
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    cuts: () => cuts,
    clear() {
      bad = false;
    },
    cut(silent = false) {
      for (const pair of pairs) {
        cuts += 1;
        pair.end(silent);
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(listener, "close");
      listener.close();
      for (const pair of pairs) pair.end(false);
      await closed;
    },
  };
}

class Pair {
  readonly #client: Socket;
  readonly #server: Socket;
  #silent = false;

  constructor(client: Socket, server: Socket, delay: () => number) {
    this.#client = client;
    this.#server = server;
    this.#pipe(client, server, delay);
    this.#pipe(server, client, delay);
  }

  /** Silent: nothing passes any more, and neither end learns why. */
  end(silent: boolean): void {
    this.#silent = silent;
    if (silent) return;
    this.#client.destroy();
    this.#server.destroy();
  }

  #pipe(from: Socket, to: Socket, delay: () => number): void {
    // One piece after the other, so that they keep their order.
    let last = Promise.resolve();
    from.setNoDelay(true);
    from.on("error", () => {});
    from.on("close", () => {
      if (!this.#silent) to.destroy();
    });
    from.on("data", (bytes) => {
      const wait = delay();
      const before = last;
      const pass = async (): Promise<void> => {
        await before;
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        if (!this.#silent) to.write(bytes);
      };
      last = pass();
    });
  }
}
