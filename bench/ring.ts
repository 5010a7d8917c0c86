/** `npm run bench:ring`: what a lookup in a consistent-hash ring costs, how long a ring takes to build, how evenly it spreads. */
import { cpus } from "node:os";
import { Ring } from "../src/workers/router/ring.ts";

const KEYS = 1_000_000;
const ROUNDS = 7;

// Strings are made before anything is measured, and flattened: V8 builds them lazily.
const keys = Array.from({ length: KEYS }, (_, n) => Buffer.from(`u_01j${n.toString(32).padStart(23, "0")}`).toString());

console.log(`${cpus()[0]?.model ?? "unknown"}, node ${process.version}; ${KEYS} keys of ${keys[0]?.length} characters`);
console.log("nodes  points  build ms  ns/lookup (each round)                    fullest × mean");
for (const count of [3, 10, 100, 1000]) {
  const nodes = Array.from({ length: count }, (_, n) => ({ name: `node-${n}`, weight: 1 }));
  const began = performance.now();
  const ring = new Ring(nodes);
  const build = performance.now() - began;
  const had = new Uint32Array(count);
  const rounds = Array.from({ length: ROUNDS }, () => {
    had.fill(0);
    const start = performance.now();
    for (const key of keys) {
      const node = ring.lookup(key);
      had[node] = (had[node] ?? 0) + 1;
    }
    return ((performance.now() - start) / KEYS) * 1e6;
  });
  const fullest = (Math.max(...had) * count) / KEYS;
  const columns = [
    String(count).padStart(5),
    String(ring.points).padStart(7),
    build.toFixed(1).padStart(9),
    rounds
      .map((ns) => ns.toFixed(0))
      .join(" ")
      .padEnd(40),
    fullest.toFixed(3),
  ];
  console.log(columns.join("  "));
}
