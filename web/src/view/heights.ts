/** Where rows of different heights stand in a list that is as long as they are together. Pure. */

/**
 * Sums of heights in a Fenwick tree: measuring a row and finding one cost log n, so that a list of 50,000 scrolls as one of
 * fifty does.
 */
export class Heights {
  /** With room behind them, so that a row at the end is only written down. */
  #heights = new Float64Array(0);
  #tree = new Float64Array(1);
  #count = 0;

  constructor(heights: ArrayLike<number>) {
    this.replace(0, heights);
  }

  get count(): number {
    return this.#count;
  }

  /** Keeps the first `from` rows, which are to be there, and puts others in the place of the rest. */
  replace(from: number, heights: ArrayLike<number>): void {
    const count = from + heights.length;
    if (count > this.#heights.length) {
      const room = count + Math.ceil(count / 2);
      this.#heights = grown(this.#heights, room);
      this.#tree = grown(this.#tree, room + 1);
    }
    this.#heights.set(heights, from);
    this.#count = count;
    for (let index = from + 1; index <= count; index += 1) {
      let sum = this.#heights[index - 1] ?? 0;
      const below = index - (index & -index);
      for (let at = index - 1; at > below; at -= at & -at) sum += this.#tree[at] ?? 0;
      this.#tree[index] = sum;
    }
  }

  /** Of all rows. */
  get total(): number {
    return this.top(this.count);
  }

  of(index: number): number {
    return index < this.#count ? (this.#heights[index] ?? 0) : 0;
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

function grown(numbers: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const more = new Float64Array(length);
  more.set(numbers);
  return more;
}
