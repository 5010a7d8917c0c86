/**
 * What was written here and is not known to be in the log: kept in the store until it is, so that a reload, a crash or a
 * day offline neither loses nor doubles it. Pure.
 */
import { mayRetry } from "../errors.ts";
import type { AmendFrame, SendFrame } from "../wire.ts";
import { deadline, itemOf, lasting, type Failure, type Item, type OutRecord, type Place } from "./item.ts";
import { renewed, timeOf } from "./ulid.ts";

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
/** An id that carries a time older than a day is refused. */
const DAY_MS = 24 * 3_600_000;
/** One that was never written anywhere can be changed before. */
const OLD_MS = 20 * 3_600_000;
/** The server answers within 15 s, and has lost what it has not answered after so long. */
const ANSWER_MS = 30_000;
/** What was refused so will be refused under the same id for ever. */
const SPENT = new Set(["id_conflict", "id_expired"]);
const RETRY_LEAST_MS = 500;
const RETRY_MOST_MS = 30_000;

export class Outbox {
  readonly #items = new Map<string, Item>();
  readonly #byId = new Map<string, Item>();
  readonly #queues = new Map<string, Queue>();
  /** In the order in which they were written. */
  readonly #flying = new Set<Item>();
  /** The first of them, and since when. */
  #head: Item | undefined;
  #headAt = 0;
  /** Of quality of service 2, in the log, and not released. */
  readonly #held = new Set<Item>();
  /** Those with a time to live. */
  readonly #mortal = new Set<Item>();
  #order = 0;
  /** When `next` was last asked. */
  #looked = 0;

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
    return this.#insert(itemOf(record, now, true));
  }

  /** Takes an item that was written elsewhere; undefined when it is here. */
  adopt(record: OutRecord, wall: number): Item | undefined {
    if (this.#items.has(record.key)) return undefined;
    this.#order = Math.max(this.#order, record.order);
    return this.#insert(itemOf(record, record.created - wall, false));
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

  /** There are ids to be released. */
  get holds(): boolean {
    return this.#held.size > 0;
  }

  /** Ids of quality of service 2 that the server may forget. */
  releases(): string[] {
    return [...this.#held].map(({ record }) => record.frame.id);
  }

  /** It has its place, and its id is to be released. */
  hold(item: Item): void {
    item.record = { ...item.record, release: true, place: item.placed };
    this.#held.add(item);
  }

  /** Its id is released: what is left of it is as of any other. */
  released(item: Item): void {
    this.#held.delete(item);
    const { release: _, place: __, ...record } = item.record;
    item.record = { ...record, frame: { ...record.frame, qos: 1 } as SendFrame };
  }

  remove(item: Item): void {
    const { record } = item;
    this.#close(item);
    this.#held.delete(item);
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
    this.#looked = now;
    const taken: Item[] = [];
    const space = Math.min(room, most - this.#flying.size);
    for (const [cid, queue] of this.#queues) {
      if (taken.length >= space) break;
      const item = first(queue);
      if (item === undefined || item.notBefore > now) continue;
      taken.push(this.#write(item, now, ahead));
      // To the end, where it comes up once more.
      this.#queues.delete(cid);
      this.#queues.set(cid, queue);
    }
    const [head] = this.#flying;
    if (head !== this.#head) [this.#head, this.#headAt] = [head, now];
    return taken;
  }

  /**
   * Items that the server has not answered, although it had the time: they are to be refused as `deadline_exceeded`. On a slow line
   * long ones arrive late, one after the other: time begins when one is the first of those without an answer.
   */
  overdue(now: number): Item[] {
    return now < this.#overdueAt ? [] : [...this.#flying].filter(({ wrote }) => now >= wrote + ANSWER_MS);
  }

  get #overdueAt(): number {
    const [head] = this.#flying;
    return head === undefined ? Infinity : Math.max(head.wrote, head === this.#head ? this.#headAt : 0) + ANSWER_MS;
  }

  /** Items whose time to live is over and that have no answer to wait for: they fail. */
  expired(now: number): Item[] {
    return [...this.#mortal].filter((item) => !item.flying && deadline(item) <= now);
  }

  /** When `next` (where there is a connection), `overdue` or `expired` has something new because of the time alone. */
  nextTick(online: boolean): number {
    let next = this.#overdueAt;
    for (const queue of online ? this.#queues.values() : []) {
      const { notBefore = 0 } = first(queue) ?? {};
      // What was due then waits for something else.
      if (notBefore > this.#looked) next = Math.min(next, notBefore);
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
    if (item.first || SPENT.has(failure.code)) item.record = { ...item.record, tried: false };
    this.fail(item, failure);
    return false;
  }

  /**
   * A new id for one that was made by a clock that goes wrong: true when it may go again. `now` by the server's clock. Once only, never
   * when an earlier attempt may have arrived, which has its old id (of quality 2 it would be known), and never for an id that the
   * application has chosen.
   */
  renew(item: Item, now: number, freshId: () => string): boolean {
    if ((!item.first && !lasting(item)) || item.record.renewed || item.record.given) return false;
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

  /**
   * A failed item once more. Where it may have arrived, under the same id, which finds that out; else under the new `id`, since the old
   * one may be spent. An application's own id is what makes the message the same: it has no other one.
   */
  again(item: Item, id: string, now: number, created: number): void {
    const { failure, ...record } = item.record;
    if (!record.tried && record.given === undefined && !mayRetry(failure?.code ?? "")) this.#rename(item, id);
    const { frame } = item.record;
    item.record = { ...record, frame, created };
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

  /** `ahead`: as with `next`. */
  #write(item: Item, now: number, ahead: number): Item {
    const { tried, given, frame } = item.record;
    item.first = !tried;
    // What a store gave back may have been written by who died before the store knew: its own id finds that out, as long as it is known.
    const most = item.fresh ? OLD_MS : lasting(item) ? Infinity : DAY_MS;
    const server = now + ahead;
    if (item.first && given === undefined && timeOf(frame.id) < server - most)
      this.#rename(item, renewed(frame.id, server));
    item.wrote = now;
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
    if (record.release) this.#held.add(item);
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

/**
 * What is to be written next: in the order of a conversation, and not past what has to wait. An amendment waits for an earlier one of
 * the same message: tried again after it, that one would win.
 */
function first({ open }: Queue): Item | undefined {
  let flying = 0;
  for (const item of open.values()) {
    if (!item.flying) return before(item, open) === undefined ? item : undefined;
    flying += 1;
    if (flying >= FLYING_PER_ROOM) break;
  }
  return undefined;
}

/** An earlier amendment of the same message. */
function before(item: Item, open: Queue["open"]): Item | undefined {
  const { frame } = item.record;
  if (frame.t !== "amend") return undefined;
  for (const other of open.values()) {
    if (other === item) break;
    if (other.record.frame.t === "amend" && other.record.frame.target === frame.target) return other;
  }
  return undefined;
}
