/** The edge's end of a relay link, on a real WebSocket inside the runtime. */
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { Cid, DeviceId, Uid } from "../../src/protocol/ids.ts";
import { decodeRelayed, spansOf, type Down, type RelayAttach, type RelayControl } from "../../src/protocol/link.ts";
import { services } from "../../src/workers/env.ts";
import { PATIENCE_MS } from "./device.ts";

export class RelayListener {
  /** All that came, in order. */
  readonly heard: (RelayControl | Down)[] = [];
  closed = false;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.accept();
    socket.addEventListener("message", ({ data }) => {
      const down = decodeRelayed(data as string);
      this.heard.push("control" in down ? down.control : down);
    });
    socket.addEventListener("close", () => {
      this.closed = true;
    });
  }

  /** Asks a relay to listen, as an edge does. */
  static async attach(
    stub: DurableObjectStub,
    cid: Cid,
    uid: Uid,
    after = 0,
    relays = 1,
    device = "phone",
  ): Promise<RelayListener> {
    const session = `${uid}-${device}`;
    const { routes } = services(env);
    // Has the table fetched, if this isolate has none: who attaches by an older one is sent back.
    await routes.node("relay", uid);
    const { epoch } = routes.table;
    const attach: RelayAttach = { cid, uid, session, device: device as DeviceId, after, relays, epoch };
    const url = `https://relay/link?attach=${encodeURIComponent(JSON.stringify(attach))}`;
    return RelayListener.of(await stub.fetch(url, { headers: { upgrade: "websocket" } }));
  }

  static of({ webSocket }: Response): RelayListener {
    if (webSocket === null) throw new Error("no socket");
    return new RelayListener(webSocket);
  }

  /** Says something to the relay. */
  write(...frames: { t: "ack" | "read"; cid: Cid; seq: number }[]): void {
    this.#socket.send(JSON.stringify(frames));
  }

  /** Entries as `first–last`, frames of other types by their type, controls by what they say. */
  get words(): string[] {
    return this.heard.map((one) => {
      if ("do" in one) return "why" in one ? `${one.do} ${one.why}` : `${one.do} ${one.head}`;
      const [span] = spansOf(one.note.span);
      return span === undefined ? (JSON.parse(one.payload) as { t: string }).t : `${span.first}–${span.last}`;
    });
  }

  async until(test: (words: string[]) => boolean): Promise<string[]> {
    await vi.waitUntil(() => test(this.words), { timeout: PATIENCE_MS, interval: 10 });
    return this.words;
  }

  async end(): Promise<void> {
    await vi.waitUntil(() => this.closed, { timeout: PATIENCE_MS, interval: 10 });
  }
}
