/** What can go wrong inside the runtime, done on purpose: objects that die, sleep or hang, disks that refuse, clocks that run. */
import { CONVERSATION_SCHEMA } from "../../src/durable-objects/conversation/conversation-schema.ts";
import { migrate } from "../../src/durable-objects/migrate.ts";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";

/** Kills a running object as a crash does: memory is gone, sockets break, what was not confirmed is lost. */
export async function abort(stub: DurableObjectStub): Promise<void> {
  const killed = runInDurableObject<DurableObject, void>(stub, (_, state) => state.abort("killed by a test"));
  await killed.catch(() => {});
}

/** Has an object forget everything but its disk; it was awake until then. `hibernate`: its links stay. */
export async function evict(stub: DurableObjectStub, webSockets: "close" | "hibernate" = "close"): Promise<void> {
  await runInDurableObject<DurableObject, void>(stub, () => {});
  await evictDurableObject(stub, { webSockets });
}

export interface Held {
  /** The object goes on; what waited for it is served. */
  release(): Promise<void>;
  /** The object dies; what waited for it has failed. */
  kill(): Promise<void>;
}

/** Stops an object from serving anything until it is released or killed. */
export async function hold(stub: DurableObjectStub): Promise<Held> {
  const gate = Promise.withResolvers<void>();
  let holding = false;
  const held = runInDurableObject<DurableObject, void>(stub, (_, state) =>
    state.blockConcurrencyWhile(() => {
      holding = true;
      return gate.promise;
    }),
  ).catch(() => {});
  // Not a promise that the object resolves: what awaits one goes on in the object's context, where no socket of ours works.
  await vi.waitUntil(() => holding);
  return {
    release: () => {
      gate.resolve();
      return held;
    },
    kill: () => {
      gate.reject(new Error("killed by a test"));
      return held;
    },
  };
}

/** Words of the message that a broken disk gives: none of them may ever reach a client. */
export const SECRET = "disk-broken-by-a-test";

/** Makes an object's disk refuse a kind of write, `"INSERT ON log"`; the result mends it, also after the object died. */
export async function breakDisk(
  stub: () => DurableObjectStub,
  write: string,
  when = "1",
): Promise<() => Promise<void>> {
  const name = `fault_${write.replaceAll(/\W+/g, "_")}`;
  const run = (sql: string): Promise<void> =>
    runInDurableObject<DurableObject, void>(stub(), (_, { storage }) => void storage.sql.exec(sql));
  await run(`CREATE TRIGGER ${name} BEFORE ${write} WHEN ${when} BEGIN SELECT RAISE(ABORT, '${SECRET}'); END`);
  return () => run(`DROP TRIGGER ${name}`);
}

/** Makes the tables of a conversation that does not exist yet, so that writes to them can be made to fail. */
export async function makeTables(stub: DurableObjectStub): Promise<void> {
  await runInDurableObject<DurableObject, void>(stub, (_, { storage }) => {
    migrate(storage.sql, (work) => storage.transactionSync(work as () => never), CONVERSATION_SCHEMA);
  });
}

/**
 * Moves everybody's clock ahead until the test ends. Timers that are set already still fire when they would have, so
 * connections that shall go on after it are better made after it.
 */
export function advance(ms: number): void {
  const then = Date.now() + ms;
  vi.spyOn(Date, "now").mockRestore();
  const real = Date.now;
  const ahead = then - real();
  vi.spyOn(Date, "now").mockImplementation(() => real() + ahead);
}
