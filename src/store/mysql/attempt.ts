/** How a failure of MySQL becomes a `StoreError`, and which failures are none. */
import { StoreError } from "../store.ts";

/** The server undid the statement, which is a transaction of its own, and says itself to repeat it. */
const DEADLOCK = 1213;
const DUPLICATE = 1062;
const TIMES = 5;

/** The same form in Vitess and in the gateway. What follows it may quote values. */
const NUMBER = /\(errno (\d+)\) \(sqlstate \w{5}\)/;

/** Runs one statement. Whatever it fails with is the store's failure; `isDuplicate` tells those that a caller expects. */
export async function attempt<T>(statement: () => PromiseLike<T>): Promise<T> {
  for (let time = 1; ; time += 1) {
    try {
      return await statement();
    } catch (cause) {
      if (errorNumber(cause) === DEADLOCK && time < TIMES) continue;
      throw new StoreError("the store did not answer", { cause });
    }
  }
}

/** Whether a row was refused because another has its key. */
export function isDuplicate(error: unknown): boolean {
  return errorNumber(error) === DUPLICATE;
}

/** MySQL's number of an error, of itself or of what caused it. */
function errorNumber(error: unknown): number | undefined {
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    const found = e.name === "DatabaseError" ? NUMBER.exec(e.message)?.[1] : undefined;
    if (found !== undefined) return Number(found);
  }
  return undefined;
}
