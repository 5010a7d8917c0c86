/**
 * The peer that ours is measured against: a plain chat room, one Durable Object each, with hibernatable WebSockets. It
 * broadcasts a message to the others and then stores it: no acknowledgement, no dedup, no receipts, and nothing on disk
 * yet when the receivers have it.
 */
import { DurableObject } from "cloudflare:workers";

interface Env {
  readonly ROOMS: DurableObjectNamespace<Room>;
}

interface Said {
  readonly id?: unknown;
  readonly text?: unknown;
}

const TEXT_CHARACTERS = 8192;

export class Room extends DurableObject<Env> {
  #lastTs = 0;

  override fetch(request: Request): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment({ name: new URL(request.url).searchParams.get("name") ?? "" });
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    if (typeof data !== "string") return;
    const { id, text } = JSON.parse(data) as Said;
    if (typeof text !== "string" || text.length > TEXT_CHARACTERS) {
      socket.send(JSON.stringify({ error: "no message, or too long" }));
      return;
    }
    const { name } = socket.deserializeAttachment() as { name: string };
    // Strictly ascending, so that a time is also a key.
    this.#lastTs = Math.max(Date.now(), this.#lastTs + 1);
    const message = JSON.stringify({ id, name, text, ts: this.#lastTs });
    for (const other of this.ctx.getWebSockets()) if (other !== socket) other.send(message);
    await this.ctx.storage.put(new Date(this.#lastTs).toISOString(), message);
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close(1000);
  }
}

export default {
  fetch(request, env) {
    const room = new URL(request.url).pathname.slice(1);
    if (request.headers.get("upgrade") !== "websocket")
      return new Response("a room wants a WebSocket", { status: 426 });
    return env.ROOMS.get(env.ROOMS.idFromName(room)).fetch(request);
  },
} satisfies ExportedHandler<Env>;
