/** What one statement or one value of a database cannot hold goes in several. */

/** `items` in their order, in as few parts as there can be whose sizes add up to no more than `most`; an item of its own may be larger. */
export function split<T>(items: readonly T[], sizeOf: (item: T) => number, most: number): T[][] {
  const parts: T[][] = [];
  let open: T[] = [];
  let size = 0;
  for (const item of items) {
    const more = sizeOf(item);
    if (open.length > 0 && size + more > most) {
      parts.push(open);
      [open, size] = [[], 0];
    }
    open.push(item);
    size += more;
  }
  return open.length > 0 ? [...parts, open] : parts;
}
