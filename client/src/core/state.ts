/** What this client knows, and the notes of what of it has to be stored and told. Pure. */
import type { Message } from "../message.ts";
import type { Entry } from "../wire.ts";
import type { Port } from "./events.ts";
import type { Applied, Held } from "./log.ts";
import type { Item, OutRecord } from "./item.ts";
import { Outbox } from "./outbox.ts";
import type { Part } from "./part.ts";
import { Pulls } from "./pulls.ts";
import { Room } from "./room.ts";
import type { RoomRecord } from "./room-record.ts";
import { Views } from "./views.ts";

/** Who this is, and how far the server has told everything. */
export interface MeRecord {
  readonly user: string;
  readonly version: number;
  /** All conversations have been told once; before, `version` says nothing. */
  readonly synced: boolean;
  /** How far the server's clock was ahead of this device's, ms. */
  readonly ahead?: number;
}

/** What a store gave back. */
export interface Saved {
  readonly me: MeRecord | undefined;
  readonly rooms: readonly RoomRecord[];
  readonly outbox: readonly OutRecord[];
}

/** Keys in the store. */
export const ME = "me";
export const OUT = "out/";
export const CHAT = "chat/";
export const messagesOf = (cid: string): string => `msg/${cid}/`;
const keyOf = (cid: string, seq: number): string => `${messagesOf(cid)}${seq}`;

/** Beyond what is to be kept, so that not every message has an old one removed. */
const SLACK = 1.5;
/** Clocks that differ by less agree: that is what the way of a frame takes. */
const SAME_MS = 5_000;

export class State {
  me: MeRecord;
  readonly rooms = new Map<string, Room>();
  readonly outbox: Outbox;
  readonly pulls = new Pulls();
  readonly views: Views;
  /** Rooms whose unread messages the server has to be asked for. */
  readonly doubts = new Set<Room>();
  /** What was known when the first of them arose. */
  doubtSince = 0;
  /** The server's time is the core's and so much more; before the first welcome, as it was the last time. */
  ahead: number;
  /** Rooms whose newest entry has to be acknowledged. */
  readonly unacked = new Set<Room>();
  /** Something was said that cannot be, if what is held here is what the server has. */
  stale = false;
  /** Something was told on this connection that is not known now: versions after it say nothing. */
  behind = false;
  readonly #port: Port;
  readonly #keep: number;
  readonly #dirty = new Set<Room>();
  readonly #stored = new Map<Room, number>();

  constructor(me: MeRecord, saved: Pick<Saved, "rooms" | "outbox">, port: Port, keep: number) {
    this.me = me;
    this.ahead = (me.ahead ?? 0) + port.wall(0);
    this.#port = port;
    this.#keep = keep;
    this.views = new Views(me.user);
    this.outbox = new Outbox(saved.outbox, port.wall(0));
    for (const record of saved.rooms) {
      const room = new Room(record.cid, me.user, record);
      this.rooms.set(record.cid, room);
      if (room.doubt) this.doubts.add(room);
    }
  }

  get user(): string {
    return this.me.user;
  }

  /** The room of a conversation, new if need be. */
  room(cid: string): Room {
    const room = this.rooms.get(cid) ?? new Room(cid, this.user);
    this.rooms.set(cid, room);
    return room;
  }

  /** The server has told everything up to `version`. */
  know(version: number | undefined): void {
    if (version !== undefined && version > this.me.version && !this.behind) this.#setMe({ version });
  }

  /** The server's clock says `ts`. */
  clock(ts: number, now: number): void {
    this.ahead = ts - now;
    const ahead = ts - this.#port.wall(now);
    if (Math.abs(ahead - (this.me.ahead ?? 0)) > SAME_MS) this.#setMe({ ahead });
  }

  synced(): void {
    if (!this.me.synced) this.#setMe({ synced: true });
  }

  /** Whether the server has said how a conversation stands; of one that there is not it has said so with the whole list. */
  knows(cid: string): boolean {
    return this.me.synced || !this.room(cid).untold;
  }

  /** The application is done with everything up to `seq`. */
  handled(cid: string, seq: number): void {
    const room = this.room(cid);
    if (seq <= room.handled || seq > room.head) return;
    room.handled = seq;
    this.#port.save(CHAT + cid, room.record());
  }

  /** The room is to be stored and told at the end of this turn. */
  touch(room: Room): void {
    this.#dirty.add(room);
  }

  /** The end of a turn: what was noted is stored and told. */
  settle(): void {
    for (const room of this.#dirty) {
      if (room.doubt) this.#doubt(room);
      this.#port.save(CHAT + room.cid, room.record());
      this.#port.emit({ type: "room", cid: room.cid });
    }
    this.#dirty.clear();
  }

  /** Messages of a room as applications see them: the log's, then those that have no place yet. */
  messages(room: Room): Message[] {
    const seen = room.log.held.map((held) => this.message(room, held));
    const { applied } = room.log;
    for (const item of this.outbox.of(room.cid)) {
      const { record, placed } = item;
      if (record.frame.t !== "send" || (placed === undefined ? record.release : placed.seq <= applied)) continue;
      seen.push(this.views.item(item, room));
    }
    return seen;
  }

  /** Messages of a part of a room as applications see them: those that its log does not hold. */
  partOf(room: Room, part: Part): Message[] {
    return part.held.filter(({ entry }) => entry.seq < room.log.low).map((held) => this.message(room, held));
  }

  /** One message of the log as applications see it. */
  message(room: Room, held: Held): Message {
    return this.views.held(held, room, this.outbox.amending(room.cid, held.entry.seq));
  }

  /** Tells that an item of the outbox is different. */
  showItem(item: Item): void {
    const room = this.room(item.record.cid);
    if (item.record.frame.t === "send") {
      this.#port.emit({ type: "update", cid: room.cid, message: this.views.item(item, room) });
    }
    this.touch(room);
  }

  /** Tells that a message of the log is different, if it is held. */
  showHeld(room: Room, seq: number): void {
    const held = room.log.at(seq);
    if (held !== undefined) this.#port.emit({ type: "update", cid: room.cid, message: this.message(room, held) });
  }

  /** What was stored of a room's messages. */
  load(room: Room, held: readonly Held[]): void {
    room.load(held);
    // What is of another log, or of a part that was skipped.
    for (const { entry } of held)
      if (room.log.at(entry.seq) === undefined) this.#port.save(keyOf(room.cid, entry.seq), undefined);
    this.#stored.set(room, room.log.held.length);
  }

  // --- the log moves ---------------------------------------------------------------------------------------------

  /** Entries took their place: stores them, tells of them, and takes from the outbox what is found among them. */
  applied(room: Room, { applied, changed }: Applied): void {
    if (applied.length === 0) return;
    // What this device has sent it need not acknowledge.
    let handed = false;
    for (const entry of applied) handed = this.#applied(room, entry) || handed;
    for (const held of changed) {
      if (held.entry.seq >= room.low) this.#port.save(keyOf(room.cid, held.entry.seq), held);
      this.#port.emit({ type: "update", cid: room.cid, message: this.message(room, held) });
    }
    room.review();
    this.#trim(room);
    if (handed) this.unacked.add(room);
    this.touch(room);
  }

  /** Begins a room anew at its newest page. */
  reset(room: Room, messages: readonly Entry[], head: number): void {
    for (const part of room.parts) part.ended = true;
    room.parts.clear();
    for (const { entry } of room.log.held) this.#port.save(keyOf(room.cid, entry.seq), undefined);
    this.#stored.set(room, 0);
    const shown = !room.loaded || room.log.held.length + messages.length > 0;
    const taken = room.log.reset(head, messages, head);
    room.low = room.log.low;
    this.#passed(room);
    if (shown) this.#port.emit({ type: "reset", cid: room.cid });
    this.applied(room, taken);
    this.touch(room);
  }

  /** The server's logs are others than those that are held: forgets all but the outbox, to be told everything again. */
  anew(): void {
    this.stale = false;
    this.#setMe({ version: 0, synced: false });
    for (const room of this.rooms.values()) {
      room.forget();
      this.reset(room, [], 0);
      for (const item of this.outbox.of(room.cid)) {
        if (item.placed === undefined) continue;
        if (item.record.release) item.placed = undefined;
        else this.outbox.remove(item);
      }
    }
    this.unacked.clear();
    this.doubts.clear();
  }

  /** Skips to a seq: nothing before it is wanted by itself. */
  skip(room: Room, seq: number): void {
    this.reset(room, [], seq);
  }

  /** Takes what others of the same user have left in their outboxes, and have put into this store. */
  adopt(records: readonly OutRecord[]): void {
    for (const record of records) {
      const item = this.outbox.adopt(record, this.#port.wall(0));
      if (item === undefined) continue;
      const room = this.room(record.cid);
      if (record.frame.t === "amend") this.showHeld(room, record.frame.target);
      else if (!record.release)
        this.#port.emit({ type: "message", cid: room.cid, message: this.views.item(item, room) });
      this.touch(room);
    }
  }

  /** Older messages came. Stores the newest of them, as far as there is room. */
  prepend(room: Room, messages: readonly Entry[], head: number, more: boolean): void {
    const whole = room.low === room.log.low;
    const before = room.log.held.length;
    room.log.prepend(messages, head, more);
    const older = room.log.held.slice(0, room.log.held.length - before);
    const space = this.#keep - this.#storedOf(room);
    if (whole && space > 0) {
      const kept = older.slice(-space);
      for (const held of kept) this.#port.save(keyOf(room.cid, held.entry.seq), held);
      this.#stored.set(room, this.#storedOf(room) + kept.length);
      room.low = kept.length === older.length ? room.log.low : (kept[0]?.entry.seq ?? room.low);
    }
    this.touch(room);
  }

  /** What was sent and then skipped is found in older pages, and in the outbox no more. */
  #passed(room: Room): void {
    for (const item of this.outbox.of(room.cid)) {
      const { placed, record } = item;
      if (placed !== undefined && placed.seq <= room.log.applied && !record.release) this.outbox.remove(item);
    }
  }

  /** False when this device has sent it. */
  #applied(room: Room, entry: Entry): boolean {
    room.entry(entry);
    const own = entry.from === this.user ? this.outbox.byId(entry.id) : undefined;
    if (own !== undefined) this.placed(own, entry);
    if (entry.kind === "amend") {
      for (const part of room.parts) part.amend(entry);
      return own === undefined;
    }
    const held = room.log.at(entry.seq);
    // A long page may have pushed it out again already.
    if (held === undefined) return own === undefined;
    this.#port.save(keyOf(room.cid, entry.seq), held);
    this.#stored.set(room, this.#storedOf(room) + 1);
    const message = this.message(room, held);
    this.#port.emit({ type: own === undefined ? "message" : "update", cid: room.cid, message });
    return own === undefined;
  }

  /** An item of the outbox has its place in the log. */
  placed(item: Item, place: { readonly seq: number; readonly ts: number }): void {
    const news = item.placed === undefined && item.record.release === undefined;
    this.outbox.place(item, place);
    const { record } = item;
    const room = this.room(record.cid);
    const done = place.seq <= room.log.applied;
    if (record.frame.t === "send" && record.frame.qos === 2 && record.release === undefined) {
      this.outbox.hold(item);
      this.#port.save(OUT + record.key, item.record);
    } else if (item.record.release === undefined) {
      this.#port.save(OUT + record.key, undefined);
      if (done) this.outbox.remove(item);
    }
    if (record.key !== record.frame.id) this.views.item(item, room);
    if (news) this.#port.emit({ type: "outcome", key: record.key, placed: item.placed, error: undefined });
    this.touch(room);
  }

  #doubt(room: Room): void {
    if (this.doubts.size === 0) this.doubtSince = this.me.version;
    this.doubts.add(room);
  }

  #storedOf(room: Room): number {
    return this.#stored.get(room) ?? 0;
  }

  #trim(room: Room): void {
    const count = this.#storedOf(room);
    if (count > this.#keep * SLACK) {
      const stored = room.log.held.slice(-count);
      for (const { entry } of stored.slice(0, count - this.#keep))
        this.#port.save(keyOf(room.cid, entry.seq), undefined);
      this.#stored.set(room, this.#keep);
      room.low = stored[count - this.#keep]?.entry.seq ?? room.low;
    }
    if (!room.used && room.log.held.length > this.#keep * 2) room.log.trim(this.#keep);
  }

  #setMe(change: Partial<MeRecord>): void {
    this.me = { ...this.me, ...change };
    this.#port.save(ME, this.me);
  }
}
