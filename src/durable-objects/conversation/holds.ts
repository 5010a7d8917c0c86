/** Answers that wait for something to be true, each with a deadline. A shell beside conversation-object.ts. */
import type { Uid } from "../../protocol/ids.ts";

interface Held {
  readonly uid: Uid | undefined;
  readonly ready: () => boolean;
  readonly go: () => void;
}

export class Holds {
  readonly #held = new Set<Held>();

  /** Resolves when `ready` holds, or after `ms`. `uid`: whose call waits for it. */
  until(ready: () => boolean, ms: number, uid?: Uid): Promise<void> {
    if (ready()) return Promise.resolve();
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        this.#held.delete(held);
        resolve();
      };
      const held = { uid, ready, go };
      const timer = setTimeout(go, ms);
      this.#held.add(held);
    });
  }

  /** Something happened: what waited for it goes on. Whose calls waited before it. */
  look(): ReadonlySet<Uid | undefined> {
    const waiting = new Set([...this.#held].map(({ uid }) => uid));
    for (const held of this.#held) if (held.ready()) held.go();
    return waiting;
  }
}
