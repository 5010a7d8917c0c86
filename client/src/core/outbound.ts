/** What is written, and when: as much as the connection's rate allows, marks first, messages last. Pure. */
import type { ClientFrame, Limits } from "../wire.ts";
import type { Port } from "./events.ts";
import type { Link } from "./link.ts";
import type { Item } from "./item.ts";
import { Pace } from "./pace.ts";
import type { Want } from "./pulls.ts";
import type { Room } from "./room.ts";
import { OUT, type State } from "./state.ts";
import type { Watching } from "./watching.ts";

/** The first acknowledgement goes at once; the next one of a conversation waits so long for company. */
const ACK_MS = 50;
/** How conversations stand is asked after so long, so many times. */
const ASK_MS = 500;
const ASKED = 5;
/** Ids of quality of service 2 are released so often, */
const RELEASE_MS = 5_000;
/** so many in one frame. */
const RELEASED = 128;
/** Nothing says when the store has what it was given: without another turn it is asked so often. */
const STORE_MS = 200;
/** Messages without an answer at a time; the server takes 1,024, other requests included. */
const FLYING = 256;
/** Messages of one page. */
const FILL = 200;
const NEWEST = 50;

/** What the server answers by itself. */
const ANSWERED: ReadonlySet<ClientFrame["t"]> = new Set(["send", "amend", "pull", "sync"]);

export class Outbound {
  readonly pace = new Pace();
  readonly #port: Port;
  readonly #watching: Watching;
  readonly #catchUp: number;
  /** Frames that wait for nothing but their turn. */
  #control: ClientFrame[] = [];
  /** When it is asked next, and how often it was. */
  #asks: { readonly at: number; readonly times: number } | undefined;
  /** When ids are released next, */
  #releaseAt = 0;
  /** and when it is tried because of the time alone. */
  #releaseTick = 0;
  /** All that might be written was: perhaps more waits. */
  #full = false;
  /** When each room was last acknowledged. */
  readonly #ackedAt = new WeakMap<Room, number>();

  constructor(port: Port, watching: Watching, catchUp: number) {
    this.#port = port;
    this.#watching = watching;
    this.#catchUp = catchUp;
  }

  /** A connection begins. */
  begin(limits: Limits, now: number): void {
    this.pace.begin(limits, now);
    this.#asks = undefined;
    this.#releaseAt = this.#releaseTick = 0;
  }

  /** A frame to write when its turn comes. */
  put(frame: ClientFrame): void {
    this.#control.push(frame);
  }

  /** The connection is gone, and what was to be written to it. */
  grounded(): void {
    this.#control = [];
  }

  /** Writes what may be written now. Items whose frames are too large are not written, and never can be. */
  pump(state: State, link: Link, now: number): Item[] {
    const room = this.pace.room(now);
    const frames: ClientFrame[] = [];
    this.#ask(state, now);
    this.#release(state, now);
    this.#acks(state, room, frames, now);
    this.#reads(state, room, frames);
    frames.push(...this.#watching.take(room - frames.length));
    frames.push(...this.#control.splice(0, Math.max(0, room - frames.length)));
    for (const want of state.pulls.next(now, room - frames.length)) {
      const frame = this.#pull(state, want, now);
      if (frame !== undefined) frames.push(frame);
    }
    this.#messages(state, room - frames.length, frames, now);
    this.#full = frames.length >= room;
    const over: Item[] = [];
    if (frames.length === 0) return over;
    this.pace.spend(frames.length);
    const { texts, left } = this.pace.pack(frames);
    for (const text of texts) this.#port.write(text);
    for (const frame of left) {
      const item = "id" in frame ? state.outbox.byId(frame.id) : undefined;
      if (item !== undefined) over.push(item);
    }
    link.wrote(
      now,
      frames.some(({ t }) => ANSWERED.has(t)),
    );
    return over;
  }

  /** When there is something to write because of the time alone. */
  nextTick(state: State, now: number): number {
    const acks = state.unacked.size > 0 ? now + ACK_MS : Infinity;
    const doubt = state.doubts.size > 0 && (this.#asks?.times ?? 0) < ASKED;
    const asks = doubt ? (this.#asks?.at ?? now) : Infinity;
    // By now there may be room again for what there was none for: whether there is says nothing of what waits.
    const release = state.outbox.holds ? this.#releaseTick : Infinity;
    return Math.min(acks, asks, release, this.#full ? this.pace.nextTick(now) : Infinity);
  }

  /** Asks how conversations stand whose unread messages cannot be counted here; what was read has to arrive before. */
  #ask(state: State, now: number): void {
    for (const room of state.doubts) if (!room.doubt) state.doubts.delete(room);
    if (state.doubts.size === 0) this.#asks = undefined;
    else if (this.#asks === undefined) this.#asks = { at: now + ASK_MS, times: 0 };
    else if (now >= this.#asks.at && this.#asks.times < ASKED) {
      this.#control.push({ t: "sync", req: "doubt", since: state.doubtSince });
      this.#asks = { at: now + ASK_MS * 2 ** this.#asks.times, times: this.#asks.times + 1 };
    }
  }

  /** Of what the store does not know to be sent yet, the id is needed once more after a crash. */
  #release(state: State, now: number): void {
    if (!state.outbox.holds || now < this.#releaseAt) return;
    this.#releaseTick = now + STORE_MS;
    if (!this.#port.kept()) return;
    this.#releaseAt = this.#releaseTick = now + RELEASE_MS;
    const ids = state.outbox.releases();
    for (let i = 0; i < ids.length; i += RELEASED)
      this.#control.push({ t: "release", ids: ids.slice(i, i + RELEASED) });
  }

  #acks(state: State, room: number, frames: ClientFrame[], now: number): void {
    for (const one of state.unacked) {
      if (frames.length >= room) return;
      const { applied } = one.log;
      const news = applied > one.acked && !one.left;
      if (news && (this.#ackedAt.get(one) ?? 0) > now - ACK_MS) continue;
      state.unacked.delete(one);
      if (!news) continue;
      one.acked = applied;
      this.#ackedAt.set(one, now);
      frames.push({ t: "ack", cid: one.cid, seq: applied });
    }
  }

  #reads(state: State, room: number, frames: ClientFrame[]): void {
    for (const one of state.rooms.values()) {
      const seq = one.unsaidRead;
      if (seq === undefined || one.left || frames.length >= room) continue;
      one.saidRead = seq;
      frames.push({ t: "read", cid: one.cid, seq });
    }
  }

  #messages(state: State, room: number, frames: ClientFrame[], now: number): void {
    const most = Math.min(FLYING, this.pace.flying);
    for (const item of state.outbox.next(now, room, most, state.ahead)) {
      frames.push(item.record.frame);
      this.#port.save(OUT + item.record.key, item.record);
      state.showItem(item);
    }
  }

  #pull(state: State, want: Want, now: number): ClientFrame | undefined {
    const { cid } = want;
    const room = state.room(cid);
    const { log, head } = room;
    if (want.kind === "older") {
      const before = Math.max(1, log.low);
      return { t: "pull", req: state.pulls.asked(want, before, now), cid, before, limit: want.limit };
    }
    if (log.applied >= head) {
      state.pulls.drop(want);
      return undefined;
    }
    const newest = head - log.applied > this.#catchUp || (room.anew && this.#catchUp < Infinity);
    // With the last one that is here: to see that it is the same log.
    const after = newest ? undefined : log.end === undefined ? log.applied : log.applied - 1;
    const req = state.pulls.asked(want, after, now);
    return after === undefined ? { t: "pull", req, cid, limit: NEWEST } : { t: "pull", req, cid, after, limit: FILL };
  }
}
