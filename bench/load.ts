/**
 * One process of the load: some pairs, each with a fixed number of messages in flight, from the sender's write to the
 * receiver's reading. Speaks with run.ts over the channel of `fork`.
 */
import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { makeUlid } from "../src/protocol/ids.ts";
import type { Pair, System } from "./systems.ts";

export interface Task {
  readonly protocol: System["protocol"];
  readonly url: string;
  readonly pairs: readonly Pair[];
  readonly inFlight: number;
}

export type ToLoad =
  | { readonly do: "start"; readonly task: Task }
  | { readonly do: "measure" }
  | { readonly do: "stop" };

export type FromLoad =
  | { readonly is: "ready" }
  | { readonly is: "failed"; readonly why: string }
  | { readonly is: "done"; readonly seconds: number; readonly latencies: Float64Array };

/** 100 bytes. */
const TEXT = "a message of a hundred bytes ".repeat(4).slice(0, 100);
/** After the last send, everything has to be received, answered and receipted within this, ms. */
const DRAIN_MS = 10_000;

/** Frames of both protocols, as far as the load looks at them. */
interface Frame {
  readonly t?: string;
  readonly id?: string;
  readonly seq?: number;
  readonly cid?: string;
  readonly delivered?: number;
}

/** Runs one pair; `received` hears of every message's latency. */
abstract class Exchange {
  protected readonly pending = new Map<string, number>();
  protected readonly pair: Pair;
  readonly #received: (latency: number) => void;
  stopped = false;

  constructor(pair: Pair, received: (latency: number) => void) {
    this.pair = pair;
    this.#received = received;
  }

  abstract connect(url: string): Promise<void>;
  protected abstract write(id: string): void;
  abstract get drained(): boolean;
  abstract close(): void;

  send(): void {
    const id = makeUlid(Date.now(), randomBytes(16));
    this.pending.set(id, performance.now());
    this.write(id);
  }

  protected got(id: string): void {
    const since = this.pending.get(id);
    if (since === undefined) fail(`a message came that was not awaited: ${id}`);
    this.pending.delete(id);
    this.#received(performance.now() - since);
    if (!this.stopped) this.send();
  }
}

class RoomExchange extends Exchange {
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

  get drained(): boolean {
    return this.pending.size === 0;
  }

  close(): void {
    this.#sender?.close();
    this.#receiver?.close();
  }
}

class OurExchange extends Exchange {
  #sender: WebSocket | undefined;
  #receiver: WebSocket | undefined;
  readonly #unanswered = new Set<string>();
  #last = 0;
  #delivered = 0;

  async connect(url: string): Promise<void> {
    const [senderToken = "", receiverToken = ""] = this.pair.tokens ?? [];
    this.#sender = await this.#hello(url, senderToken, (frames) => {
      for (const frame of frames) this.#answer(frame);
    });
    this.#receiver = await this.#hello(url, receiverToken, (frames) => this.#receive(frames));
  }

  /** Resolves with `welcome`. */
  async #hello(url: string, token: string, frames: (frames: readonly Frame[]) => void): Promise<WebSocket> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = await open(url, (all) => {
      if (all[0]?.t === "welcome") resolve();
      for (const frame of all) if (frame.t === "error") fail(`refused: ${JSON.stringify(frame)}`);
      frames(all);
    });
    socket.send(JSON.stringify({ t: "hello", v: 1, token, device: { id: "bench" } }));
    await promise;
    return socket;
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

  get drained(): boolean {
    return this.pending.size === 0 && this.#unanswered.size === 0 && this.#delivered === this.#last;
  }

  close(): void {
    this.#sender?.close();
    this.#receiver?.close();
  }
}

async function open(url: string, frames: (frames: readonly Frame[]) => void): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  let closing = false;
  const close = socket.close.bind(socket);
  socket.close = (): void => {
    closing = true;
    close(1000);
  };
  socket.on("open", () => resolve(socket));
  socket.on("error", reject);
  socket.on("close", (code) => closing || fail(`closed by the server: ${code}`));
  socket.on("message", (data) => {
    const parsed = JSON.parse((data as Buffer).toString()) as Frame | readonly Frame[];
    frames(Array.isArray(parsed) ? (parsed as readonly Frame[]) : [parsed as Frame]);
  });
  return promise;
}

let exchanges: Exchange[] = [];
let latencies: number[] = [];
let measuredSince = 0;

async function start(task: Task): Promise<void> {
  const received = (latency: number): void => void latencies.push(latency);
  exchanges = task.pairs.map((pair) =>
    task.protocol === "room" ? new RoomExchange(pair, received) : new OurExchange(pair, received),
  );
  await Promise.all(exchanges.map((exchange) => exchange.connect(task.url)));
  for (const exchange of exchanges) for (let i = 0; i < task.inFlight; i += 1) exchange.send();
  say({ is: "ready" });
}

async function stop(): Promise<void> {
  const seconds = (performance.now() - measuredSince) / 1000;
  const measured = Float64Array.from(latencies);
  for (const exchange of exchanges) exchange.stopped = true;
  const deadline = performance.now() + DRAIN_MS;
  while (!exchanges.every((exchange) => exchange.drained)) {
    if (performance.now() > deadline) fail("not everything was received, answered and receipted");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const exchange of exchanges) exchange.close();
  say({ is: "done", seconds, latencies: measured });
}

function say(message: FromLoad): void {
  process.send?.(message);
}

function fail(why: string): never {
  process.send?.({ is: "failed", why } satisfies FromLoad, () => process.exit(1));
  throw new Error(why);
}

process.on("disconnect", () => process.exit(0));
process.on("message", (message: ToLoad) => {
  if (message.do === "start") void start(message.task);
  else if (message.do === "stop") void stop();
  else {
    latencies = [];
    measuredSince = performance.now();
  }
});
