/**
 * One conversation as one light client has it: for crowds, where 500 of the full client would be slower than the server. Judges its
 * connection by itself: what is handed over rises strictly, and a hole is announced by heads before anything beyond it comes (ORD2).
 */
import { Connection, type Frame } from "./connection.ts";
import { Waiting } from "./waiting.ts";

export interface ListenerOptions {
  readonly url: string;
  readonly token: string;
  readonly cid: string;
  /** Says so with its first `hello`: 0 wants all heads, undefined none. */
  readonly since?: number;
}

export class Listener {
  /** Ids by seq, from 1 or the first seq handed over, without a gap up to `applied`. */
  readonly log = new Map<number, string>();
  /** What broke a promise, in words: always empty. */
  readonly broken: string[] = [];
  /** Entries that came by a page, not by themselves. */
  pulled = 0;
  applied: number | undefined;
  version = 0;
  user = "";
  /** Sent and not answered, by id. */
  readonly outbox = new Map<string, Frame>();
  /** Seqs by id, as `sent` told them. */
  readonly places = new Map<string, Set<number>>();
  connections = 0;
  readonly #options: ListenerOptions;
  readonly #connection: Connection;
  readonly #waiting = new Waiting();
  #since: number | undefined;
  /** On this connection: the newest seq handed over, and the head that was announced. */
  #handed = 0;
  #announced = 0;
  #pulling = false;
  #head = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#since = options.since;
    this.#connection = new Connection(options.url, true, {
      hello: () => this.#hello(),
      received: (frames) => this.#received(frames),
      lost: () => {
        if (this.user !== "") this.#since = this.version;
        this.#pulling = false;
        // A crowd that knocks every few milliseconds keeps a server from getting up.
        this.#connection.comeBack = 500 + 1000 * Math.random();
        this.#waiting.wake();
      },
    });
  }

  /** Resolves when the server has told where it stands: `synced` with `since`, else `welcome`. */
  async connect(): Promise<void> {
    const before = this.connections;
    this.#connection.open();
    await this.until(() => this.connections > before, "connection");
  }

  send(id: string, text: string): void {
    const frame = { t: "send", id, to: this.#options.cid, body: { text } };
    this.outbox.set(id, frame);
    this.#connection.write(frame);
  }

  read(seq: number): void {
    this.#connection.write({ t: "read", cid: this.#options.cid, seq });
  }

  async until(probe: () => boolean, what: string): Promise<void> {
    await this.#waiting.until(probe, () => {
      return `${this.user}: no ${what}; it has ${this.applied} of ${this.#head}, ${this.outbox.size} without an answer`;
    });
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  #hello(): Frame {
    this.#handed = 0;
    this.#announced = 0;
    const since = this.#since === undefined ? {} : { since: this.#since };
    return { t: "hello", v: 1, token: this.#options.token, device: { id: "listener" }, ...since };
  }

  #received(frames: readonly Frame[]): void {
    const before = this.applied;
    for (const frame of frames) this.#receive(frame);
    if (this.applied !== before && this.applied !== undefined)
      this.#connection.write({ t: "ack", cid: this.#options.cid, seq: this.applied });
    this.#waiting.wake();
  }

  #receive(frame: Frame): void {
    const { cid } = this.#options;
    if (typeof frame["version"] === "number" && frame.t !== "welcome")
      this.version = Math.max(this.version, frame["version"]);
    if (frame.t === "welcome") this.#welcome(frame);
    else if (frame.t === "synced") this.connections += 1;
    else if (frame.t === "message" && frame["cid"] === cid) this.#handedOver(frame["seq"], frame["id"]);
    else if (frame.t === "sent" && frame["cid"] === cid) this.#sent(frame);
    else if (frame.t === "heads") {
      for (const head of frame["heads"] as { cid: string; head: number }[]) if (head.cid === cid) this.#told(head.head);
    } else if (frame.t === "page") this.#page(frame);
    else if (frame.t === "error") this.#refused(frame);
    else if (frame.t === "goaway") this.#connection.comeBack = frame["retry_after"] as number;
  }

  #welcome(frame: Frame): void {
    this.user = frame["user"] as string;
    this.#connection.keepAlive(frame["heartbeat"] as number);
    if (this.#since === undefined) {
      this.version = Math.max(this.version, frame["version"] as number);
      this.connections += 1;
    }
    for (const waiting of this.outbox.values()) this.#connection.write(waiting);
  }

  #sent({ id, seq, duplicate }: Frame): void {
    this.outbox.delete(id);
    this.places.set(id, (this.places.get(id) ?? new Set()).add(seq));
    // A repetition's answer says where the entry stands; the entry itself may come before or after.
    if (duplicate) this.#reach(seq);
    else this.#handedOver(seq, id);
  }

  #handedOver(seq: number, id: string): void {
    const hole = this.#handed > 0 && seq > this.#handed + 1 && this.#announced < seq - 1;
    if (seq <= this.#handed) this.broken.push(`${seq} after ${this.#handed}`);
    if (hole) this.broken.push(`${seq} after ${this.#handed}, announced ${this.#announced}`);
    this.#handed = seq;
    this.applied ??= seq - 1;
    this.#apply(seq, id);
    this.#reach(seq);
  }

  #told(head: number): void {
    this.#announced = Math.max(this.#announced, head);
    this.applied ??= 0;
    this.#reach(head);
  }

  #apply(seq: number, id: string): boolean {
    const known = this.log.get(seq);
    if (known !== undefined && known !== id) this.broken.push(`${seq} is ${known} and ${id}`);
    if (seq !== (this.applied ?? 0) + 1) return false;
    this.log.set(seq, id);
    this.applied = seq;
    return true;
  }

  #reach(head: number): void {
    this.#head = Math.max(this.#head, head);
    if (this.#pulling || this.applied === undefined || this.applied >= this.#head) return;
    this.#pulling = true;
    this.#connection.write({ t: "pull", req: "p", cid: this.#options.cid, after: this.applied, limit: 200 });
  }

  #page(frame: Frame): void {
    this.#pulling = false;
    const messages = frame["messages"] as { seq: number; id: string }[];
    for (const { seq, id } of messages) if (this.#apply(seq, id)) this.pulled += 1;
    this.#reach(frame["head"] as number);
  }

  /** A request that the restart met is asked again. */
  #refused({ ref, code, retry_after: wait = 100 }: Frame): void {
    if (code !== "unavailable" && code !== "deadline_exceeded") this.broken.push(`refused: ${String(code)}`);
    setTimeout(() => {
      const asked = this.outbox.get(ref);
      if (asked !== undefined) this.#connection.write(asked);
      if (ref !== "p") return;
      this.#pulling = false;
      this.#reach(0);
    }, wait as number);
  }
}
