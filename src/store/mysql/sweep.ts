/** How rows that have expired go. */

/** Rows that one write sweeps at most. It adds one, so no backlog grows; one that came about otherwise goes bit by bit. */
const SWEPT = 200;

/**
 * Looks for expired rows without a lock, and deletes them by primary key: a delete by range would lock the gaps that writers
 * insert into, in an order that is not theirs. `remove` asks again whether they are expired.
 */
export async function sweep(
  find: (limit: number) => Promise<readonly string[]>,
  remove: (keys: string[]) => Promise<unknown>,
): Promise<void> {
  const keys = await find(SWEPT);
  if (keys.length > 0) await remove(keys.toSorted());
}
