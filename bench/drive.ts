/** One run: some processes of load against one system. */
import { fork, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FromLoad, Task, ToLoad } from "./load.ts";
import { quantile, type Run } from "./stats.ts";
import type { System } from "./systems.ts";

export interface Scenario {
  readonly name: string;
  readonly pairs: number;
  /** Messages of one pair, or of one writer of the crowd, that are sent and not received. */
  readonly inFlight: number;
  /** Processes that the pairs, or the crowd, are spread over. */
  readonly processes: number;
  readonly crowd?: Crowd;
}

/** One group or room. */
export interface Crowd {
  readonly members: number;
  readonly online: number;
  readonly writers: number;
  /** Messages a second from all writers together, whoever has them; otherwise each writes again when all have its last. */
  readonly perSecond?: number;
}

/** Time for one relay link, ms. */
const LINK_MS = 5;

/** Connects, warms up, measures, lets everything arrive. Throws when anything was lost, refused or out of order. */
export async function drive(
  system: System,
  scenario: Scenario,
  round: number,
  warm: number,
  seconds: number,
): Promise<Run> {
  const tasks = await tasksOf(system, scenario);
  const loads = tasks.map(() => new Load());
  const all = <Is extends FromLoad["is"]>(message: ToLoad, is: Is): Promise<Extract<FromLoad, { is: Is }>[]> =>
    Promise.all(loads.map((load) => load.ask(message, is)));
  try {
    await Promise.all(tasks.map(async (task, i) => loads[i]?.ask({ do: "start", task }, "ready")));
    // Connections of a group open links to its relays after the welcome.
    if (scenario.crowd !== undefined) await sleep(500 + scenario.crowd.online * LINK_MS);
    for (const load of loads) load.tell({ do: "go" });
    await sleep(warm * 1000);
    for (const load of loads) load.tell({ do: "measure" });
    const [cpuBefore, before] = [system.cpu(), performance.now()];
    await sleep(seconds * 1000);
    const [cpuAfter, after] = [system.cpu(), performance.now()];
    const stopped = await all({ do: "stop" }, "stopped");
    const total = stopped.reduce((sum, { sent }) => sum + sent, 0);
    const results = await all({ do: "drain", total }, "done");
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

/** What each process does: the pairs, the crowd's connections and its writers dealt out in turn. */
async function tasksOf(system: System, { pairs, inFlight, processes, crowd }: Scenario): Promise<Task[]> {
  const { protocol, url } = system;
  const mine = <T>(list: readonly T[], process: number): T[] => list.filter((_, i) => i % processes === process);
  const place = crowd && (await system.crowd(crowd.members, crowd.online));
  const run = randomBytes(4).toString("hex");
  return Array.from({ length: processes }, (_, process): Task => {
    const dealt = { protocol, url, pairs: mine(system.pairs.slice(0, pairs), process), inFlight };
    if (crowd === undefined || place === undefined) return { ...dealt, crowd: undefined };
    const perSecond = crowd.perSecond === undefined ? undefined : crowd.perSecond / processes;
    const senders = mine(place.members.slice(0, crowd.writers), process).length;
    return {
      ...dealt,
      crowd: { to: place.to, run, members: mine(place.members, process), senders, inFlight, perSecond },
    };
  });
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
