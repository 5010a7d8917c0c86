/** Everything that a run leaves to chance comes from one seed, so that a seed is a run. */
import { seeded } from "../support/random.ts";

export class Chance {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  /** In [0, 1). */
  next(): number {
    return this.#random();
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.#random() * (high - low + 1));
  }

  /** True with a probability. */
  hit(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T;
  }

  /** One of several by weight. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T {
    const entries = Object.entries(weights) as [T, number][];
    let rest = this.#random() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      rest -= weight;
      if (rest < 0) return name;
    }
    return (entries.at(-1) as [T, number])[0];
  }

  /** Mostly near `usual`, now and then up to `longest`: how long things take. */
  duration(usual: number, longest: number): number {
    return this.hit(0.03) ? this.between(usual, longest) : this.between(0, usual);
  }
}
