/** `npm run bench`: ours and a plain chat room in turn under the same load; prints a table. See README.md. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { drive, type Scenario } from "./drive.ts";
import { summarise, table, type Run } from "./stats.ts";
import { startOurs, startRoom, type System } from "./systems.ts";

const SCENARIOS: readonly Scenario[] = [
  { name: "S1", pairs: 1, inFlight: 1, processes: 1 },
  { name: "S2", pairs: 25, inFlight: 4, processes: 2 },
  { name: "S3", pairs: 0, inFlight: 1, processes: 1, crowd: { members: 100, online: 100, writers: 8 } },
];
/** Takes minutes to prepare; only when asked for. */
const LARGE: Scenario = {
  name: "S4",
  pairs: 0,
  inFlight: 1,
  processes: 2,
  crowd: { members: 10_000, online: 2_000, writers: 10, perSecond: 10 },
};

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    warm: { type: "string" },
    only: { type: "string" },
    large: { type: "boolean", default: false },
    also: { type: "string", multiple: true, default: [] },
    data: { type: "string" },
    out: { type: "string" },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 3 : 7));
const seconds = Number(options.seconds ?? (options.quick ? 2 : 5));
const warm = Number(options.warm ?? (options.quick ? 1 : 2));
const asked = options.large || options.only === LARGE.name ? [...SCENARIOS, LARGE] : SCENARIOS;
const scenarios = asked.filter(({ name }) => options.only === undefined || name === options.only);
const crowd = Math.max(0, ...scenarios.map((scenario) => scenario.crowd?.members ?? 0));

const data = options.data === undefined ? mkdtempSync(join(tmpdir(), "mpim-bench-")) : resolve(options.data);
const systems: System[] = [];
const runs: Run[] = [];
try {
  systems.push(await startRoom(folder("room")));
  systems.push(await startOurs("ours", join(import.meta.dirname, ".."), folder("ours"), crowd));
  for (const checkout of options.also)
    systems.push(await startOurs(checkout, checkout, folder(`also-${systems.length}`), crowd));
  // A group begins in push mode, and goes to pull mode when it is busy: that is not what is measured.
  for (const scenario of scenarios.filter((one) => one.crowd !== undefined)) {
    for (const system of systems) await drive(system, scenario, 0, 2, 1);
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const scenario of scenarios) {
      for (const system of systems) runs.push(await drive(system, scenario, round, warm, seconds));
    }
  }
} finally {
  for (const system of systems) await system.stop();
  if (options.data === undefined) rmSync(data, { recursive: true, force: true });
}
const summaries = summarise(runs, "room");
console.log(table(summaries));
if (options.out !== undefined) {
  const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? "", node: process.version };
  const settings = { rounds, seconds, warm };
  writeFileSync(options.out, `${JSON.stringify({ machine, settings, scenarios, summaries, runs }, undefined, 2)}\n`);
}

function folder(name: string): string {
  const path = join(data, name);
  mkdirSync(path, { recursive: true });
  return path;
}
