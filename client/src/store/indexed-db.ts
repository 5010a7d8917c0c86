/** A store in the browser's IndexedDB. */
import { ME, OUT, type MeRecord } from "../core/state.ts";
import type { Store, StoreValue } from "./store.ts";

const VALUES = "values";
/** Tabs of one user in one browser; more share nothing that lasts. */
const SLOTS = 32;

/**
 * Keeps things in IndexedDB under a name, one for each user: `indexedDb("alice")`.
 *
 * Several tabs: a connection of a device replaces the older one of the same device, so each tab is a device of its own. The
 * tabs share out numbered databases by Web Locks: the first tab open has number 0, the next number 1; a tab that is closed
 * gives its number back, and whoever opens next takes the lowest that is free, with all that is in it. What a closed tab had
 * not sent is sent by the tab that starts next. Where there are no Web Locks (pages without TLS), a tab has a database for as
 * long as it is open.
 */
export function indexedDb(name: string): Store {
  let database: IDBDatabase | undefined;
  let giveBack = (): void => {};
  const needed = (): IDBDatabase => {
    if (database === undefined) throw new Error("the store is not open");
    return database;
  };
  return {
    async open() {
      const slot = await takeSlot(name);
      giveBack = slot.giveBack;
      database = await openDatabase(slot.database);
      await adopt(name, database);
    },
    read: (prefix) => readAll(needed(), prefix),
    write: (changes) => writeAll(needed(), changes),
    close() {
      database?.close();
      database = undefined;
      giveBack();
      return Promise.resolve();
    },
  };
}

interface Slot {
  readonly database: string;
  readonly giveBack: () => void;
}

function slotName(name: string, number: number | string): string {
  return `mpim:${name}:${number}`;
}

async function takeSlot(name: string): Promise<Slot> {
  if (globalThis.navigator?.locks !== undefined) {
    for (let number = 0; number < SLOTS; number += 1) {
      const database = slotName(name, number);
      const giveBack = await tryLock(database);
      if (giveBack !== undefined) return { database, giveBack };
    }
  }
  return { database: slotName(name, ownId()), giveBack: () => {} };
}

/** A name that no other tab has; the same after a reload where `sessionStorage` is to be had. */
function ownId(): string {
  return `tab-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
}

/** Takes a lock until the function is called; undefined when somebody else has it. */
async function tryLock(name: string): Promise<(() => void) | undefined> {
  return new Promise((taken, failed) => {
    navigator.locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) {
          taken(undefined);
          return undefined;
        }
        return new Promise<void>((release) => {
          taken(release);
        });
      })
      .catch(failed);
  });
}

/** Takes over what tabs of the same user that are gone have not sent: an id is known to the server whichever device sends it. */
async function adopt(name: string, database: IDBDatabase): Promise<void> {
  if (globalThis.navigator?.locks === undefined || indexedDB.databases === undefined) return;
  const user = await userOf(database);
  if (user === undefined) return;
  const prefix = slotName(name, "");
  const others = (await indexedDB.databases()).flatMap(({ name: other = "" }) =>
    other.startsWith(prefix) && other !== database.name ? [other] : [],
  );
  for (const other of others) {
    const giveBack = await tryLock(other);
    if (giveBack === undefined) continue;
    try {
      const from = await openDatabase(other);
      const orphans = await readAll(from, OUT);
      if (orphans.size > 0 && (await userOf(from)) === user) {
        // First here, then no longer there: twice is harmless.
        await writeAll(database, orphans);
        await writeAll(from, new Map([...orphans.keys()].map((key) => [key, undefined])));
      }
      from.close();
    } finally {
      giveBack();
    }
  }
}

/** Whose data it is; undefined when nobody has used it. */
async function userOf(database: IDBDatabase): Promise<string | undefined> {
  const me = (await readAll(database, ME)).get(ME) as MeRecord | undefined;
  return me?.user;
}

async function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.addEventListener("upgradeneeded", () => request.result.createObjectStore(VALUES));
  const database = await done(request);
  // Somebody deletes the data: let them.
  database.addEventListener("versionchange", () => database.close());
  return database;
}

async function readAll(database: IDBDatabase, prefix: string): Promise<Map<string, StoreValue>> {
  const store = database.transaction(VALUES).objectStore(VALUES);
  const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
  const [keys, values] = await Promise.all([done(store.getAllKeys(range)), done(store.getAll(range))]);
  return new Map(keys.map((key, index) => [key as string, values[index] as StoreValue]));
}

async function writeAll(database: IDBDatabase, changes: ReadonlyMap<string, StoreValue>): Promise<void> {
  const transaction = database.transaction(VALUES, "readwrite");
  const store = transaction.objectStore(VALUES);
  for (const [key, value] of changes) {
    if (value === undefined) store.delete(key);
    else store.put(value, key);
  }
  return new Promise((resolve, reject) => {
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", () => reject(transaction.error ?? new Error("the transaction was aborted")));
  });
}

async function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("IndexedDB refused")));
  });
}

/** Deletes everything that `indexedDb(name)` has kept, for instance when the user logs out. Close the chat before. */
export async function forgetIndexedDb(name: string): Promise<void> {
  const prefix = slotName(name, "");
  const all = indexedDB.databases === undefined ? [{ name: slotName(name, 0) }] : await indexedDB.databases();
  for (const { name: database = "" } of all) {
    if (database.startsWith(prefix)) await done(indexedDB.deleteDatabase(database));
  }
}
