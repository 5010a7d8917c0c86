/**
 * The shell of a client's connection: its WebSocket, the link to the user's object, one timer. Decisions are in session.ts.
 * A link costs one sub-request when it is opened and none per frame.
 */
import type { Uid } from "../../protocol/ids.ts";
import type { Attach } from "../../protocol/link.ts";
import { services, type Env } from "../env.ts";
import { authenticate } from "./auth.ts";
import { Gather } from "./gather.ts";
import { openLink, RelaySockets } from "./link.ts";
import { Session } from "./session.ts";

export const SUBPROTOCOL = "mpim.v1.json";

/** Answers `GET /v1/ws` with an upgrade. The caller has checked that the request asks for one. */
export function openConnection(request: Request, env: Env): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  new Connection(server, env).start();
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const spoken = offered.some((protocol) => protocol.trim() === SUBPROTOCOL);
  const headers = spoken ? { "sec-websocket-protocol": SUBPROTOCOL } : undefined;
  return new Response(null, { status: 101, webSocket: client, ...(headers && { headers }) });
}

class Connection {
  readonly #socket: WebSocket;
  readonly #env: Env;
  readonly #session: Session;
  /** The link in use; events of any other are of the past. */
  #link: WebSocket | undefined;
  readonly #up = new Gather((text) => this.#sendUp(text), turn);
  readonly #relays: RelaySockets;
  #timer: { at: number; handle: ReturnType<typeof setTimeout> } | undefined;

  constructor(socket: WebSocket, env: Env) {
    this.#socket = socket;
    this.#env = env;
    const { config } = services(env);
    this.#relays = new RelaySockets(env.RELAYS, {
      heard: (cid, text) => this.#session.fromRelay(cid, text, Date.now()),
      lost: (cid) => this.#session.relayLost(cid, Date.now()),
      after: () => this.#schedule(),
    });
    this.#session = new Session(
      crypto.randomUUID(),
      config,
      {
        send: (text) => this.#sendToClient(text),
        close: (code, reason) => this.#close(code, reason),
        authenticate: (token) => void this.#authenticate(token),
        link: (uid, attach) => void this.#openLink(uid, attach),
        forward: (text) => this.#up.add(text),
        unlink: () => this.#unlink(),
        relayOf: (uid, relays) => services(env).routes.relay(uid, relays),
        refreshRoutes: () => void services(env).routes.refresh(),
        relay: (node, attach) => void this.#relays.open(node, attach),
        toRelay: (cid, text) => this.#relays.send(cid, text),
        unrelay: (cid) => this.#relays.close(cid),
        requestId: () => crypto.randomUUID(),
        chance: () => Math.random(),
      },
      Date.now(),
    );
  }

  start(): void {
    this.#socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.#session.received(data, Date.now());
      else this.#session.receivedBinary(Date.now());
      this.#schedule();
    });
    this.#socket.addEventListener("close", () => this.#gone());
    this.#socket.addEventListener("error", () => this.#gone());
    this.#schedule();
  }

  #gone(): void {
    this.#session.gone();
    this.#clearTimer();
  }

  #sendToClient(text: string): void {
    try {
      this.#socket.send(text);
    } catch {
      // Closed under us; the close event follows.
    }
  }

  #close(code: number, reason: string): void {
    this.#clearTimer();
    try {
      this.#socket.close(code, reason);
    } catch {
      // Closed already.
    }
  }

  async #authenticate(token: string): Promise<void> {
    const result = await authenticate(token, services(this.#env), Date.now());
    if (result.ok) services(this.#env).warm(result.value.uid);
    this.#session.authenticated(result, Date.now());
    this.#schedule();
  }

  async #openLink(uid: Uid, attach: Attach): Promise<void> {
    const link = await openLink(this.#env.USERS, uid, "user", attach);
    if (link === null) {
      this.#session.linkLost(Date.now());
      return this.#schedule();
    }
    this.#link = link;
    link.accept();
    link.addEventListener("message", ({ data }) => {
      if (this.#link === link) this.#session.fromLink(data as string, Date.now());
      this.#schedule();
    });
    const lost = (): void => {
      if (this.#link !== link) return;
      this.#link = undefined;
      // The session tells the next link again what this one did not answer; nothing goes twice.
      this.#up.clear();
      this.#session.linkLost(Date.now());
      this.#schedule();
    };
    link.addEventListener("close", lost);
    link.addEventListener("error", lost);
    this.#session.linked();
  }

  #sendUp(text: string): void {
    try {
      this.#link?.send(text);
    } catch {
      // The link broke; its close event follows, and what it did not answer is sent again.
    }
  }

  #unlink(): void {
    this.#up.flush();
    const link = this.#link;
    this.#link = undefined;
    try {
      link?.close(1000, "session ended");
    } catch {
      // Closed already.
    }
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer.handle);
    this.#timer = undefined;
  }

  /** One timer, set anew only when something is due earlier than it fires: a busy connection does not churn timers. */
  #schedule(): void {
    if (this.#session.closed) return this.#clearTimer();
    const at = this.#session.nextTick();
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#clearTimer();
    const wake = (): void => {
      this.#timer = undefined;
      this.#session.tick(Date.now());
      this.#schedule();
    };
    this.#timer = { at, handle: setTimeout(wake, Math.max(1, at - Date.now())) };
  }
}

/**
 * One turn of the event loop: reading a body takes one. A timer would take a millisecond, and a microtask runs before
 * anything is read.
 */
async function turn(): Promise<void> {
  await new Response("-").text();
}
