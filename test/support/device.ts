/**
 * A device on a real WebSocket, inside the runtime. Every frame that arrives is checked against the schemas of the wire. It
 * answers nothing by itself, so a test says what is acknowledged and when.
 */
import { expect, vi } from "vitest";
import { ServerFrame, type HeadView, type MessageView, type ServerFrameOf } from "../../src/protocol/frames.ts";
import type { Cid } from "../../src/protocol/ids.ts";

/** How long a frame that must come may take, ms: generous, for machines with much else to do. */
export const PATIENCE_MS = 20_000;

/** Any frame of a client, right or wrong. */
export type Up = { readonly t: string } & Record<string, unknown>;

let ids = 0;

export class Device {
  /** All that came, in order. */
  readonly frames: ServerFrame[] = [];
  /** Set when the server has closed the socket. */
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** What a client would give as `since`. */
  version = 0;
  readonly #socket: WebSocket;
  readonly #wakers = new Set<() => void>();
  /** Frames before this one were taken by `next`. */
  #taken = 0;
  #reqs = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.accept();
    socket.addEventListener("message", ({ data }) => {
      const parsed: unknown = JSON.parse(data as string);
      for (const frame of Array.isArray(parsed) ? parsed : [parsed]) this.#receive(frame);
      this.#wake();
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.closed = { code, reason };
      this.#wake();
    });
  }

  /** Writes one frame, or several as one batch. */
  write(...frames: Up[]): void {
    this.raw(JSON.stringify(frames.length === 1 ? frames[0] : frames));
  }

  raw(text: string | ArrayBuffer): void {
    this.#socket.send(text);
  }

  /** The next frame of this type that was not taken yet (and passes `test`); whatever came before it counts as taken. */
  async next<T extends ServerFrame["t"]>(
    t: T,
    test: (frame: ServerFrameOf<T>) => boolean = () => true,
  ): Promise<ServerFrameOf<T>> {
    const index = await this.until(() => {
      const at = this.frames.findIndex((frame, i) => i >= this.#taken && is(frame, t) && test(frame));
      return at < 0 ? undefined : at + 1;
    }, `frame ${t}`);
    this.#taken = index;
    return this.frames[index - 1] as ServerFrameOf<T>;
  }

  /** The first truthy value of `probe`, which is asked again after every message. */
  async until<V>(probe: () => V | undefined | false, what: string): Promise<V> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const value = probe();
      if (value) return value;
      const left = deadline - performance.now();
      if (left <= 0 || (this.closed !== undefined && what !== "close")) {
        const end = this.closed === undefined ? "" : ` (closed ${this.closed.code})`;
        throw new Error(`no ${what}${end}; last frames: ${JSON.stringify(this.frames.slice(-5))}`);
      }
      const woken = Promise.withResolvers<void>();
      const timer = setTimeout(woken.resolve, left);
      this.#wakers.add(woken.resolve);
      await woken.promise;
      clearTimeout(timer);
      this.#wakers.delete(woken.resolve);
    }
  }

  /** Writes a `send` and returns its id. */
  send(to: Cid | `@${string}`, text: string, more: Record<string, unknown> = {}): string {
    const id = (more["id"] as string | undefined) ?? this.id();
    this.write({ t: "send", to, body: { text }, ...more, id });
    return id;
  }

  /** Sends and waits for the answer to this sending; an error fails the test. */
  async sent(to: Cid | `@${string}`, text: string, more: Record<string, unknown> = {}): Promise<ServerFrameOf<"sent">> {
    const from = this.frames.length;
    return this.answered(this.send(to, text, more), from);
  }

  /** The `sent` of an id among the frames from `from` on; an error fails the test. */
  async answered(id: string, from = 0): Promise<ServerFrameOf<"sent">> {
    const frame = await this.until(
      () => this.frames.slice(from).find((f) => (is(f, "sent") && f.id === id) || (is(f, "error") && f.ref === id)),
      `answer to ${id}`,
    );
    if (frame.t !== "sent") throw new Error(`refused: ${JSON.stringify(frame)}`);
    return frame;
  }

  /** Writes a frame and returns the code that it is refused with. */
  async refused(frame: Up): Promise<string> {
    this.write(frame);
    const ref = (frame["id"] ?? frame["req"] ?? frame["cid"] ?? (frame["ids"] as string[] | undefined)?.[0]) as string;
    const error = await this.next("error");
    expect(error).toMatchObject({ t: "error", ref, request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    return error.code;
  }

  async pull(cid: Cid, query: Record<string, unknown> = {}): Promise<ServerFrameOf<"page">> {
    const req = this.req();
    this.write({ t: "pull", req, cid, ...query });
    const frame = await this.until(
      () => this.frames.find((f) => (is(f, "page") && f.req === req) || (is(f, "error") && f.ref === req)),
      `page ${req}`,
    );
    if (frame.t !== "page") throw new Error(`refused: ${JSON.stringify(frame)}`);
    return frame;
  }

  /** All pages of a conversation after `after`, as one. */
  async history(cid: Cid, after = 0): Promise<MessageView[]> {
    const messages: MessageView[] = [];
    for (;;) {
      const page = await this.pull(cid, { after: messages.at(-1)?.seq ?? after, limit: 200 });
      messages.push(...page.messages);
      if (!page.more) return messages;
    }
  }

  /** The heads that changed after a version; `synced` comes through the user's object, so all that it had sent came before. */
  async sync(since = 0): Promise<HeadView[]> {
    const req = this.req();
    const from = this.frames.length;
    this.write({ t: "sync", req, since });
    await this.until(() => this.frames.find((f) => is(f, "synced") && f.req === req), `synced ${req}`);
    return this.frames.slice(from).flatMap((f) => (is(f, "heads") ? f.heads : []));
  }

  /** The head of a conversation, once it is at least that far. */
  async head(cid: Cid, atLeast = 1): Promise<HeadView> {
    return vi.waitFor(
      async () => {
        const found = (await this.sync()).findLast((head) => head.cid === cid);
        if (found === undefined || found.head < atLeast) throw new Error(`no head ${atLeast} of ${cid}`);
        return found;
      },
      { timeout: PATIENCE_MS, interval: 50 },
    );
  }

  /** Frames of one type that came so far. */
  all<T extends ServerFrame["t"]>(t: T): ServerFrameOf<T>[] {
    return this.frames.filter((frame) => is(frame, t));
  }

  /** Seqs in the order in which this connection learnt them, as `message` or as `sent`. */
  seqs(cid: Cid): number[] {
    return this.#told(cid).map(({ seq }) => seq);
  }

  #told(cid: Cid): { seq: number; at: number }[] {
    const known = new Set<string>();
    return this.frames.flatMap((frame, at) => {
      if (!(is(frame, "message") || is(frame, "sent")) || frame.cid !== cid || frame.seq === undefined) return [];
      // The answer to a retry tells nothing new.
      if (is(frame, "sent") && known.has(frame.id)) return [];
      known.add(frame.id);
      return [{ seq: frame.seq, at }];
    });
  }

  /**
   * What this connection was told against ORD2: a seq that is not above the last one, or one beyond a hole that no `heads`
   * announced before. `top`: what the client had before it connected.
   */
  disorder(cid: Cid, top = 0): string[] {
    const found: string[] = [];
    let last = top;
    for (const { seq, at } of this.#told(cid)) {
      const heads = this.frames.slice(0, at).flatMap((frame) => (is(frame, "heads") ? frame.heads : []));
      const announced = Math.max(top, ...heads.filter((head) => head.cid === cid).map(({ head }) => head));
      if (seq <= last) found.push(`${seq} after ${last}`);
      if (seq > last + 1 && seq > announced + 1) found.push(`${seq} after ${last}, announced ${announced}`);
      last = Math.max(last, seq);
    }
    return found;
  }

  /** Waits until the device knows of everything; then its seqs, those it was told and those it had to pull, ascending. */
  async everything(cid: Cid, head: number): Promise<number[]> {
    await this.reached(cid, head);
    const told = this.seqs(cid);
    const pulled = (await this.history(cid)).flatMap(({ seq = 0 }) => (told.includes(seq) ? [] : [seq]));
    return [...told, ...pulled].toSorted((x, y) => x - y);
  }

  /** Waits until the device was told an entry, or a head that far. */
  async reached(cid: Cid, seq: number): Promise<void> {
    await this.until(
      () =>
        this.seqs(cid).some((s) => s >= seq) ||
        this.all("heads").some(({ heads }) => heads.some((head) => head.cid === cid && head.head >= seq)),
      `entry ${seq}`,
    );
  }

  id(): string {
    return `message-${(ids += 1)}`;
  }

  req(): string {
    return `req${(this.#reqs += 1)}`;
  }

  /** Waits for the server to close, and says with what. */
  async end(): Promise<number> {
    return (await this.until(() => this.closed, "close")).code;
  }

  /** Closes the socket and waits until the other end has, too. */
  async close(): Promise<void> {
    if (this.closed === undefined) this.#socket.close(1000, "done");
    await this.end();
  }

  #receive(json: unknown): void {
    const parsed = ServerFrame.safeParse(json);
    if (!parsed.success) throw new Error(`not a frame of the protocol: ${JSON.stringify(json)}`);
    const frame = json as ServerFrame;
    this.frames.push(frame);
    if ("version" in frame && frame.t !== "welcome") this.version = Math.max(this.version, frame.version ?? 0);
  }

  #wake(): void {
    for (const waker of this.#wakers) waker();
  }
}

function is<T extends ServerFrame["t"]>(frame: ServerFrame, t: T): frame is ServerFrameOf<T> {
  return frame.t === t;
}
