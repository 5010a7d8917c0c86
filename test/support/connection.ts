/** A client's socket: says hello, keeps itself alive, and opens again after a break when it may. */
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";

// oxlint-disable-next-line typescript/no-explicit-any -- frames are open records: a client ignores what it does not know
export type Frame = Record<string, any> & { t: string };

export interface Listener {
  /** The first frame of a connection. */
  hello(): Frame;
  /** Frames that came as one message. */
  received(frames: readonly Frame[]): void;
  /** The connection broke, or was ended. */
  lost(): void;
}

/** After these close codes a connection would be refused again, or put another out. */
const STAY_AWAY = new Set([4400, 4401, 4403, 4409, 4413]);
const RECONNECT_MS = 50;
const CLOSING_MS = 2000;

export class Connection {
  /** How the last connection ended; undefined while there is one, or one is being made. */
  closed: { code: number; reason: string } | undefined;
  /** Wait so long before the next one, ms: what a `goaway` said. */
  comeBack = 0;
  readonly #url: string;
  readonly #reconnect: boolean;
  readonly #listener: Listener;
  #socket: WebSocket | undefined;
  #stopped = false;
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  constructor(url: string, reconnect: boolean, listener: Listener) {
    this.#url = `${url.replace(/^http/, "ws")}/v1/ws`;
    this.#reconnect = reconnect;
    this.#listener = listener;
  }

  open(): void {
    this.closed = undefined;
    const socket = new WebSocket(this.#url, "mpim.v1.json");
    this.#socket = socket;
    socket.on("open", () => this.write(this.#listener.hello()));
    socket.on("message", (data: Buffer) => {
      const parsed = JSON.parse(data.toString("utf8")) as Frame | Frame[];
      this.#listener.received(Array.isArray(parsed) ? parsed : [parsed]);
    });
    socket.on("error", () => {});
    socket.on("close", (code, reason) => {
      if (this.#socket === socket) this.#lost(code, String(reason));
    });
  }

  /** Writes frames: one as a frame, several as a batch. What is written to a broken connection is lost. */
  write(...frames: Frame[]): void {
    this.raw(JSON.stringify(frames.length === 1 ? frames[0] : frames));
  }

  /** Writes anything. */
  raw(data: string | Uint8Array): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(data);
  }

  /** Pings twice in this many seconds, until the connection ends. */
  keepAlive(seconds: number): void {
    this.#heartbeat = setInterval(() => this.write({ t: "ping" }), seconds * 500);
    this.#heartbeat.unref();
  }

  /** Breaks the connection as a lost network does. */
  drop(): void {
    this.#socket?.terminate();
  }

  /** Ends the connection and stays away. */
  async close(): Promise<void> {
    this.#stopped = true;
    const socket = this.#socket;
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once("close", () => resolve());
    if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
    else socket.close(1000);
    const limit = setTimeout(() => socket.terminate(), CLOSING_MS);
    await promise;
    clearTimeout(limit);
  }

  #lost(code: number, reason: string): void {
    clearInterval(this.#heartbeat);
    this.closed = { code, reason };
    this.#listener.lost();
    if (this.#reconnect && !STAY_AWAY.has(code)) void this.#reopen();
  }

  async #reopen(): Promise<void> {
    await sleep(this.comeBack + RECONNECT_MS * (1 + Math.random()));
    this.comeBack = 0;
    if (!this.#stopped) this.open();
  }
}
