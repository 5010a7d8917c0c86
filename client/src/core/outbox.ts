/**
 * What was written here and is not known to be in the log: kept in the store until it is, so that a reload, a crash or a
 * day offline neither loses nor doubles it. Pure.
 */
import { mayRetry } from "../errors.ts";
import type { AmendFrame, SendFrame } from "../wire.ts";
import { renewed, timeOf } from "./ulid.ts";

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
  /** Its first id was refused as too old. */
  readonly renewed?: true | undefined;
  readonly failure?: Failure | undefined;
  /** Quality of service 2: it is in the log, and the server does not know yet that this is known here. */
  readonly release?: true | undefined;
  /** With `release`: its place. */
  readonly place?: Place | undefined;
  /** The application has chosen its id, so it has no other one. */
  readonly given?: true | undefined;
}

export interface Place {
  readonly seq: number;
  readonly ts: number;
}

export interface Item {
  record: OutRecord;
  /** When it was written, by the core's time. */
  since: number;
  /** Nothing was written of it before this connection: a refusal is the whole of its outcome. */
  first: boolean;
  /** Written to this connection and not answered. */
  flying: boolean;
  /** Not before this time, ms. */
  notBefore: number;
  attempts: number;
  /** Its place, once it is sent; it stays here until the log has got there. */
  placed?: Place | undefined;
}

/** What is in the outbox for one conversation. Everything in its order. */
interface Queue {
  readonly items: Map<string, Item>;
  /** Those without an outcome: being sent, or still to be sent. */
  readonly open: Map<string, Item>;
  /** Those that are amendments. */
  readonly amendments: Set<Item>;
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
  readonly #queues = new Map<string, Queue>();
  readonly #flying = new Set<Item>();
  /** Those with a time to live. */
  readonly #mortal = new Set<Item>();
  #order = 0;

  /** `wall`: the wall clock is so far ahead of the core's time. */
  constructor(records: readonly OutRecord[] = [], wall = 0) {
    for (const record of records.toSorted((a, b) => a.order - b.order || (a.key < b.key ? -1 : 1))) {
      this.adopt(record, wall);
    }
  }

  /** `created`: by the wall clock. `given`: the application has chosen the frame's id. */
  add(cid: string, frame: SendFrame | AmendFrame, now: number, created: number, given = false): Item {
    this.#order += 1;
    const record: OutRecord = {
      key: frame.id,
      cid,
      order: this.#order,
      created,
      frame,
      tried: false,
      ...(given && { given }),
    };
    return this.#insert(itemOf(record, now));
  }

  /** Takes an item that was written elsewhere; undefined when it is here. */
  adopt(record: OutRecord, wall: number): Item | undefined {
    if (this.#items.has(record.key)) return undefined;
    this.#order = Math.max(this.#order, record.order);
    return this.#insert(itemOf(record, record.created - wall));
  }

  get(key: string): Item | undefined {
    return this.#items.get(key);
  }

  byId(id: string): Item | undefined {
    return this.#byId.get(id);
  }

  /** Items of a conversation, in their order. */
  of(cid: string): Item[] {
    return [...(this.#queues.get(cid)?.items.values() ?? [])];
  }

  /** Amendments of a message that are under way, in their order. */
  amending(cid: string, target: number): readonly Item[] {
    // Lists of tens of thousands come through here at every change, nearly always without any.
    const amendments = this.#queues.get(cid)?.amendments ?? NONE;
    if (amendments.size === 0) return [];
    return [...amendments].filter(({ record: { frame } }) => frame.t === "amend" && frame.target === target);
  }

  /** How many messages and amendments wait to be sent. */
  get waiting(): number {
    let count = 0;
    for (const { open } of this.#queues.values()) count += open.size;
    return count;
  }

  /** Ids of quality of service 2 that the server may forget. */
  releases(): string[] {
    return [...this.#items.values()].filter(({ record }) => record.release).map(({ record }) => record.frame.id);
  }

  remove(item: Item): void {
    const { record } = item;
    this.#close(item);
    this.#items.delete(record.key);
    this.#byId.delete(record.frame.id);
    const queue = this.#queues.get(record.cid);
    queue?.items.delete(record.key);
    queue?.amendments.delete(item);
    if (queue?.items.size === 0) this.#queues.delete(record.cid);
  }

  /**
   * What to write now, at most `room` items, and at most `most` without an answer in all, each conversation in its order, and
   * one of each in turn, so that none waits for what another one has in plenty. They count as written. `ahead`: the server's
   * clock is so much further than `now`.
   */
  next(now: number, room: number, most: number, ahead: number): Item[] {
    const taken: Item[] = [];
    const space = Math.min(room, most - this.#flying.size);
    for (const [cid, queue] of this.#queues) {
      if (taken.length >= space) break;
      const item = first(queue);
      if (item === undefined || item.notBefore > now) continue;
      taken.push(this.#write(item, now + ahead));
      // To the end, where it comes up once more.
      this.#queues.delete(cid);
      this.#queues.set(cid, queue);
    }
    return taken;
  }

  /** Items whose time to live is over and that were not written: they fail. */
  expired(now: number): Item[] {
    return [...this.#mortal].filter((item) => !item.flying && deadline(item) <= now);
  }

  /** When `next` or `expired` has something new because of the time alone. */
  nextTick(now: number): number {
    let next = Infinity;
    for (const queue of this.#queues.values()) {
      const { notBefore = 0 } = first(queue) ?? {};
      if (notBefore > now) next = Math.min(next, notBefore);
    }
    for (const item of this.#mortal) if (!item.flying) next = Math.min(next, deadline(item));
    return next;
  }

  /** An item was refused. True: it will be tried again, as it is. */
  refused(item: Item, failure: Failure, retryAfter: number | undefined, now: number, chance: number): boolean {
    item.flying = false;
    this.#flying.delete(item);
    if (mayRetry(failure.code)) {
      const growing = Math.min(RETRY_MOST_MS, RETRY_LEAST_MS * 2 ** Math.min(item.attempts, 10));
      item.notBefore = now + (retryAfter ?? growing) * (1 + chance / 2);
      item.attempts += 1;
      return true;
    }
    this.fail(item, failure);
    return false;
  }

  /**
   * A new id for one that was made by a clock that goes wrong: true when it may go again. `now` by the server's clock. Once only, never
   * when an earlier attempt may have arrived, which has its old id, and never for an id that the application has chosen.
   */
  renew(item: Item, now: number, freshId: () => string): boolean {
    if (!item.first || item.record.renewed || item.record.given) return false;
    const { id } = item.record.frame;
    const next = renewed(id, now);
    this.#rename(item, next === id ? freshId() : next);
    item.record = { ...item.record, renewed: true, tried: false };
    item.flying = false;
    this.#flying.delete(item);
    return true;
  }

  /** It is given up. */
  fail(item: Item, failure: Failure): void {
    item.record = { ...item.record, failure };
    this.#close(item);
  }

  /** It has its place in the log. It had been given up, perhaps, and yet it is there. */
  place(item: Item, { seq, ts }: Place): void {
    const { failure: _, ...found } = item.record;
    item.record = found;
    item.placed = { seq, ts };
    this.#close(item);
  }

  /** Nothing is flying any more: the connection is gone. */
  grounded(): Item[] {
    const were = [...this.#flying];
    for (const item of were) item.flying = false;
    this.#flying.clear();
    return were;
  }

  /** A failed item once more; under a new id, since the old one is spent or known for something else. */
  again(item: Item, id: string, now: number, created: number): void {
    // An application's own id is what makes the message the same: it has no other one.
    if (item.record.given === undefined) this.#rename(item, id);
    const { failure: _, ...record } = item.record;
    item.record = { ...record, tried: false, created };
    item.since = now;
    item.notBefore = 0;
    item.attempts = 0;
    this.#open(item);
    // It is where it was in its order, before what was written later.
    const { open, items } = this.#queues.get(record.cid) as Queue;
    const were = new Set(open.values());
    open.clear();
    for (const [key, one] of items) if (were.has(one)) open.set(key, one);
  }

  /** `server`: the server's time. */
  #write(item: Item, server: number): Item {
    const { tried, given, frame } = item.record;
    item.first = !tried;
    if (item.first && given === undefined && timeOf(frame.id) < server - OLD_MS)
      this.#rename(item, renewed(frame.id, server));
    item.record = { ...item.record, tried: true };
    item.flying = true;
    this.#flying.add(item);
    return item;
  }

  #rename(item: Item, id: string): void {
    this.#byId.delete(item.record.frame.id);
    item.record = { ...item.record, frame: { ...item.record.frame, id } };
    this.#byId.set(id, item);
  }

  #insert(item: Item): Item {
    const { record, placed } = item;
    this.#items.set(record.key, item);
    this.#byId.set(record.frame.id, item);
    const queue: Queue = this.#queues.get(record.cid) ?? { items: new Map(), open: new Map(), amendments: new Set() };
    this.#queues.set(record.cid, queue);
    queue.items.set(record.key, item);
    if (record.frame.t === "amend") queue.amendments.add(item);
    if (record.failure === undefined && record.release === undefined && placed === undefined) this.#open(item);
    return item;
  }

  /** It is to be sent. */
  #open(item: Item): void {
    this.#queues.get(item.record.cid)?.open.set(item.record.key, item);
    if (deadline(item) < Infinity) this.#mortal.add(item);
  }

  /** It is not to be sent any more. */
  #close(item: Item): void {
    item.flying = false;
    this.#flying.delete(item);
    this.#mortal.delete(item);
    this.#queues.get(item.record.cid)?.open.delete(item.record.key);
  }
}

const NONE: ReadonlySet<Item> = new Set();

/** What is to be written next: in the order of a conversation, and not past what has to wait. */
function first({ open }: Queue): Item | undefined {
  let flying = 0;
  for (const item of open.values()) {
    if (!item.flying) return item;
    flying += 1;
    if (flying >= FLYING_PER_ROOM) break;
  }
  return undefined;
}

function itemOf(record: OutRecord, since: number): Item {
  return { record, since, first: false, flying: false, notBefore: 0, attempts: 0, placed: record.place };
}

function deadline({ record, since }: Item): number {
  const { frame } = record;
  return frame.t === "send" && frame.ttl !== undefined ? since + frame.ttl * 1000 : Infinity;
}
