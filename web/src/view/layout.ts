/** Rows, where they stand, and how high they are: kept from one list to the next, so that one more row costs what one row costs. Pure. */
import { Heights } from "./heights.ts";

interface Keyed {
  readonly key: string;
}

export class Layout<Row extends Keyed> {
  readonly heights = new Heights([]);
  readonly #guess: (row: Row) => number;
  readonly #places = new Map<string, number>();
  /** By key: a row that comes back is as high as it was. */
  readonly #measured = new Map<string, number>();
  #rows: readonly Row[] = [];

  /** `guess`: how high a row is that was never measured. */
  constructor(guess: (row: Row) => number) {
    this.#guess = guess;
  }

  /** Takes other rows. What it costs goes by those from the first that is not the same object as before. */
  take(rows: readonly Row[]): void {
    const before = this.#rows;
    if (rows === before) return;
    let same = 0;
    while (same < rows.length && rows[same] === before[same]) same += 1;
    for (const { key } of before.slice(same)) this.#places.delete(key);
    const others = rows.slice(same);
    others.forEach(({ key }, index) => this.#places.set(key, same + index));
    this.heights.replace(
      same,
      others.map((row) => this.#measured.get(row.key) ?? this.#guess(row)),
    );
    this.#rows = rows;
  }

  keyAt(index: number): string | undefined {
    return this.#rows[index]?.key;
  }

  placeOf(key: string): number | undefined {
    return this.#places.get(key);
  }

  /** A row is so high. False: that was known. */
  measure(index: number, height: number): boolean {
    const key = this.keyAt(index);
    if (key === undefined) return false;
    this.#measured.set(key, height);
    return this.heights.set(index, height);
  }
}
