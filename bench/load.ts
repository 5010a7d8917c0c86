/**
 * One process of the load: pairs or a part of a crowd, from the writing of a message to the reading of it. Speaks with run.ts over
 * the channel of `fork`.
 */
import { OurCrowd, RoomCrowd, type CrowdTask } from "./crowd.ts";
import { OurPair, RoomPair, type Exchange } from "./exchanges.ts";
import { fail } from "./socket.ts";
import type { Pair, System } from "./systems.ts";

export interface Task {
  readonly protocol: System["protocol"];
  readonly url: string;
  readonly pairs: readonly Pair[];
  /** Messages in flight of each pair. */
  readonly inFlight: number;
  readonly crowd: CrowdTask | undefined;
}

export type ToLoad =
  | { readonly do: "start"; readonly task: Task }
  | { readonly do: "go" }
  | { readonly do: "measure" }
  | { readonly do: "stop" }
  /** `total`: what all processes have sent. */
  | { readonly do: "drain"; readonly total: number };

export type FromLoad =
  | { readonly is: "ready" }
  | { readonly is: "failed"; readonly why: string }
  | { readonly is: "stopped"; readonly sent: number }
  | { readonly is: "done"; readonly seconds: number; readonly latencies: Float64Array };

/** After the last send, everything has to be received, answered and receipted within this, ms. */
const DRAIN_MS = 10_000;

let exchanges: Exchange[] = [];
let latencies: number[] = [];
let measuredSince = 0;
let seconds = 0;
let measured = new Float64Array();

async function start({ protocol, url, pairs, inFlight, crowd }: Task): Promise<void> {
  const received = (latency: number): void => void latencies.push(latency);
  const isRoom = protocol === "room";
  exchanges = pairs.map((pair) => new (isRoom ? RoomPair : OurPair)(pair, inFlight, received));
  if (crowd !== undefined) exchanges.push(new (isRoom ? RoomCrowd : OurCrowd)(crowd, received));
  await Promise.all(exchanges.map((exchange) => exchange.connect(url)));
  say({ is: "ready" });
}

function stop(): void {
  seconds = (performance.now() - measuredSince) / 1000;
  measured = Float64Array.from(latencies);
  say({ is: "stopped", sent: exchanges.reduce((sum, exchange) => sum + exchange.stop(), 0) });
}

async function drain(total: number): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  while (!exchanges.every((exchange) => exchange.drained(total))) {
    if (performance.now() > deadline) {
      const missing = exchanges.filter((exchange) => !exchange.drained(total)).map((one) => one.missing(total));
      fail(`not everything was received, answered and receipted: ${[...new Set(missing)].slice(0, 3).join("; ")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const exchange of exchanges) exchange.close();
  say({ is: "done", seconds, latencies: measured });
}

function say(message: FromLoad): void {
  process.send?.(message);
}

process.on("disconnect", () => process.exit(0));
process.on("message", (message: ToLoad) => {
  switch (message.do) {
    case "start":
      return void start(message.task);
    case "go":
      for (const exchange of exchanges) exchange.go();
      return undefined;
    case "measure":
      latencies = [];
      measuredSince = performance.now();
      return undefined;
    case "stop":
      return stop();
    case "drain":
      return void drain(message.total);
  }
});
