/** A store in the browser's IndexedDB. */
import { ME, OUT, type MeRecord } from "../core/state.ts";
import { storeFailed, type Store, type StoreValue } from "./store.ts";

const VALUES = "values";
/** Tabs of one user in one browser; more share nothing that lasts. */
const SLOTS = 32;

/**
 * Keeps things in IndexedDB under a name, one for each user: `indexedDb("alice")`.
 *
 * Several tabs: a connection of a device replaces the older one of the same device, so each tab is a device of its own. The
 * tabs share out numbered databases by Web Locks: the first tab open has number 0, the next number 1; a tab that is closed
 * gives its number back, and whoever opens next takes the lowest that is free, with all that is in it. What a closed tab had
 * not sent is sent by the tab that starts next, or by one that is open and looks for it. Where there are no Web Locks (pages
 * without TLS), a tab has a database of its own, which it finds again when it is loaded again.
 */
export function indexedDb(name: string): Store {
  let database: IDBDatabase | undefined;
  let giveBack = (): void => {};
  let faults: unknown[] = [];
  const needed = (): IDBDatabase => {
    if (database === undefined) throw new Error("not open");
    return database;
  };
  const take = (): Promise<ReadonlyMap<string, StoreValue>> => adopt(name, needed(), (fault) => faults.push(fault));
  return {
    async open() {
      try {
        const slot = await takeSlot(name);
        giveBack = slot.giveBack;
        database = await openDatabase(slot.database);
        await take();
      } catch (error) {
        database?.close();
        database = undefined;
        giveBack();
        throw storeFailed(`indexedDb("${name}") cannot be opened`, error);
      }
    },
    read: (prefix) => readAll(needed(), prefix),
    write: (changes) => writeAll(needed(), changes),
    close() {
      database?.close();
      database = undefined;
      giveBack();
      return Promise.resolve();
    },
    adopt: take,
    faults() {
      const found = faults;
      faults = [];
      return found;
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

/** Whether a database is one of these: names may begin with others. */
function isSlot(name: string, database: string): boolean {
  const prefix = slotName(name, "");
  return database.startsWith(prefix) && /^(?:\d+|tab-[\d-]+)$/.test(database.slice(prefix.length));
}

async function takeSlot(name: string): Promise<Slot> {
  if (globalThis.navigator?.locks !== undefined) {
    for (let number = 0; number < SLOTS; number += 1) {
      const database = slotName(name, number);
      const giveBack = await tryLock(database);
      if (giveBack !== undefined) return { database, giveBack };
    }
  }
  return ownSlot(name);
}

/**
 * A database that no other tab has; after a reload the same, where `sessionStorage` is to be had. What that has is free: a tab takes
 * it out for as long as it is open, since a tab that is duplicated gives the other one all that is in there.
 */
function ownSlot(name: string): Slot {
  const key = `mpim:${name}:free`;
  const id = swap(key, (free) => free.slice(1))[0] ?? `tab-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
  const leave = (): unknown => swap(key, (free) => [id, ...free]);
  // A page that is left may come back as it was.
  const back = (): unknown => swap(key, (free) => free.filter((other) => other !== id));
  globalThis.addEventListener?.("pagehide", leave);
  globalThis.addEventListener?.("pageshow", back);
  return {
    database: slotName(name, id),
    giveBack: () => {
      globalThis.removeEventListener?.("pagehide", leave);
      globalThis.removeEventListener?.("pageshow", back);
      leave();
    },
  };
}

/** Changes the list that this tab has under a key; the list before. Where nothing is to be had it is empty. */
function swap(key: string, change: (free: string[]) => string[]): string[] {
  try {
    const free = (sessionStorage.getItem(key) ?? "").split(" ").filter((id) => /^tab-[\d-]+$/.test(id));
    sessionStorage.setItem(key, [...new Set(change(free))].join(" "));
    return free;
  } catch {
    return [];
  }
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

/**
 * Takes over what tabs of the same user that are gone have not sent: an id is known to the server whichever device sends it.
 * What one of them has that cannot be read keeps nobody from the rest.
 */
async function adopt(
  name: string,
  database: IDBDatabase,
  failed: (fault: unknown) => void,
): Promise<Map<string, StoreValue>> {
  const taken = new Map<string, StoreValue>();
  if (globalThis.navigator?.locks === undefined || indexedDB.databases === undefined) return taken;
  const user = await userOf(database);
  if (user === undefined) return taken;
  for (const { name: other = "" } of await indexedDB.databases()) {
    if (!isSlot(name, other) || other === database.name) continue;
    const giveBack = await tryLock(other);
    if (giveBack === undefined) continue;
    try {
      for (const [key, value] of await move(other, database, user)) taken.set(key, value);
    } catch (error) {
      failed(storeFailed(`the database ${other} cannot be read`, error));
    } finally {
      giveBack();
    }
  }
  return taken;
}

/** What is in the outbox of another database of the same user: first here, then no longer there; twice is harmless. */
async function move(other: string, database: IDBDatabase, user: string): Promise<Map<string, StoreValue>> {
  const from = await openDatabase(other);
  try {
    const orphans = await readAll(from, OUT);
    if (orphans.size === 0 || (await userOf(from)) !== user) return new Map();
    await writeAll(database, orphans);
    await writeAll(from, new Map([...orphans.keys()].map((key) => [key, undefined])));
    return orphans;
  } finally {
    from.close();
  }
}

/** Whose data it is; undefined when nobody has used it. */
async function userOf(database: IDBDatabase): Promise<string | undefined> {
  const me = (await readAll(database, ME)).get(ME) as MeRecord | null | undefined;
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
  try {
    for (const [key, value] of changes) {
      if (value === undefined) store.delete(key);
      else store.put(value, key);
    }
    // Else the browser asks the page first whether there is more, and a page that has gone away does not answer.
    transaction.commit();
  } catch (error) {
    // All or nothing: what was put before is not to be kept by itself.
    transaction.abort();
    throw error;
  }
  return new Promise((resolve, reject) => {
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", () => reject(transaction.error ?? new Error("refused")));
  });
}

async function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("refused")));
  });
}

/** Deletes everything that `indexedDb(name)` has kept, for instance when the user logs out. Close the chat before. */
export async function forgetIndexedDb(name: string): Promise<void> {
  const all =
    indexedDB.databases === undefined
      ? Array.from({ length: SLOTS }, (_, number) => ({ name: slotName(name, number) }))
      : await indexedDB.databases();
  for (const { name: database = "" } of all) {
    if (isSlot(name, database)) await done(indexedDB.deleteDatabase(database));
  }
}
