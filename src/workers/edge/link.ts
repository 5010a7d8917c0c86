/** The shell of links: WebSockets from an edge connection to objects. Opening one costs a sub-request, using it none. */
import { describe, log } from "../../observability/log.ts";
import type { Cid } from "../../protocol/ids.ts";
import type { RelayAttach } from "../../protocol/link.ts";

/** Opens a WebSocket to the object of that name, not accepted yet; null when that fails. */
export async function openLink(
  objects: DurableObjectNamespace,
  name: string,
  host: string,
  attach: object,
): Promise<WebSocket | null> {
  try {
    // A stub that failed once is broken: each attempt takes a fresh one.
    const stub = objects.get(objects.idFromName(name));
    const url = `https://${host}/link?attach=${encodeURIComponent(JSON.stringify(attach))}`;
    return (await stub.fetch(url, { headers: { upgrade: "websocket" } })).webSocket;
  } catch (error) {
    log("warn", "link not opened", describe(error));
    return null;
  }
}

export interface RelayEvents {
  heard(cid: Cid, text: string): void;
  /** It broke, or could not be opened; not told of links that were closed from this end. */
  lost(cid: Cid): void;
  /** After either, once nothing more follows. */
  after(): void;
}

/** The relay links of one connection, one per group. */
export class RelaySockets {
  readonly #objects: DurableObjectNamespace;
  readonly #events: RelayEvents;
  /** The link in use, or being opened, of each group; events of any other are of the past. */
  readonly #links = new Map<Cid, { socket?: WebSocket }>();

  constructor(objects: DurableObjectNamespace, events: RelayEvents) {
    this.#objects = objects;
    this.#events = events;
  }

  async open(node: number, attach: RelayAttach): Promise<void> {
    const { cid } = attach;
    this.close(cid);
    const link: { socket?: WebSocket } = {};
    this.#links.set(cid, link);
    const socket = await openLink(this.#objects, `${cid}#${node}`, "relay", attach);
    const lost = (): void => {
      if (this.#links.get(cid) !== link) return;
      this.#links.delete(cid);
      this.#events.lost(cid);
      this.#events.after();
    };
    if (socket === null) return lost();
    socket.accept();
    // It was given up while it was being opened.
    if (this.#links.get(cid) !== link) return socket.close(1000, "not needed");
    link.socket = socket;
    socket.addEventListener("message", ({ data }) => {
      if (this.#links.get(cid) !== link) return;
      this.#events.heard(cid, data as string);
      this.#events.after();
    });
    socket.addEventListener("close", lost);
    socket.addEventListener("error", lost);
  }

  send(cid: Cid, text: string): void {
    try {
      this.#links.get(cid)?.socket?.send(text);
    } catch {
      // It broke; its close event follows, and the next link is told again.
    }
  }

  close(cid: Cid): void {
    const link = this.#links.get(cid);
    this.#links.delete(cid);
    try {
      link?.socket?.close(1000, "not needed");
    } catch {
      // Closed already.
    }
  }
}
