/** `npm run simulate -- [--seeds N] [--from S] [--seed S] [--bug NAME] [--groups | --history] [--trace]`: runs seeds, prints those that fail and what happened. */
import { parseArgs } from "node:util";
import { BUGS, type Bug } from "./bugs.ts";
import { simulate } from "./simulate.ts";
import { COUNTED, COUNTED_IN_GROUPS, COUNTED_IN_HISTORY, Stats } from "./stats.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    bug: { type: "string" },
    groups: { type: "boolean", default: false },
    history: { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
  },
});

if (values.bug !== undefined && !(values.bug in BUGS)) {
  console.error(`--bug is one of: ${Object.keys(BUGS).join(", ")}`);
  process.exit(2);
}
const kind = values.groups ? "groups" : values.history ? "history" : "chats";
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const total = new Stats();
const begun = performance.now();
let failed = 0;
for (let seed = first; seed < first + count; seed += 1) {
  try {
    const { stats, violation, at } = simulate(
      seed,
      values.bug as Bug | undefined,
      values.trace ? console.log : undefined,
      kind,
    );
    total.add(stats);
    if (violation === undefined) continue;
    console.log(`seed ${seed} at ${(at / 1000).toFixed(1)} s: ${violation.message}`);
  } catch (error) {
    console.log(`seed ${seed}: an exception`, error instanceof Error ? error.cause : error);
  }
  failed += 1;
}
const seconds = (performance.now() - begun) / 1000;
const counted = [...COUNTED, ...{ chats: [], groups: COUNTED_IN_GROUPS, history: COUNTED_IN_HISTORY }[kind]];
for (const name of counted) console.log(`${String(total.counts[name]).padStart(9)}  ${name}`);
for (const [name, size] of Object.entries(total.peaks)) console.log(`${String(size).padStart(9)}  most ${name}`);
console.log(`${count} seeds in ${seconds.toFixed(1)} s, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
