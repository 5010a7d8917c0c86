/** Typed events. */

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls `listener` at every event of this name, until the function that is returned is called. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all);
    // A function of its own, so that the same listener may be added twice and each is taken away by itself.
    const own = (event: Events[Name]): void => listener(event);
    all.add(own);
    return () => all.delete(own);
  }

  /** Calls `listener` at the next event of this name only. */
  once<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const off = this.on(name, (event) => {
      off();
      listener(event);
    });
    return off;
  }

  /**
   * Tells all who listen now, and still do when it is their turn. One that throws keeps no other from being told, and its error is
   * reported as uncaught.
   */
  protected emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    const all = this.#listeners.get(name);
    for (const listener of Array.from(all ?? [])) {
      try {
        if (all?.has(listener)) (listener as (event: Events[Name]) => void)(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
