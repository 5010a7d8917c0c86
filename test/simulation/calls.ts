/**
 * A call between two objects: a request and an answer, each of which can be lost, with an exception at the caller; a request
 * can also still arrive after the caller was told that it failed. Calls are not ordered among each other.
 */
import type { Host, Serve } from "./host.ts";
import type { Sim } from "./sim.ts";

/** A call that has not answered by then counts as failed, as in the shells. */
const DEADLINE_MS = 10_000;

/** Calls another object. `answer` gets undefined when the call failed; it is never called in another life of the caller. */
export function call<T>(
  sim: Sim,
  from: Host,
  to: Host,
  run: Serve<T>,
  answer: (value: T | undefined) => void,
  what = "",
): void {
  const life = from.awake();
  life.busy += 1;
  let over = false;
  const settle = (value: T | undefined): void => {
    if (over || !life.alive) return;
    over = true;
    life.busy -= 1;
    sim.trace(from.name, () => `gets from ${to.name} about ${what}: ${JSON.stringify(value)}`);
    answer(value);
  };
  life.after(DEADLINE_MS, () => settle(undefined));
  from.disk.out(() => {
    const fate = sim.calm ? 1 : sim.chance.next() / sim.profile.lossy;
    if (fate < 0.4) {
      sim.stats.count("requests lost");
      return sim.clock.after(sim.hop(), () => settle(undefined));
    }
    const lost = fate < 1;
    let begun = false;
    if (lost) {
      sim.stats.count("answers lost");
      sim.clock.after(sim.hop(), () => {
        if (!begun) sim.stats.count("late requests");
        settle(undefined);
      });
    }
    sim.clock.after(sim.hop(), () => {
      begun = true;
      sim.trace(to.name, () => `is called by ${from.name}: ${what}`);
      to.serve(run, (value) => {
        if (!lost) sim.clock.after(sim.hop(), () => settle(value));
      });
    });
  });
}

/** A question to something that keeps no state here (the store of accounts): an answer after a while, or none. */
export function ask<T>(sim: Sim, from: Host, value: T, answer: (value: T | undefined) => void): void {
  const life = from.awake();
  life.busy += 1;
  from.disk.out(() => {
    const lost = !sim.calm && sim.chance.hit(sim.profile.lossy);
    life.after(sim.hop(), () => {
      life.busy -= 1;
      answer(lost ? undefined : value);
    });
  });
}
