/** Pairs: a sender with so many messages in flight, and a receiver. */
import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import { makeUlid } from "../src/protocol/ids.ts";
import { fail, hello, open, type Frame } from "./socket.ts";
import type { Pair } from "./systems.ts";

/** Something that a process of the load runs. */
export interface Exchange {
  connect(url: string): Promise<void>;
  /** Begins to send. */
  go(): void;
  /** Sends nothing more; returns how many messages it has sent since it began. */
  stop(): number;
  /** Everything has arrived and is answered; `total`: what all processes have sent together. */
  drained(total: number): boolean;
  /** What is missing, in words. */
  missing(total: number): string;
  close(): void;
}

/** 100 bytes. */
const TEXT = "a message of a hundred bytes ".repeat(4).slice(0, 100);

/** Runs one pair; `received` hears of every message's latency, ms. */
abstract class PairExchange implements Exchange {
  protected readonly pending = new Map<string, number>();
  protected readonly pair: Pair;
  readonly #inFlight: number;
  readonly #received: (latency: number) => void;
  #sent = 0;
  #stopped = false;

  constructor(pair: Pair, inFlight: number, received: (latency: number) => void) {
    this.pair = pair;
    this.#inFlight = inFlight;
    this.#received = received;
  }

  abstract connect(url: string): Promise<void>;
  protected abstract write(id: string): void;
  abstract drained(): boolean;
  abstract close(): void;

  go(): void {
    for (let i = 0; i < this.#inFlight; i += 1) this.#send();
  }

  stop(): number {
    this.#stopped = true;
    return this.#sent;
  }

  missing(): string {
    return `${this.pending.size} not received`;
  }

  #send(): void {
    const id = makeUlid(Date.now(), randomBytes(16));
    this.pending.set(id, performance.now());
    this.#sent += 1;
    this.write(id);
  }

  protected got(id: string): void {
    const since = this.pending.get(id);
    if (since === undefined) fail(`a message came that was not awaited: ${id}`);
    this.pending.delete(id);
    this.#received(performance.now() - since);
    if (!this.#stopped) this.#send();
  }
}

export class RoomPair extends PairExchange {
  #sender: WebSocket | undefined;
  #receiver: WebSocket | undefined;

  async connect(url: string): Promise<void> {
    const room = `${url}${this.pair.to}`;
    this.#sender = await open(`${room}?name=sender`, () => {});
    this.#receiver = await open(`${room}?name=receiver`, ([frame]) => this.got(frame?.id ?? ""));
  }

  protected write(id: string): void {
    this.#sender?.send(`{"id":"${id}","text":"${TEXT}"}`);
  }

  drained(): boolean {
    return this.pending.size === 0;
  }

  close(): void {
    this.#sender?.close();
    this.#receiver?.close();
  }
}

export class OurPair extends PairExchange {
  #sender: WebSocket | undefined;
  #receiver: WebSocket | undefined;
  readonly #unanswered = new Set<string>();
  #last = 0;
  #delivered = 0;

  async connect(url: string): Promise<void> {
    const [senderToken = "", receiverToken = ""] = this.pair.tokens ?? [];
    this.#sender = await hello(url, senderToken, undefined, "welcome", (frames) => {
      for (const frame of frames) this.#answer(frame);
    });
    this.#receiver = await hello(url, receiverToken, undefined, "welcome", (frames) => this.#receive(frames));
  }

  protected write(id: string): void {
    this.#unanswered.add(id);
    this.#sender?.send(`{"t":"send","id":"${id}","to":"@${this.pair.to}","body":{"text":"${TEXT}"}}`);
  }

  #answer(frame: Frame): void {
    if (frame.t === "sent") this.#unanswered.delete(frame.id ?? "");
    else if (frame.t === "receipt") this.#delivered = Math.max(this.#delivered, frame.delivered ?? 0);
  }

  /** Messages have to come in order, each once; what came together is acknowledged together. */
  #receive(frames: readonly Frame[]): void {
    let cid: string | undefined;
    for (const frame of frames) {
      if (frame.t !== "message") continue;
      if (this.#last > 0 && frame.seq !== this.#last + 1) fail(`seq ${frame.seq} after ${this.#last}`);
      this.#last = frame.seq ?? 0;
      cid = frame.cid;
    }
    if (cid === undefined) return;
    this.#receiver?.send(`{"t":"ack","cid":"${cid}","seq":${this.#last}}`);
    for (const frame of frames) if (frame.t === "message") this.got(frame.id ?? "");
  }

  drained(): boolean {
    return this.pending.size === 0 && this.#unanswered.size === 0 && this.#delivered === this.#last;
  }

  close(): void {
    this.#sender?.close();
    this.#receiver?.close();
  }
}
