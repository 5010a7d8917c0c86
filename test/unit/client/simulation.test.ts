import { expect, test } from "vitest";
import { simulate, type Options } from "./simulation.ts";

const SEEDS = Number(process.env["CLIENT_SEEDS"] ?? 60);

function run(options: Options, seeds = SEEDS): ReturnType<typeof simulate>["stats"] {
  const sum = { sent: 0, cuts: 0, crashes: 0, amendments: 0, resets: 0, restores: 0, retries: 0 };
  for (let seed = 1; seed <= seeds; seed += 1) {
    const { faults, stats } = simulate(seed, options);
    expect(faults.slice(0, 5), `seed ${seed}`).toEqual([]);
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += stats[key];
  }
  return sum;
}

test("[RES1] [DUP3] whatever breaks, every device shows what the server has, and what was written is there once", () => {
  const { sent, cuts, crashes, amendments } = run({ steps: 600, catchUp: 1_000, keep: 100 });
  expect(Math.min(sent, cuts, crashes, amendments)).toBeGreaterThan(SEEDS);
});

test("[RES1] so it is with a short memory, where absences are skipped", () => {
  const { resets } = run({ steps: 600, catchUp: 4, keep: 6 });
  expect(resets).toBeGreaterThan(SEEDS / 10);
});

test("[RES1] so it is with clocks that are set back and forth by hours", () => {
  const { sent, crashes } = run({ steps: 600, catchUp: 1_000, keep: 100, clocks: true });
  expect(Math.min(sent, crashes)).toBeGreaterThan(SEEDS);
});

test("[RES1] so it is with a server that is put back to a backup, as soon as it says something of what it has lost", () => {
  // Not of every seed: logs that have grown to the same length again, and watermarks that were lost alone, contradict nothing.
  const { restores } = run({ steps: 600, catchUp: 1_000, keep: 100, restores: true }, 60);
  expect(restores).toBeGreaterThan(15);
});

test("[RES1] [DUP1] so it is with refusals, answers that never come, frames that are too large, times to live, and who tries again", () => {
  const { sent, retries } = run({ steps: 600, catchUp: 1_000, keep: 100, harsh: true });
  expect(Math.min(sent, retries)).toBeGreaterThan(SEEDS);
});

test("[RES1] over links that break, what a device writes keeps its order", () => {
  const { sent } = run({ steps: 600, catchUp: 1_000, keep: 100, calm: true });
  expect(sent).toBeGreaterThan(SEEDS);
});
