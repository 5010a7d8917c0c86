/** The shell of a relay: sockets of the links, calls to the conversation, one timer. Decisions are in relay.ts. */
import { DurableObject } from "cloudflare:workers";
import type { Cid, Uid } from "../../protocol/ids.ts";
import type { RelayAttach, RelayUpFrame } from "../../protocol/link.ts";
import { describe, log } from "../../observability/log.ts";
import { services, type Env } from "../../workers/env.ts";
import { freshCost } from "../cost.ts";
import type { GroupRpc, MulticastCall, MulticastReply, RelayRpc } from "../group-rpc.ts";
import { Relay, type RelayPort } from "./relay.ts";
import { RelayAttachment, RelayLink } from "./relay-link.ts";

/** A call that has not answered by then counts as failed; calls are repeatable, so a late effect does no harm. */
const CALL_DEADLINE_MS = 10_000;

export class RelayObject extends DurableObject<Env> implements RelayRpc {
  /** What this object has cost since it woke. */
  readonly cost = freshCost();
  readonly #core: Relay;
  readonly #cid: Cid;
  readonly #node: number;
  readonly #sockets = new Map<RelayLink, WebSocket>();
  readonly #linkOf = new Map<WebSocket, RelayLink>();
  #timer: { at: number; handle: ReturnType<typeof setTimeout> } | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const [cid = "", node] = (ctx.id.name ?? "").split("#");
    this.#cid = cid as Cid;
    this.#node = Number(node);
    const links = ctx.getWebSockets().flatMap((socket) => this.#restore(socket));
    this.#core = new Relay(this.#cid, services(env).config, this.#port(), links);
  }

  /** Opens a relay link: `GET ?attach=<JSON of RelayAttach>` with an upgrade. */
  override fetch(request: Request): Response {
    this.cost.requests += 1;
    const attach = JSON.parse(new URL(request.url).searchParams.get("attach") ?? "") as RelayAttach;
    const { 0: client, 1: server } = new WebSocketPair();
    const link = new RelayLink({ ...attach, lagging: false }, attach);
    this.ctx.acceptWebSocket(server);
    this.#bind(link, server);
    this.#core.attach(link, attach);
    this.#after();
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.cost.linkMessages += 1;
    const link = this.#linkOf.get(socket);
    if (link === undefined || typeof message !== "string") return;
    this.#core.frames(link, JSON.parse(message) as RelayUpFrame[], Date.now());
    this.#after();
  }

  override webSocketClose(socket: WebSocket): void {
    const link = this.#linkOf.get(socket);
    if (link === undefined) return;
    this.#unbind(link);
    this.#core.closed(link);
    this.#after();
  }

  override webSocketError(socket: WebSocket): void {
    this.webSocketClose(socket);
  }

  async multicast(call: MulticastCall): Promise<MulticastReply> {
    this.cost.requests += 1;
    const reply = this.#core.multicast(call, Date.now());
    this.#after();
    return reply;
  }

  async cast(frame: string, from: Uid): Promise<void> {
    this.cost.requests += 1;
    this.#core.cast(frame, from);
  }

  // --- sockets ---------------------------------------------------------------------------------------------------

  /** A link whose socket slept with the object. */
  #restore(socket: WebSocket): RelayLink[] {
    const parsed = RelayAttachment.safeParse(socket.deserializeAttachment());
    if (!parsed.success) return [];
    const link = new RelayLink(parsed.data);
    this.#bind(link, socket);
    return [link];
  }

  #bind(link: RelayLink, socket: WebSocket): void {
    this.#sockets.set(link, socket);
    this.#linkOf.set(socket, link);
  }

  #unbind(link: RelayLink): WebSocket | undefined {
    const socket = this.#sockets.get(link);
    this.#sockets.delete(link);
    if (socket !== undefined) this.#linkOf.delete(socket);
    return socket;
  }

  // --- time ------------------------------------------------------------------------------------------------------

  /** After every event: does what is due, and sets the one timer for what comes next. Without one the object may sleep. */
  #after(): void {
    const now = Date.now();
    this.#core.tick(now);
    const next = this.#core.nextTick();
    if (next === undefined || (this.#timer !== undefined && this.#timer.at <= next)) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer.handle);
    const wake = (): void => {
      this.#timer = undefined;
      this.#after();
    };
    this.#timer = { at: next, handle: setTimeout(wake, Math.max(1, next - now)) };
  }

  // --- calls -----------------------------------------------------------------------------------------------------

  #port(): RelayPort {
    return {
      send: (link, text) => {
        try {
          this.#sockets.get(link)?.send(text);
        } catch {
          // The socket closed under us; its close event ends the link.
        }
      },
      close: (link) => {
        try {
          this.#unbind(link)?.close(1000, "ended");
        } catch {
          // It is closed already.
        }
      },
      keep: (link) => this.#sockets.get(link)?.serializeAttachment(link.attachment),
      admit: (link, { uid, after }) => {
        this.#call(
          () => this.#conversation().admit(this.#node, uid, after),
          (answer) => this.#core.admitted(link, answer, Date.now()),
        );
      },
      marks: (list) => {
        this.#call(
          () => this.#conversation().marks(this.#node, list).then(yes),
          (answer) => this.#core.reported(answer === true, Date.now()),
        );
      },
      isStale: (epoch) => services(this.env).routes.isStale(epoch),
      chance: () => Math.random(),
    };
  }

  /** A fresh stub for each call: one that failed is broken for good. */
  #conversation(): Pick<GroupRpc, "admit" | "marks"> {
    return services(this.env).conversation(this.#cid);
  }

  /** Makes a call and gives its answer to the core; undefined when it failed. */
  #call<T>(make: () => Promise<T>, answer: (value: T | undefined) => void): void {
    let answered = false;
    const settle = (value: T | undefined): void => {
      if (answered) return;
      answered = true;
      clearTimeout(deadline);
      answer(value);
      this.#after();
    };
    const deadline = setTimeout(() => settle(undefined), CALL_DEADLINE_MS);
    const failed = (error: unknown): void => {
      log("warn", "object call failed", describe(error));
      settle(undefined);
    };
    // Not `.then(settle, failed).catch(…)`: an exception of the core is a bug and must surface, not look like a failed call.
    void make().then(settle, failed);
  }
}

function yes(): true {
  return true;
}
