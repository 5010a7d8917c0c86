/**
 * What was written here and is not known to be in the log: kept in the store until it is, so that a reload, a crash or a
 * day offline neither loses nor doubles it. Pure.
 */
import { mayRetry } from "../errors.ts";
import type { AmendFrame, SendFrame } from "../wire.ts";

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly requestId?: string | undefined;
}

/** An item as it is stored. */
export interface OutRecord {
  readonly key: string;
  readonly cid: string;
  /** Rises with every item: they are sent in this order. */
  readonly order: number;
  /** ms, by this device's clock. */
  readonly created: number;
  readonly frame: SendFrame | AmendFrame;
  /** It was written to a connection: its outcome may be unknown. */
  readonly tried: boolean;
  readonly failure?: Failure | undefined;
  /** Quality of service 2: it is in the log, and the server does not know yet that this is known here. */
  readonly release?: true | undefined;
}

export interface Item {
  record: OutRecord;
  /** Written to this connection and not answered. */
  flying: boolean;
  /** Not before this time, ms. */
  notBefore: number;
  attempts: number;
  /** Its place, once it is sent; it stays here until the log has got there. */
  placed?: { readonly seq: number; readonly ts: number } | undefined;
}

/** Items of one conversation without an answer: few, because they may overtake one that has to be tried again. */
const FLYING_PER_ROOM = 64;
/** An id that carries a time older than a day is refused. One that was never written anywhere can be changed before. */
const OLD_MS = 20 * 3_600_000;
const RETRY_LEAST_MS = 500;
const RETRY_MOST_MS = 30_000;

export class Outbox {
  readonly #items = new Map<string, Item>();
  readonly #byId = new Map<string, Item>();
  #order = 0;

  constructor(records: readonly OutRecord[] = []) {
    for (const record of records.toSorted((a, b) => a.order - b.order || (a.key < b.key ? -1 : 1))) {
      this.#insert({ record, flying: false, notBefore: 0, attempts: 0 });
      this.#order = Math.max(this.#order, record.order);
    }
  }

  add(cid: string, frame: SendFrame | AmendFrame, now: number): Item {
    this.#order += 1;
    const record: OutRecord = { key: frame.id, cid, order: this.#order, created: now, frame, tried: false };
    return this.#insert({ record, flying: false, notBefore: 0, attempts: 0 });
  }

  get(key: string): Item | undefined {
    return this.#items.get(key);
  }

  byId(id: string): Item | undefined {
    return this.#byId.get(id);
  }

  /** Items of a conversation, in their order. */
  of(cid: string): Item[] {
    return [...this.#items.values()].filter(({ record }) => record.cid === cid);
  }

  /** How many messages and amendments wait to be sent. */
  get waiting(): number {
    let count = 0;
    for (const { record, placed } of this.#items.values()) {
      if (record.failure === undefined && record.release === undefined && placed === undefined) count += 1;
    }
    return count;
  }

  /** Ids of quality of service 2 that the server may forget. */
  releases(): string[] {
    return [...this.#items.values()].filter(({ record }) => record.release).map(({ record }) => record.frame.id);
  }

  remove(item: Item): void {
    this.#items.delete(item.record.key);
    this.#byId.delete(item.record.frame.id);
  }

  /**
   * What to write now, at most `room` items, and at most `most` without an answer in all, each conversation in its order. They
   * count as written.
   */
  next(now: number, room: number, most: number, freshId: () => string): Item[] {
    const taken: Item[] = [];
    const stalled = new Set<string>();
    const flying = new Map<string, number>();
    let all = 0;
    for (const item of this.#items.values()) if (item.flying) all += 1;
    for (const item of this.#items.values()) {
      const { cid } = item.record;
      if (!open(item) || stalled.has(cid)) continue;
      const here = flying.get(cid) ?? 0;
      if (item.flying) flying.set(cid, here + 1);
      else if (item.notBefore > now || here >= FLYING_PER_ROOM) stalled.add(cid);
      else if (taken.length < room && all + taken.length < most) {
        if (!item.record.tried && item.record.created < now - OLD_MS) this.#rename(item, freshId());
        item.record = { ...item.record, tried: true };
        item.flying = true;
        flying.set(cid, here + 1);
        taken.push(item);
      } else break;
    }
    return taken;
  }

  /** Items whose time to live is over and that were not written: they fail. */
  expired(now: number): Item[] {
    return [...this.#items.values()].filter((item) => open(item) && !item.flying && deadline(item) <= now);
  }

  /** When `next` or `expired` has something new because of the time alone. */
  nextTick(now: number): number {
    let next = Infinity;
    for (const item of this.#items.values()) {
      if (!open(item) || item.flying) continue;
      if (item.notBefore > now) next = Math.min(next, item.notBefore);
      next = Math.min(next, deadline(item));
    }
    return next;
  }

  /** An item was refused. True: it will be tried again, as it is. */
  refused(item: Item, failure: Failure, retryAfter: number | undefined, now: number, chance: number): boolean {
    item.flying = false;
    if (mayRetry(failure.code)) {
      const growing = Math.min(RETRY_MOST_MS, RETRY_LEAST_MS * 2 ** Math.min(item.attempts, 10));
      item.notBefore = now + (retryAfter ?? growing) * (1 + chance / 2);
      item.attempts += 1;
      return true;
    }
    item.record = { ...item.record, failure };
    return false;
  }

  /** Nothing is flying any more: the connection is gone. */
  grounded(): Item[] {
    const were = [...this.#items.values()].filter((item) => item.flying);
    for (const item of were) item.flying = false;
    return were;
  }

  /** A failed item once more; under a new id, since the old one is spent or known for something else. */
  again(item: Item, freshId: () => string, now: number): void {
    this.#rename(item, freshId());
    const { failure: _, ...record } = item.record;
    item.record = { ...record, tried: false, created: now };
    item.notBefore = 0;
    item.attempts = 0;
  }

  #rename(item: Item, id: string): void {
    this.#byId.delete(item.record.frame.id);
    item.record = { ...item.record, frame: { ...item.record.frame, id } };
    this.#byId.set(id, item);
  }

  #insert(item: Item): Item {
    this.#items.set(item.record.key, item);
    this.#byId.set(item.record.frame.id, item);
    return item;
  }
}

/** Still to be sent, or being sent. */
function open({ record, placed }: Item): boolean {
  return record.failure === undefined && record.release === undefined && placed === undefined;
}

function deadline({ record }: Item): number {
  const { frame } = record;
  return frame.t === "send" && frame.ttl !== undefined ? record.created + frame.ttl * 1000 : Infinity;
}
