/** How a failure of D1 becomes a `StoreError`. */
import { StoreError } from "../store.ts";

/** Runs one query. Whatever it fails with is the store's failure: conflicts that a caller may expect are never errors here. */
export async function attempt<T>(query: () => PromiseLike<T>): Promise<T> {
  try {
    return await query();
  } catch (cause) {
    throw new StoreError("the store did not answer", { cause });
  }
}
