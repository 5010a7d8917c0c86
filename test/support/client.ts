/**
 * A client written from PROTOCOL.md alone, for tests and the demo: keeps what it sends until it is answered, applies each
 * conversation in order, pulls what it lacks, acknowledges, keeps its connection alive, reconnects with `since`.
 */
import { ChatLog, type Entry, type Message } from "./chat-log.ts";
import { Connection, type Frame } from "./connection.ts";
import { Waiting } from "./waiting.ts";

export interface Head {
  cid: string;
  head: number;
  read: number;
  unread: number;
  version: number;
  muted: boolean;
  pinned: boolean;
  peer?: { uid: string; name: string; delivered: number; read: number };
  last?: Message;
}

export interface ClientOptions {
  readonly url: string;
  readonly token: string;
  readonly device: string;
  /** What the device calls itself. */
  readonly about?: { readonly name: string; readonly platform: string };
  /** Acknowledge by itself; default true. */
  readonly ack?: boolean;
  /** Given with the first `hello`; every later one says what this client knows. */
  readonly since?: number;
  /** Connect again by itself when the connection breaks; default false. */
  readonly reconnect?: boolean;
  /** Sees each frame before the client acts on it. */
  readonly onFrame?: (frame: Frame) => void;
}

/** The same request with the same id can still succeed. */
const TRY_AGAIN = new Set(["rate_limited", "overloaded", "unavailable", "internal", "deadline_exceeded"]);
/** Before a request is tried again that was refused without a time. */
const AGAIN_MS = 50;
/** Frames of one batch: so many that long texts still fit a message. */
const BATCH = 32;

export class Client {
  readonly frames: Frame[] = [];
  readonly chats = new Map<string, ChatLog>();
  readonly heads = new Map<string, Head>();
  /** The others' watermarks, by `<cid> <uid>`. */
  readonly receipts = new Map<string, { delivered: number; read: number }>();
  /** What was sent and not answered, by id, as it is sent again. */
  readonly outbox = new Map<string, Frame>();
  /** Code of what was refused for good, by id. */
  readonly failed = new Map<string, string>();
  /** Messages that had been applied before and were dropped (DUP3), each with the `since` that its connection began with. */
  readonly repeated: { readonly frame: Frame; readonly since: number }[] = [];
  /** What came out of order on one connection (ORD2): always empty. */
  readonly disorder: Frame[] = [];
  user = "";
  version: number;
  #since: number | undefined;
  #req = 0;
  /** The newest seq that this connection was handed, by cid. */
  readonly #handed = new Map<string, number>();
  /** The newest `ack` and `read` of each conversation: cumulative, so they can be repeated. */
  readonly #marks = new Map<string, Frame>();
  readonly #unacked = new Set<string>();
  readonly #options: ClientOptions;
  readonly #connection: Connection;
  readonly #waiting = new Waiting();

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#since = options.since;
    this.version = options.since ?? 0;
    this.#connection = new Connection(options.url, options.reconnect ?? false, {
      hello: () => this.#hello(),
      received: (frames) => this.#received(frames),
      lost: () => this.#lost(),
    });
  }

  /** How the connection ended; undefined while there is one, or one is being made. */
  get closed(): { code: number; reason: string } | undefined {
    return this.#connection.closed;
  }

  /** Connects and says hello; resolves with `welcome`, rejects when the connection is refused. */
  async connect(): Promise<Frame> {
    const before = this.frames.length;
    this.#connection.open();
    return this.until(() => this.frames.slice(before).find((frame) => frame.t === "welcome"), "welcome", true);
  }

  /** Writes frames as they are: one as a frame, several as a batch. What is written to a broken connection is lost. */
  write(...frames: Frame[]): void {
    this.#connection.write(...frames);
  }

  /** Writes anything. */
  raw(data: string | Uint8Array): void {
    this.#connection.raw(data);
  }

  /** Sends a text to a cid or `@uid`, and keeps it until it is answered. */
  send(to: string, text: string, id: string, more: Partial<Frame> = {}): void {
    this.post({ t: "send", id, to, body: { text }, ...more });
  }

  /** Amends the entry `target`, and keeps the amendment until it is answered. */
  amend(cid: string, target: number, op: string, id: string, body?: unknown): void {
    this.post({ t: "amend", id, cid, target, op, ...(body !== undefined && { body }) });
  }

  /** Writes frames that are answered by their `id`, and keeps each until then. */
  post(...frames: Frame[]): void {
    for (const frame of frames) if (frame["qos"] !== 0) this.outbox.set(frame["id"] as string, frame);
    this.write(...frames);
  }

  /** Marks a conversation read, up to what is applied or up to `seq`. */
  read(cid: string, seq = this.chats.get(cid)?.applied ?? 0): void {
    if (seq > 0) this.#mark({ t: "read", cid, seq });
  }

  /** Asks and waits for what answers this `req`: `synced`, `page` or `error`. */
  async ask(frame: Frame): Promise<Frame> {
    const req = `r${(this.#req += 1)}`;
    const before = this.frames.length;
    this.write({ ...frame, req });
    const answer = (f: Frame): boolean => f["req"] === req || (f.t === "error" && f["ref"] === req);
    return this.until(() => this.frames.slice(before).find(answer), `answer to ${frame.t}`);
  }

  /** Resolves with the first truthy value of `probe`, asked now and after every message. */
  async until<T>(probe: () => T | undefined | false, what: string, failOnClose = false): Promise<T> {
    const asked = (): T | undefined | false => {
      const value = probe();
      if (value || !failOnClose || this.closed === undefined) return value;
      throw new Error(`closed ${this.closed.code} ${this.closed.reason} before ${what}`);
    };
    return this.#waiting.until(asked, () => `last frames ${JSON.stringify(this.frames.slice(-5))}; no ${what}`);
  }

  /** Messages of a conversation as the user sees them. */
  view(cid: string): Message[] {
    return this.chats.get(cid)?.messages() ?? [];
  }

  /** Breaks the connection as a lost network does. */
  drop(): void {
    this.#connection.drop();
  }

  /** Ends the connection and stays away. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  #hello(): Frame {
    this.#handed.clear();
    const { token, device, about } = this.#options;
    const since = this.#since === undefined ? {} : { since: this.#since };
    return { t: "hello", v: 1, token, device: { id: device, ...about }, ...since };
  }

  #received(frames: readonly Frame[]): void {
    for (const frame of frames) this.#receive(frame);
    this.#acknowledge();
    this.#waiting.wake();
  }

  #lost(): void {
    // From now on a `hello` says what this client knows; what it asked for on the lost connection it asks again.
    if (this.user !== "") this.#since = this.version;
    for (const chat of this.chats.values()) chat.pulling = false;
    this.#waiting.wake();
  }

  #receive(frame: Frame): void {
    this.#options.onFrame?.(frame);
    this.frames.push(frame);
    switch (frame.t) {
      case "welcome":
        return this.#welcome(frame);
      case "message":
        this.#know(frame["version"]);
        if (frame["seq"] !== undefined) this.#handedOver(frame, frame as unknown as Entry);
        return undefined;
      case "sent":
        return this.#sent(frame);
      case "error":
        return this.#refused(frame);
      case "heads":
        this.#know(frame["version"]);
        for (const head of frame["heads"] as Head[]) {
          this.heads.set(head.cid, head);
          this.#reach(head.cid, head.head);
        }
        return undefined;
      case "synced":
        return this.#know(frame["version"]);
      case "receipt":
        return this.#receipt(frame);
      case "page":
        return this.#page(frame);
      case "goaway":
        this.#connection.comeBack = frame["retry_after"] as number;
    }
    return undefined;
  }

  /** This connection has been told everything up to `version`. */
  #know(version: unknown): void {
    if (typeof version === "number") this.version = Math.max(this.version, version);
  }

  #welcome(frame: Frame): void {
    this.user = frame["user"] as string;
    // Whoever does not ask for what was before starts from here; else the heads that follow say how far they go.
    if (this.#since === undefined) this.#know(frame["version"]);
    this.#connection.keepAlive(frame["heartbeat"] as number);
    const again = [...this.#marks.values(), ...this.outbox.values()];
    for (let i = 0; i < again.length; i += BATCH) this.write(...again.slice(i, i + BATCH));
    for (const [cid, chat] of this.chats) this.#reach(cid, chat.head);
  }

  #chat(cid: string): ChatLog {
    const chat = this.chats.get(cid) ?? new ChatLog();
    this.chats.set(cid, chat);
    return chat;
  }

  /** An entry that the server handed over by itself, by `message` or `sent`. */
  #handedOver(frame: Frame, entry: Entry): void {
    const { cid, seq } = entry;
    if (seq <= (this.#handed.get(cid) ?? 0)) this.disorder.push(frame);
    this.#handed.set(cid, seq);
    if (this.#apply(entry) === "known" && frame.t === "message") this.repeated.push({ frame, since: this.#since ?? 0 });
  }

  #sent(frame: Frame): void {
    const { id, cid, seq, ts } = frame as unknown as Entry;
    const asked = this.outbox.get(id);
    this.outbox.delete(id);
    if (asked === undefined || frame["duplicate"]) return this.#reach(cid, seq);
    const { body, target, op, kind = "text" } = asked as Partial<Entry>;
    const amends = asked.t === "amend" ? { kind: "amend", target: target ?? 0, op: op ?? "" } : { kind };
    this.#handedOver(frame, { cid, seq, id, from: this.user, ts, ...amends, ...(body !== undefined && { body }) });
  }

  #refused({ code, ref, retry_after: wait = AGAIN_MS }: Frame): void {
    const id = String(ref);
    const asked = this.outbox.get(id);
    const again = TRY_AGAIN.has(code as string);
    if (asked !== undefined && !again) {
      this.outbox.delete(id);
      this.failed.set(id, code as string);
    }
    if (asked !== undefined && again)
      setTimeout(() => this.outbox.has(id) && this.write(asked), wait as number).unref();
    const [, cid] = /^p (\S+)/.exec(id) ?? [];
    if (cid === undefined) return;
    this.#chat(cid).pulling = false;
    if (again) setTimeout(() => this.#reach(cid, 0), wait as number).unref();
  }

  #receipt(frame: Frame): void {
    const key = `${frame["cid"]} ${frame["user"]}`;
    const { delivered, read } = this.receipts.get(key) ?? { delivered: 0, read: 0 };
    this.receipts.set(key, {
      delivered: Math.max(delivered, (frame["delivered"] as number | undefined) ?? 0),
      read: Math.max(read, (frame["read"] as number | undefined) ?? 0),
    });
  }

  #apply(entry: Entry): "applied" | "known" | "gap" {
    const chat = this.#chat(entry.cid);
    const outcome = chat.apply(entry);
    if (outcome === "gap") this.#reach(entry.cid, entry.seq);
    if (outcome === "applied" && entry.from !== this.user) this.#unacked.add(entry.cid);
    return outcome;
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
    if (!String(frame["req"]).startsWith("p ")) return;
    const cid = frame["cid"] as string;
    this.#chat(cid).pulling = false;
    for (const entry of frame["messages"] as Entry[]) this.#apply(entry);
    this.#reach(cid, frame["head"] as number);
  }

  /** One cumulative `ack` per conversation for all that came with one message. */
  #acknowledge(): void {
    if (this.#options.ack !== false) {
      for (const cid of this.#unacked) this.#mark({ t: "ack", cid, seq: this.#chat(cid).applied });
    }
    this.#unacked.clear();
  }

  #mark(frame: Frame): void {
    this.#marks.set(`${frame.t} ${frame["cid"]}`, frame);
    this.write(frame);
  }
}
