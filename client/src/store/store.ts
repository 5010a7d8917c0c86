/** Where a client keeps what must outlive it. */
import { failed, MpimError } from "../errors.ts";

/** A value as stores get it: plain data, as `structuredClone` and JSON take it. */
export type StoreValue = unknown;

/**
 * A small ordered-by-nothing key–value store. One client uses it at a time. What is written together is kept together or
 * not at all, and writes are kept in their order.
 */
export interface Store {
  /** Makes it ready. Called once, before anything else. */
  open(): Promise<void>;
  /** All values whose keys begin so. */
  read(prefix: string): Promise<ReadonlyMap<string, StoreValue>>;
  /** Keeps each value under its key; `undefined` forgets the key. Resolves when that outlives the process. */
  write(changes: ReadonlyMap<string, StoreValue>): Promise<void>;
  /** Lets it go. */
  close(): Promise<void>;
  /**
   * Where others share the place, who each have a store of their own: what those that are gone have left in the outbox, once it
   * is here. Asked now and then.
   */
  adopt?(): Promise<ReadonlyMap<string, StoreValue>>;
  /** What was found that could not be read, and passed over, since this was asked last; told by `storeError`. */
  faults?(): readonly unknown[];
}

/** A store does not do what it is for. `message` names it; a cause that is an error of this library says it by itself. */
export function storeFailed(message: string, cause?: unknown): MpimError {
  return cause instanceof MpimError ? cause : failed("store_failed", message, cause);
}

/** A store that lasts as long as the page or process: for tests, bots without a memory, and browsers that have no other. */
export function memory(): Store {
  const values = new Map<string, StoreValue>();
  return {
    open: () => Promise.resolve(),
    read: (prefix) => Promise.resolve(new Map([...values].filter(([key]) => key.startsWith(prefix)))),
    write: (changes) => {
      for (const [key, value] of changes) {
        if (value === undefined) values.delete(key);
        else values.set(key, value);
      }
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
