/** Waiting for something to be so: asked again at every event, never by sleeping. */

/** For what must come, on a machine that does much else; longer than a server takes to start on one. */
const PATIENCE_MS = 60_000;

export class Waiting {
  readonly #waiters = new Set<() => void>();

  /** Something happened. */
  wake(): void {
    for (const waiter of this.#waiters) waiter();
  }

  /** Resolves with the first truthy value of `probe`, asked now and at every event; gives up with the words of `failure`. */
  async until<T>(probe: () => T | undefined | false, failure: () => string): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const value = probe();
      if (value) return value;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${failure()} within ${PATIENCE_MS / 1000} s`);
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, left);
      this.#waiters.add(resolve);
      await promise;
      clearTimeout(timer);
      this.#waiters.delete(resolve);
    }
  }
}
