/** Writes to a store in the background: one write at a time, what comes meanwhile goes together with the next. */
import type { MpimError } from "./errors.ts";
import { storeFailed, type Store } from "./store/store.ts";

/** After a failure: not by itself before. */
const PAUSE_MS = 1_000;
/** Values that wait for a store that fails. */
const MOST = 50_000;

export class Keeper {
  readonly #store: Store;
  readonly #failed: (error: MpimError) => void;
  #changes = new Map<string, unknown>();
  /** How often something was saved, and how much of that is written. */
  #saved = 0;
  #written = 0;
  /** Ends with why it failed, if it did. */
  #running: Promise<MpimError | undefined> | undefined;
  #notBefore = 0;
  #givenUp: MpimError | undefined;

  constructor(store: Store, failed: (error: MpimError) => void) {
    this.#store = store;
    this.#failed = failed;
  }

  save(key: string, value: unknown): void {
    this.#saved += 1;
    // A store that misses something is left as it was: what it has is still a state that there was.
    if (this.#givenUp === undefined) this.#changes.set(key, value);
  }

  /** Writes what was saved. Called at the end of a turn, so that a turn is never written in part. */
  flush(): void {
    if (this.#changes.size > 0 && performance.now() >= this.#notBefore) this.#running ??= this.#run();
  }

  /** The last write failed. */
  get failing(): boolean {
    return this.#notBefore > 0;
  }

  /** Everything saved so far is kept. */
  get idle(): boolean {
    return this.#written === this.#saved;
  }

  /** Resolves when everything saved so far is kept. Rejects with `store_failed` when the store does not take it. */
  async kept(): Promise<void> {
    for (const upTo = this.#saved; this.#written < upTo;) {
      if (this.#givenUp !== undefined) throw this.#givenUp;
      this.#running ??= this.#run();
      const failure = await this.#running;
      if (failure !== undefined) throw failure;
    }
  }

  async #run(): Promise<MpimError | undefined> {
    // What is saved in one go is written in one go: a page that goes away right after it leaves all of it.
    await Promise.resolve();
    while (this.#changes.size > 0) {
      const changes = this.#changes;
      const upTo = this.#saved;
      this.#changes = new Map();
      try {
        // A store that throws at once must not end this before it is known to run.
        await (async () => this.#store.write(changes))();
        this.#written = upTo;
        this.#notBefore = 0;
      } catch (cause) {
        this.#running = undefined;
        return this.#again(changes, cause);
      }
    }
    this.#running = undefined;
    return undefined;
  }

  /** What could not be written goes with the next write, and before what is newer. */
  #again(changes: Map<string, unknown>, cause: unknown): MpimError {
    for (const [key, value] of this.#changes) changes.set(key, value);
    this.#changes = changes;
    this.#notBefore = performance.now() + PAUSE_MS;
    const error = storeFailed("the store cannot be written", cause);
    if (changes.size > MOST) {
      this.#changes = new Map();
      this.#givenUp = error;
    }
    this.#failed(error);
    return error;
  }
}
