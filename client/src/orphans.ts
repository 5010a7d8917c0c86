/** What others who share the place of the store, closed tabs for instance, have left unsent: it is sent from here. */
import { isOut } from "./core/shape.ts";
import type { Shell } from "./shell.ts";
import { storeFailed, type Store } from "./store/store.ts";

/** It is looked for so often, ms, */
const EVERY_MS = 60_000;
/** and first after this: a page that is loaded again may be faster than the end of what it was. */
const FIRST_MS = 3_000;

export class Orphans {
  readonly #store: Store;
  readonly #shell: Shell;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store, shell: Shell) {
    this.#store = store;
    this.#shell = shell;
  }

  /** Looks from time to time, from now on. */
  watch(): void {
    if (this.#store.adopt !== undefined) this.#wait(FIRST_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  /** Takes over what is there now. Never rejects. */
  async take(): Promise<void> {
    const shell = this.#shell;
    if (shell.ended) return;
    try {
      const records = [...((await this.#store.adopt?.())?.values() ?? [])].filter(isOut);
      if (shell.ended || records.length === 0) return;
      shell.turn((core, now) => {
        core.state.adopt(records);
        core.tick(now);
      });
    } catch (error) {
      if (!shell.ended) shell.storeFailed(storeFailed("what others have left cannot be read", error));
    }
    shell.complain();
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      void this.take();
      this.#wait(EVERY_MS);
    }, ms);
  }
}
