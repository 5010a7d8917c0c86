/** Writes to a store in the background: one write at a time, what comes meanwhile goes together with the next. */
import type { Store } from "./store/store.ts";

export class Keeper {
  readonly #store: Store;
  readonly #failed: (error: unknown) => void;
  #changes = new Map<string, unknown>();
  #running: Promise<void> | undefined;

  constructor(store: Store, failed: (error: unknown) => void) {
    this.#store = store;
    this.#failed = failed;
  }

  save(key: string, value: unknown): void {
    this.#changes.set(key, value);
  }

  /** Writes what was saved. Called at the end of a turn, so that a turn is never written in part. */
  flush(): void {
    if (this.#changes.size > 0) this.#running ??= this.#run();
  }

  /** Resolves when everything saved so far is kept, or could not be. */
  async kept(): Promise<void> {
    this.flush();
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#changes.size > 0) {
        const changes = this.#changes;
        this.#changes = new Map();
        await this.#store.write(changes);
      }
    } catch (error) {
      // The chat goes on without what is kept: the server has it all but for what was not sent.
      this.#failed(error);
    } finally {
      this.#running = undefined;
    }
  }
}
