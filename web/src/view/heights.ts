/** Where rows of different heights stand in a list that is as long as they are together. Pure. */

/**
 * Sums of heights in a Fenwick tree: measuring a row and finding one cost log n, so that a list of 50,000 scrolls as one of
 * fifty does.
 */
export class Heights {
  readonly #heights: Float64Array;
  readonly #tree: Float64Array;

  constructor(heights: ArrayLike<number>) {
    this.#heights = Float64Array.from(heights);
    this.#tree = new Float64Array(this.#heights.length + 1);
    for (let index = 1; index <= this.#heights.length; index += 1) {
      this.#tree[index] = (this.#tree[index] ?? 0) + (this.#heights[index - 1] ?? 0);
      const above = index + (index & -index);
      if (above <= this.#heights.length) this.#tree[above] = (this.#tree[above] ?? 0) + (this.#tree[index] ?? 0);
    }
  }

  get count(): number {
    return this.#heights.length;
  }

  /** Of all rows. */
  get total(): number {
    return this.top(this.count);
  }

  of(index: number): number {
    return this.#heights[index] ?? 0;
  }

  /** Where a row begins. */
  top(index: number): number {
    let sum = 0;
    for (let at = Math.min(index, this.count); at > 0; at -= at & -at) sum += this.#tree[at] ?? 0;
    return sum;
  }

  /** Gives a row another height. False: it has it already. */
  set(index: number, height: number): boolean {
    const more = height - this.of(index);
    if (more === 0 || index < 0 || index >= this.count) return false;
    this.#heights[index] = height;
    for (let at = index + 1; at <= this.count; at += at & -at) this.#tree[at] = (this.#tree[at] ?? 0) + more;
    return true;
  }

  /** The row that covers a place; the first or last one beyond the ends. */
  at(place: number): number {
    let index = 0;
    let left = place;
    for (let step = 2 ** Math.floor(Math.log2(Math.max(1, this.count))); step >= 1; step /= 2) {
      const sum = this.#tree[index + step];
      if (index + step <= this.count && sum !== undefined && sum <= left) {
        index += step;
        left -= sum;
      }
    }
    return Math.max(0, Math.min(index, this.count - 1));
  }
}
