/**
 * Takes the steps of a saga, one after another. Each may be repeated: one that fails is taken again, first after a while, then by the
 * object's alarm, which whoever begins a saga sets. A shell; which steps there are is decided elsewhere.
 */
import { describe, log } from "../observability/log.ts";
import { backoff } from "./lanes.ts";

/** A step that has not been taken by then counts as failed, and is repeated. */
const DEADLINE_MS = 10_000;
/** First back-off and longest of a step that failed, ms. */
const RETRY = { backoff: 100, longest: 2_000 };
/** After so many attempts in a row the alarm alone tries again: a timer for ever would keep the object from sleeping. */
const ATTEMPTS = 5;

export interface Steps<Step, Outcome> {
  /** The step that is due now. */
  next(): Step | undefined;
  take(step: Step): Promise<Outcome>;
  /** It was taken. Throws when the disk refuses; then it is taken again. */
  done(step: Step, outcome: Outcome): void;
}

export class Saga<Step, Outcome = void> {
  /** For the log. */
  readonly #name: string;
  readonly #steps: Steps<Step, Outcome>;
  #walking = false;
  #attempts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(name: string, steps: Steps<Step, Outcome>) {
    this.#name = name;
    this.#steps = steps;
  }

  /** Begins to take the steps that are due. */
  pump(): void {
    clearTimeout(this.#timer);
    if (this.#walking) return;
    this.#walking = true;
    void this.#walk();
  }

  async #walk(): Promise<void> {
    try {
      for (let step = this.#steps.next(); step !== undefined; step = this.#steps.next()) {
        this.#steps.done(step, await withDeadline(this.#steps.take(step), DEADLINE_MS));
        this.#attempts = 0;
      }
      this.#walking = false;
    } catch (error) {
      this.#walking = false;
      log("warn", `${this.#name}: a step failed`, describe(error));
      this.#attempts += 1;
      if (this.#attempts > ATTEMPTS) return;
      this.#timer = setTimeout(() => this.pump(), backoff(this.#attempts, RETRY, Math.random()));
    }
  }
}

/** Rejects when the promise has not settled in time; what it stands for may still happen. */
export async function withDeadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("deadline")), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
