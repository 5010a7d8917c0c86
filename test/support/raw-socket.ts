/** A WebSocket to the server without a client's manners: says what it is told to, and keeps what it hears. */
import { WebSocket } from "ws";
import type { Frame } from "./connection.ts";

export class RawSocket {
  readonly frames: Frame[] = [];
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("message", (data: Buffer) => {
      const parsed = JSON.parse(data.toString("utf8")) as Frame | Frame[];
      this.frames.push(...(Array.isArray(parsed) ? parsed : [parsed]));
    });
    const { promise, resolve } = Promise.withResolvers<number>();
    socket.on("close", resolve);
    this.closed = promise;
  }

  /** Connects; sends `first` when the socket is open. */
  static async open(url: string, ...first: unknown[]): Promise<RawSocket> {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/ws`);
    const raw = new RawSocket(socket);
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    for (const frame of first) raw.send(frame);
    return raw;
  }

  send(frame: unknown): void {
    this.#socket.send(JSON.stringify(frame));
  }
}
