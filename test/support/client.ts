/**
 * A client written from PROTOCOL.md alone, for tests and the demo: keeps what it sends until it is answered, applies each
 * conversation in order, pulls what it lacks, acknowledges, reconnects with `since`.
 */
import { WebSocket } from "ws";

export interface Message {
  cid: string;
  seq?: number;
  id: string;
  from: string;
  ts: number;
  kind: string;
  body?: unknown;
  target?: number;
  op?: string;
  edited?: { seq: number; ts: number };
  recalled?: true;
  reactions?: Record<string, string[]>;
  ephemeral?: true;
}

export interface Head {
  cid: string;
  head: number;
  read: number;
  unread: number;
  version: number;
  peer?: { uid: string; name: string; delivered: number; read: number };
  last?: Message;
}

// Frames are open records on this side: a client ignores what it does not know.
// oxlint-disable-next-line typescript/no-explicit-any
export type Frame = Record<string, any> & { t: string };

interface Chat {
  /** Applied messages by seq, without a gap from 1 to `applied`. */
  readonly log: Map<number, Message>;
  applied: number;
  head: number;
  pulling: boolean;
}

export interface ClientOptions {
  readonly url: string;
  readonly token: string;
  readonly device: string;
  /** Acknowledge by itself; default true. */
  readonly ack?: boolean;
  readonly since?: number;
  /** Reconnect by itself when the connection breaks; default false. */
  readonly reconnect?: boolean;
}

export class Client {
  readonly frames: Frame[] = [];
  readonly chats = new Map<string, Chat>();
  readonly heads = new Map<string, Head>();
  readonly receipts = new Map<string, { delivered: number; read: number }>();
  /** Sends without an answer, by id, as they are sent again. */
  readonly outbox = new Map<string, Frame>();
  /** Seqs that arrived although they had been applied: what dedup at the client dropped (DUP3). */
  duplicates = 0;
  user = "";
  version: number;
  closed: { code: number; reason: string } | undefined;
  #socket: WebSocket | undefined;
  #stopped = false;
  #req = 0;
  readonly #options: ClientOptions;
  readonly #waiters = new Set<() => void>();

  constructor(options: ClientOptions) {
    this.#options = options;
    this.version = options.since ?? 0;
  }

  /** Connects and says hello; resolves with `welcome`, rejects when the connection is refused. */
  async connect(): Promise<Frame> {
    const before = this.frames.length;
    this.#open();
    return this.until(() => this.frames.slice(before).find((frame) => frame.t === "welcome"), "welcome", true);
  }

  #open(): void {
    this.closed = undefined;
    const socket = new WebSocket(`${this.#options.url.replace(/^http/, "ws")}/v1/ws`, "mpim.v1.json");
    this.#socket = socket;
    const { token, device } = this.#options;
    socket.on("open", () => {
      const since = this.version > 0 ? { since: this.version } : {};
      socket.send(JSON.stringify({ t: "hello", v: 1, token, device: { id: device }, ...since }));
    });
    socket.on("message", (data) => {
      const parsed = JSON.parse(String(data)) as Frame | Frame[];
      for (const frame of Array.isArray(parsed) ? parsed : [parsed]) this.#receive(frame);
      this.#wake();
    });
    socket.on("error", () => {});
    socket.on("close", (code, reason) => {
      if (this.#socket !== socket) return;
      this.closed = { code, reason: String(reason) };
      this.#wake();
      if (this.#options.reconnect && !this.#stopped) setTimeout(() => this.#stopped || this.#open(), 50 + Math.random() * 100);
    });
  }

  /** Writes frames as they are: one as a frame, several as a batch. */
  write(...frames: Frame[]): void {
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frames.length === 1 ? frames[0] : frames));
  }

  /** Writes any text. */
  raw(text: string | Uint8Array): void {
    this.#socket?.send(text);
  }

  /** Sends a message and keeps it until it is answered. */
  send(to: string, text: string, id: string, more: Partial<Frame> = {}): void {
    const frame = { t: "send", id, to, body: { text }, ...more };
    this.outbox.set(id, frame);
    this.write(frame);
  }

  /** Marks a conversation read up to what is applied. */
  read(cid: string): void {
    const applied = this.chats.get(cid)?.applied ?? 0;
    if (applied > 0) this.write({ t: "read", cid, seq: applied });
  }

  /** Asks and waits for the frame that answers with this `req`. */
  async ask(frame: Frame): Promise<Frame> {
    const req = `r${(this.#req += 1)}`;
    this.write({ ...frame, req });
    return this.until(
      () => this.frames.find((f) => f["req"] === req || (f.t === "error" && f["ref"] === req)),
      `answer to ${frame.t}`,
    );
  }

  /** Resolves with the first truthy value of `probe`, asked after every message. */
  async until<T>(probe: () => T | undefined | false, what: string, failOnClose = false): Promise<T> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const value = probe();
      if (value) return value;
      if (failOnClose && this.closed) throw new Error(`closed ${this.closed.code} ${this.closed.reason} before ${what}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${what} within 30 s; last frames ${JSON.stringify(this.frames.slice(-5))}`);
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#waiters.delete(done);
          resolve();
        };
        const timer = setTimeout(done, left);
        this.#waiters.add(done);
      });
    }
  }

  /** Messages of a conversation as the user would see them, amendments folded in. */
  view(cid: string): Message[] {
    const log = this.chats.get(cid)?.log ?? new Map<number, Message>();
    return [...log.values()].toSorted((a, b) => (a.seq ?? 0) - (b.seq ?? 0)).filter((m) => m.kind !== "amend");
  }

  /** Breaks the connection as a lost network does. */
  drop(): void {
    this.#socket?.terminate();
  }

  async close(): Promise<void> {
    this.#stopped = true;
    const socket = this.#socket;
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
      else socket.close(1000);
      setTimeout(() => socket.terminate(), 2000).unref();
    });
  }

  #receive(frame: Frame): void {
    this.frames.push(frame);
    if (typeof frame["version"] === "number") this.version = Math.max(this.version, frame["version"]);
    switch (frame.t) {
      case "welcome":
        this.user = frame["user"] as string;
        for (const waiting of this.outbox.values()) this.write(waiting);
        break;
      case "message":
        if (frame["seq"] !== undefined) this.#apply(frame as unknown as Message & { seq: number });
        break;
      case "sent":
        this.#sent(frame);
        break;
      case "error":
        if (!["rate_limited", "overloaded", "unavailable", "internal", "deadline_exceeded"].includes(frame["code"])) {
          this.outbox.delete(frame["ref"] as string);
        }
        break;
      case "heads":
        for (const head of frame["heads"] as Head[]) {
          this.heads.set(head.cid, head);
          this.#reach(head.cid, head.head);
        }
        break;
      case "receipt": {
        const key = `${frame["cid"]} ${frame["user"]}`;
        const marks = this.receipts.get(key) ?? { delivered: 0, read: 0 };
        marks.delivered = Math.max(marks.delivered, frame["delivered"] ?? 0);
        marks.read = Math.max(marks.read, frame["read"] ?? 0);
        this.receipts.set(key, marks);
        break;
      }
      case "page":
        this.#page(frame);
        break;
    }
  }

  #chat(cid: string): Chat {
    const chat = this.chats.get(cid) ?? { log: new Map(), applied: 0, head: 0, pulling: false };
    this.chats.set(cid, chat);
    return chat;
  }

  #sent(frame: Frame): void {
    const send = this.outbox.get(frame["id"] as string);
    this.outbox.delete(frame["id"] as string);
    if (send?.t !== "send") return this.#reach(frame["cid"], frame["seq"]);
    this.#apply({
      cid: frame["cid"],
      seq: frame["seq"],
      id: frame["id"],
      from: this.user,
      ts: frame["ts"],
      kind: "text",
      body: send["body"],
    });
  }

  /** In order, once each (DUP3); what is beyond a hole waits for the pull. */
  #apply(message: Message & { seq: number }, fromPage = false): void {
    const chat = this.#chat(message.cid);
    if (message.seq <= chat.applied) {
      if (!fromPage) this.duplicates += 1;
      return;
    }
    if (message.seq > chat.applied + 1) return this.#reach(message.cid, message.seq);
    chat.log.set(message.seq, message);
    chat.applied = message.seq;
    chat.head = Math.max(chat.head, message.seq);
    if (message.kind === "amend" && !fromPage) this.#fold(chat, message);
    if (this.#options.ack !== false && message.from !== this.user) {
      this.write({ t: "ack", cid: message.cid, seq: message.seq });
    }
  }

  #fold(chat: Chat, amend: Message): void {
    const target = chat.log.get(amend.target ?? 0);
    if (target === undefined) return;
    if (amend.op === "edit") {
      target.body = amend.body;
      target.edited = { seq: amend.seq ?? 0, ts: amend.ts };
    } else if (amend.op === "recall") {
      delete target.body;
      target.recalled = true;
    }
  }

  /** The conversation is known to go up to `head`: pulls what is missing. */
  #reach(cid: string, head: number): void {
    const chat = this.#chat(cid);
    chat.head = Math.max(chat.head, head);
    if (chat.applied >= chat.head || chat.pulling) return;
    chat.pulling = true;
    this.write({ t: "pull", cid, after: chat.applied, limit: 200, req: `p ${cid} ${(this.#req += 1)}` });
  }

  #page(frame: Frame): void {
    const chat = this.#chat(frame["cid"]);
    if (!String(frame["req"]).startsWith("p ")) return;
    chat.pulling = false;
    for (const message of frame["messages"] as (Message & { seq: number })[]) this.#apply(message, true);
    this.#reach(frame["cid"], frame["head"]);
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
  }
}
