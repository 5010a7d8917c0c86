/** One WebSocket to the server, whatever it may do. */
import { framesOf } from "./core/shape.ts";
import { invalid } from "./errors.ts";
import type { ServerFrame } from "./wire.ts";

/** The constructor of a WebSocket: the one of browsers and of Node from 22 on, or that of the package `ws`. */
export interface WebSocketClass {
  new (url: string, protocols?: string | string[]): WebSocketLike;
}

/** What is used of a WebSocket, as browsers have it. */
export interface WebSocketLike {
  readonly readyState: number;
  /** Sends a text. */
  send(data: string): void;
  /** Ends the connection. */
  close(code?: number, reason?: string): void;
  /** It is open. */
  addEventListener(type: "open", listener: () => void): void;
  /** It cannot be opened, or broke; some say why, in `error`. */
  addEventListener(type: "error", listener: (event: unknown) => void): void;
  /** A message came. */
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  /** It has ended. */
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
}

export interface SocketEvents {
  opened(): void;
  received(frames: readonly ServerFrame[], characters: number): void;
  /** Comes once, and nothing after it; with what the platform says of it, if it does. */
  lost(code: number, cause?: unknown): void;
}

const OPEN = 1;
/** No status: what browsers say of a connection that broke or never was. */
const BROKEN = 1006;

export class Socket {
  readonly #socket: WebSocketLike;
  #done = false;

  /** `url`: of the server, `http:` or `https:`. */
  constructor(url: string, WebSocket: WebSocketClass, events: SocketEvents) {
    const lost = (code: number, cause?: unknown): void => {
      if (this.#done) return;
      this.#done = true;
      events.lost(code, cause);
    };
    this.#socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/ws`, "mpim.v1.json");
    this.#socket.addEventListener("open", () => {
      if (!this.#done) events.opened();
    });
    this.#socket.addEventListener("message", ({ data }) => {
      if (this.#done || typeof data !== "string") return;
      let json: unknown;
      try {
        json = JSON.parse(data);
      } catch {
        return;
      }
      // What is not understood is left out, and keeps nothing beside it from arriving.
      events.received((Array.isArray(json) ? json : [json]).flatMap(framesOf), data.length);
    });
    // A socket that cannot be opened says so by both; that of Node says some failures by this one only.
    this.#socket.addEventListener("error", (event) => lost(BROKEN, (event as { error?: unknown }).error));
    this.#socket.addEventListener("close", ({ code }) => lost(code));
  }

  /** What is written to a socket that is not open is lost, as what is written to one that breaks. */
  write(text: string): void {
    if (!this.#done && this.#socket.readyState === OPEN) this.#socket.send(text);
  }

  /** Ends it; nothing more is heard of it. */
  shut(code: number): void {
    this.#done = true;
    try {
      this.#socket.close(code === 1000 ? 1000 : 4000);
    } catch {
      // It was not open yet, or not any more.
    }
  }
}

/** The platform's WebSocket, or the one that is given. */
export function webSocketClass(given: WebSocketClass | undefined): WebSocketClass {
  const found = given ?? (globalThis as { WebSocket?: unknown }).WebSocket;
  if (found === undefined) {
    throw invalid("there is no WebSocket here: give that of the package ws");
  }
  return found as WebSocketClass;
}
