/** One run: some processes of load against one system. */
import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FromLoad, ToLoad } from "./load.ts";
import { quantile, type Run } from "./stats.ts";
import type { System } from "./systems.ts";

export interface Scenario {
  readonly name: string;
  readonly pairs: number;
  /** Messages of one pair that are sent and not received. */
  readonly inFlight: number;
  /** Processes that the pairs are spread over. */
  readonly processes: number;
}

/** Connects, warms up, measures, lets everything arrive. Throws when anything was lost, refused or out of order. */
export async function drive(
  system: System,
  scenario: Scenario,
  round: number,
  warm: number,
  seconds: number,
): Promise<Run> {
  const { protocol, url } = system;
  const pairs = system.pairs.slice(0, scenario.pairs);
  const tasks = Array.from({ length: scenario.processes }, (_, process) => ({
    protocol,
    url,
    pairs: pairs.filter((_pair, i) => i % scenario.processes === process),
    inFlight: scenario.inFlight,
  }));
  const loads = tasks.map(() => new Load());
  try {
    await Promise.all(tasks.map(async (task, i) => loads[i]?.ask({ do: "start", task }, "ready")));
    await sleep(warm * 1000);
    for (const load of loads) load.tell({ do: "measure" });
    const [cpuBefore, before] = [system.cpu(), performance.now()];
    await sleep(seconds * 1000);
    const [cpuAfter, after] = [system.cpu(), performance.now()];
    const results = await Promise.all(loads.map((load) => load.ask({ do: "stop" }, "done")));
    const rate = results.reduce((sum, result) => sum + result.latencies.length / result.seconds, 0);
    const latencies = Float64Array.from(results.flatMap((result) => [...result.latencies])).toSorted();
    const busy = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
    return {
      system: system.name,
      scenario: scenario.name,
      round,
      rate,
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      cpu: busy === undefined ? undefined : (busy * 1e6) / (rate * ((after - before) / 1000)),
    };
  } finally {
    for (const load of loads) load.end();
  }
}

/** A process of the load, as this one sees it. */
class Load {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, "load.ts"), { serialization: "advanced" });
  readonly #failed: Promise<never>;

  constructor() {
    this.#failed = new Promise((_, reject) => {
      this.#child.on("message", (message: FromLoad) => {
        if (message.is === "failed") reject(new Error(`load: ${message.why}`));
      });
      this.#child.once("exit", (code) => reject(new Error(`a process of the load ended with ${code}`)));
    });
    // Heard by `ask`; until then it waits, and once the process was ended on purpose nobody asks any more.
    this.#failed.catch(() => {});
  }

  tell(message: ToLoad): void {
    if (this.#child.connected) this.#child.send(message);
  }

  /** Tells, and resolves with the answer; rejects when the load has failed, also earlier. */
  async ask<Is extends FromLoad["is"]>(message: ToLoad, is: Is): Promise<Extract<FromLoad, { is: Is }>> {
    const answer = new Promise<Extract<FromLoad, { is: Is }>>((resolve) => {
      this.#child.on("message", (heard: FromLoad) => {
        if (heard.is === is) resolve(heard as Extract<FromLoad, { is: Is }>);
      });
    });
    this.tell(message);
    return Promise.race([answer, this.#failed]);
  }

  end(): void {
    this.#child.kill();
  }
}
