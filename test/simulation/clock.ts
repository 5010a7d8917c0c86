/** Virtual time: events in the order of their time, those of one time in the order in which they were set. */
interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Any moment; ids and versions carry it. */
const START = 1_800_000_000_000;

export class Clock {
  #now = START;
  #order = 0;
  /** A binary heap, the next event first. */
  readonly #events: Event[] = [];

  get now(): number {
    return this.#now;
  }

  /** Events that have not happened yet. */
  get size(): number {
    return this.#events.length;
  }

  /** Runs something after some ms. */
  after(ms: number, run: () => void): void {
    this.#order += 1;
    // Whole ms, as the runtime's clock has them.
    const event = { at: this.#now + Math.max(0, Math.ceil(ms)), order: this.#order, run };
    let i = this.#events.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(event, this.#at(parent))) break;
      this.#events[i] = this.#at(parent);
      i = parent;
    }
    this.#events[i] = event;
  }

  /** Lets the next event happen; false when there is none up to a time, which is then the time. */
  step(until: number): boolean {
    const first = this.#events[0];
    if (first === undefined || first.at > until) {
      this.#now = Math.max(this.#now, until);
      return false;
    }
    const last = this.#events.pop() as Event;
    if (this.#events.length > 0) this.#sink(last);
    this.#now = first.at;
    first.run();
    return true;
  }

  #sink(event: Event): void {
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.#events.length) break;
      if (child + 1 < this.#events.length && before(this.#at(child + 1), this.#at(child))) child += 1;
      if (!before(this.#at(child), event)) break;
      this.#events[i] = this.#at(child);
      i = child;
    }
    this.#events[i] = event;
  }

  #at(i: number): Event {
    return this.#events[i] as Event;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
