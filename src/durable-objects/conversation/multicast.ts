/**
 * The lanes to a group's relays: at most one multicast in flight to each. A relay keeps nothing, so there is no cursor on disk:
 * after a restart of the group nobody knows what a relay has; the first call says how far the group is, and devices
 * that lack something notice. Which relays there are is on disk.
 */
import { backoff } from "../lanes.ts";
import type { MulticastReply } from "../group-rpc.ts";

interface Lane {
  /** What the relay has; undefined = unknown. */
  have: number | undefined;
  /** The end of the call in flight. */
  flying: number | undefined;
  /** A call is due even without entries: it tells how far the group is, or that relays end. */
  tell: boolean;
  /** Counts admissions: a relay that had no links when it answered may have one by now. */
  admitted: number;
  admittedThen: number;
  attempts: number;
  notBefore: number;
  /** Links there were when it last answered, and when that call was begun. */
  links: number;
  begunAt: number;
  /** Since when entries wait for company; undefined: none do. */
  waitingSince: number | undefined;
}

/** First back-off and longest of a call that failed, ms. */
const RETRY = { backoff: 50, longest: 5000 };

/** A group is busy for so long after a multicast, ms; and nothing waits for company longer than this. */
const BUSY_MS = 250;
const LONGEST_GATHER_MS = 100;

export interface Due {
  readonly from: number | undefined;
}

export class Multicast {
  readonly #lanes = new Map<number, Lane>();
  readonly #gather: number;

  /** After a wake: `relays` as the disk has them. `gather`: how long entries of a busy group wait for company, µs per link. */
  constructor(relays: readonly number[], gather: number) {
    this.#gather = gather;
    for (const n of relays) this.#lanes.set(n, fresh(undefined));
  }

  get relays(): readonly number[] {
    return [...this.#lanes.keys()];
  }

  get size(): number {
    return this.#lanes.size;
  }

  has(n: number): boolean {
    return this.#lanes.has(n);
  }

  /** A relay has a link that is told what follows `head`. */
  admit(n: number, head: number): void {
    const lane = this.#lanes.get(n);
    if (lane === undefined) this.#lanes.set(n, { ...fresh(head), tell: false });
    else lane.admitted += 1;
  }

  /** The relays end, or have to learn of something that has no entry of its own. */
  tellAll(): void {
    for (const lane of this.#lanes.values()) lane.tell = true;
  }

  /** The call to make now to a relay, then in flight; undefined when there is none. */
  start(n: number, head: number, now: number): Due | undefined {
    const lane = this.#lanes.get(n);
    if (lane === undefined || lane.flying !== undefined || now < lane.notBefore) return undefined;
    if (!lane.tell && lane.have !== undefined && lane.have >= head) return undefined;
    lane.waitingSince ??= now;
    if (!lane.tell && now < this.#gathered(lane)) return undefined;
    lane.waitingSince = undefined;
    lane.begunAt = now;
    lane.flying = head;
    lane.tell = false;
    lane.admittedThen = lane.admitted;
    return { from: lane.have };
  }

  /** The call in flight covers no more than up to `seq`. */
  covers(n: number, seq: number): void {
    const lane = this.#lanes.get(n);
    if (lane !== undefined) lane.flying = seq;
  }

  /** True: the relay has no links, and is called no more. */
  done(n: number, reply: MulticastReply): boolean {
    const lane = this.#lanes.get(n);
    if (lane === undefined) return false;
    lane.have = reply.have;
    lane.links = reply.links;
    lane.flying = undefined;
    lane.attempts = 0;
    lane.notBefore = 0;
    if (reply.links > 0 || lane.admitted !== lane.admittedThen) return false;
    this.#lanes.delete(n);
    return true;
  }

  failed(n: number, now: number, chance: number): void {
    const lane = this.#lanes.get(n);
    if (lane === undefined) return;
    lane.flying = undefined;
    lane.tell = true;
    lane.notBefore = now + backoff(lane.attempts, RETRY, chance);
    lane.attempts += 1;
  }

  /** True when every relay has this entry, and so who it puts out has been put out. */
  passed(seq: number): boolean {
    for (const { have } of this.#lanes.values()) if (have === undefined || have < seq) return false;
    return true;
  }

  /** When the earliest call that failed is due again, or entries that wait for company go. */
  nextDue(): number | undefined {
    let next: number | undefined;
    for (const lane of this.#lanes.values()) {
      const { flying, tell, notBefore, waitingSince } = lane;
      if (flying !== undefined) continue;
      const due = tell && notBefore > 0 ? notBefore : waitingSince === undefined ? undefined : this.#gathered(lane);
      if (due !== undefined && (next === undefined || due < next)) next = due;
    }
    return next;
  }

  /**
   * When the entries that wait go. A multicast costs as much for each link as dozens of entries beside the first do, so those of a busy
   * group go together; after a silence nothing waits.
   */
  #gathered({ waitingSince = 0, begunAt, links }: Lane): number {
    if (waitingSince - begunAt >= BUSY_MS) return waitingSince;
    return waitingSince + Math.min(LONGEST_GATHER_MS, Math.round((links * this.#gather) / 1000));
  }
}

const unheard = { links: 0, begunAt: Number.NEGATIVE_INFINITY, waitingSince: undefined };

function fresh(have: number | undefined): Lane {
  return { have, flying: undefined, tell: true, admitted: 0, admittedThen: 0, attempts: 0, notBefore: 0, ...unheard };
}
