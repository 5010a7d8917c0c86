/** Chats whose WebSockets end in the small server, in this process. */
import {
  connect,
  memory,
  type Chat,
  type ConnectOptions,
  type Store,
  type WebSocketLike,
} from "../../client/src/mpim.ts";
import type { ClientFrame, ServerFrame } from "../../client/src/wire.ts";
import { FakeServer, type Link } from "../unit/client/server.ts";

type Listener = (event: { data: unknown; code: number; reason: string }) => void;

/** The server's end of a connection. */
interface End {
  readonly link: Link;
  readonly say: (text: string) => void;
  readonly end: (code: number) => void;
}

export class Wire {
  readonly server = new FakeServer({ calm: true, once: () => false });
  /** Sockets can be opened. */
  up = true;
  /** The server's answer to `hello` arrives. */
  heads = true;
  /** What clients write arrives nowhere. */
  deaf = false;
  /** All frames that clients have written. */
  readonly written: ClientFrame[] = [];
  readonly #sockets = new Set<End>();

  /** A chat of a user; with a store of its own, if none is given. */
  async chat(user: string, options: Partial<ConnectOptions> = {}): Promise<Chat> {
    return connect({ url: "http://127.0.0.1", token: () => user, WebSocket: this.#class(), ...options });
  }

  /** What the server has said arrives, and what follows from it. */
  pump(): void {
    for (const { link, say } of this.#sockets) {
      if (this.heads) this.server.flush(link);
      const held = this.heads ? [] : link.down.filter(({ t }) => t === "heads" || t === "synced");
      const frames = link.down.filter((frame) => !held.includes(frame));
      link.down.splice(0, link.down.length, ...held);
      if (frames.length > 0) say(JSON.stringify(frames));
    }
  }

  /** Something that the small server does not say by itself. */
  say(frame: ServerFrame): void {
    for (const { say } of this.#sockets) say(JSON.stringify(frame));
  }

  /** Ends all connections. */
  end(code: number): void {
    for (const { end } of this.#sockets) end(code);
    this.#sockets.clear();
  }

  #class(): new (url: string) => WebSocketLike {
    // oxlint-disable-next-line typescript/no-this-alias -- the class below has its own
    const wire = this;
    return class implements WebSocketLike {
      readyState = 0;
      readonly #listeners = new Map<string, Listener>();
      #end: End | undefined;

      constructor() {
        setImmediate(() => {
          if (!wire.up) return this.#tell("close", { code: 1006 });
          this.readyState = 1;
          const say = (data: string): void => this.#tell("message", { data });
          const end = (code: number): void => this.#tell("close", { code });
          this.#end = { link: wire.server.connect(), say, end };
          wire.#sockets.add(this.#end);
          this.#tell("open", {});
          return undefined;
        });
      }

      send(data: string): void {
        const { link } = this.#end ?? {};
        if (link === undefined || wire.deaf) return;
        const frames = [JSON.parse(data) as ClientFrame | ClientFrame[]].flat();
        wire.written.push(...frames);
        for (const frame of frames) wire.server.receive(link, frame);
        setImmediate(() => wire.pump());
      }

      close(): void {
        this.readyState = 3;
        if (this.#end === undefined) return;
        wire.#sockets.delete(this.#end);
        wire.server.drop(this.#end.link);
      }

      addEventListener(type: string, listener: (event: never) => void): void {
        this.#listeners.set(type, listener as Listener);
      }

      #tell(type: string, event: Partial<Parameters<Listener>[0]>): void {
        this.#listeners.get(type)?.({ data: undefined, code: 0, reason: "", ...event });
      }
    };
  }
}

/** Until `probe` gives something; looked at whenever the chat tells something. */
export async function until<T>(chat: Chat, probe: () => T | undefined | false): Promise<T> {
  return new Promise((resolve) => {
    const look = (): void => {
      const found = probe();
      if (found === undefined || found === false) return;
      for (const off of offs) off();
      resolve(found);
    };
    const offs = (["conversation", "connection", "synced", "message", "update", "presence", "storeError"] as const).map(
      (name) => chat.on(name, look),
    );
    look();
  });
}

/** A store whose reads or writes fail while it is told so. */
export class Faulty implements Store {
  readonly #store = memory();
  failing = false;
  /** How often it was written to, in vain or not. */
  writes = 0;

  async open(): Promise<void> {
    if (this.failing) throw new Error("no such disk");
    await this.#store.open();
  }
  async read(prefix: string): Promise<ReadonlyMap<string, unknown>> {
    return this.#store.read(prefix);
  }
  async write(changes: ReadonlyMap<string, unknown>): Promise<void> {
    this.writes += 1;
    await Promise.resolve();
    if (this.failing) throw new Error("disk full");
    await this.#store.write(changes);
  }
  async close(): Promise<void> {
    await this.#store.close();
  }
}
