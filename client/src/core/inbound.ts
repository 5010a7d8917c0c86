/** What a frame of the server changes. Pure. */
import { MpimError, mayRetry } from "../errors.ts";
import type {
  Entry,
  ErrorFrame,
  HeadsFrame,
  PageFrame,
  ReceiptFrame,
  SentFrame,
  ServerFrame,
  WireHead,
  WireMessage,
} from "../wire.ts";
import type { Port } from "./events.ts";
import type { Failure, Item } from "./item.ts";
import type { Want } from "./pulls.ts";
import { OUT, type State } from "./state.ts";
import type { Room } from "./room.ts";
import { entryOf } from "./views.ts";

/** After a page that brought nothing although there should be more. */
const AGAIN_MS = 1_000;
/** Marks that a broken connection may have lost are repeated for so many conversations, newest first. */
const REPEATED = 100;

/** The conversations that frames say something about. */
export function cidsOf(frames: readonly ServerFrame[]): string[] {
  const cids = frames.flatMap((frame) => {
    if (frame.t === "heads") return frame.heads.map(({ cid }) => cid);
    return "cid" in frame && frame.t !== "typing" ? [frame.cid] : [];
  });
  return [...new Set(cids)];
}

export class Inbound {
  readonly #state: State;
  readonly #port: Port;
  #pings = 0;
  /** What was said to be read before the newest ping. */
  readonly #said = new Map<Room, number>();

  constructor(state: State, port: Port) {
    this.#state = state;
    this.#port = port;
  }

  /** A connection begins: what the last one left open is taken up. */
  welcomed(): void {
    const state = this.#state;
    const recent = [...state.rooms.values()].toSorted((a, b) => (b.last?.ts ?? 0) - (a.last?.ts ?? 0));
    for (const [place, room] of recent.entries()) {
      room.acked = 0;
      room.saidRead = undefined;
      room.refused = false;
      // Marks have no answer: the newest of each may have been lost with the last connection, or with a server.
      room.repeat = place < REPEATED;
      if (room.repeat && room.log.applied > 0) state.unacked.add(room);
      this.follow(room);
    }
    this.#said.clear();
    state.behind = false;
  }

  /** What a frame says of conversations. */
  received(frame: ServerFrame, now: number): void {
    switch (frame.t) {
      case "heads":
        return this.#heads(frame);
      case "synced":
        return this.#synced(frame.version, frame.req === undefined);
      case "message":
        return this.#message(frame);
      case "sent":
        return this.#sent(frame);
      case "released":
        return this.#released(frame.ids);
      case "receipt":
        return this.#receipt(frame);
      case "page":
        return this.#page(frame, now);
      case "pong":
        return this.#ponged(frame.n);
      default:
      // A newer server says more than this client knows.
    }
  }

  #heads({ version, heads, partial }: HeadsFrame): void {
    for (const head of heads) this.#head(head);
    // What is not understood is asked for again by the next connection.
    if (partial) this.#state.behind = true;
    this.#state.know(version);
  }

  /** `first`: it ends what `hello` asked for. */
  #synced(version: number, first: boolean): void {
    this.#state.know(version);
    if (!first) return;
    this.#state.synced();
    this.#port.emit({ type: "synced" });
  }

  #message(message: WireMessage): void {
    const { cid, seq } = message;
    const room = this.#state.room(cid);
    if (seq === undefined) {
      const view = this.#state.views.entry({ ...message, ephemeral: true }, undefined);
      this.#port.emit({ type: "message", cid, message: view });
      return;
    }
    // What came before is no news to a device that is new: its place in the list comes with the heads.
    if (!this.#state.me.synced && room.untold && room.log.applied === 0 && !room.anew) this.#state.skip(room, seq - 1);
    this.#compare(room, seq, message.id);
    room.refused = false;
    this.#entry(room, { ...message, seq });
    this.#state.know(message.version);
  }

  #sent({ id, cid, seq, ts }: SentFrame): void {
    const state = this.#state;
    const room = state.room(cid);
    const item = state.outbox.byId(id);
    this.#compare(room, seq, id);
    if (item === undefined) {
      room.reaches(seq);
    } else if (seq <= room.log.applied) {
      state.placed(item, { seq, ts });
    } else {
      const entry = entryOf(item, state.user, { seq, ts });
      state.placed(item, { seq, ts });
      if (seq === room.log.applied + 1) return this.#entry(room, entry);
      room.reaches(seq);
      state.showItem(item);
    }
    state.touch(room);
    this.#fill(room);
  }

  #released(ids: readonly string[]): void {
    for (const id of ids) {
      const item = this.#state.outbox.byId(id);
      if (item?.record.release === undefined) continue;
      this.#port.save(OUT + item.record.key, undefined);
      // Until the log gets there it is shown from here.
      if ((item.placed?.seq ?? 0) > this.#state.room(item.record.cid).log.applied) this.#state.outbox.released(item);
      else this.#state.outbox.remove(item);
      this.#state.touch(this.#state.room(item.record.cid));
    }
  }

  /** True when the error was about something that is known here. */
  error({ code, message, ref, retry_after: retryAfter, request_id: requestId }: ErrorFrame, now: number): boolean {
    if (ref === undefined) return false;
    const state = this.#state;
    const item = state.outbox.byId(String(ref));
    if (item !== undefined && item.placed === undefined) {
      if (code === "id_expired" && state.outbox.renew(item, now + state.ahead, () => this.#port.id())) {
        this.#port.save(OUT + item.record.key, item.record);
        state.showItem(item);
        return true;
      }
      this.refused(item, { code, message, requestId }, now, retryAfter);
      return true;
    }
    // What was acknowledged or read is beyond the end of the log, which has lost it.
    const marked = state.rooms.get(String(ref));
    if (code === "invalid_argument" && (marked?.log.applied || marked?.saidRead)) state.stale = true;
    const pull = state.pulls.answered(ref);
    if (pull === undefined) return false;
    if (mayRetry(code)) state.pulls.again(pull.want, now + (retryAfter ?? AGAIN_MS));
    else if (pull.want.kind === "older") this.#older(pull.want, false, new MpimError(code, message, { requestId }));
    else {
      // What is held stays; who waits for more of it is told.
      const room = state.room(pull.want.cid);
      room.refused = true;
      state.touch(room);
    }
    return true;
  }

  /** What the server has not answered in time is tried again; what has outlived its time fails. */
  tick(now: number): void {
    const { outbox } = this.#state;
    for (const item of outbox.overdue(now)) this.refused(item, late("the server did not answer"), now);
    for (const item of outbox.expired(now)) {
      outbox.fail(item, late("its time to live is over"));
      this.failed(item);
    }
  }

  /** An item of the outbox was refused, by the server or in its place: it waits to be tried again, or is given up. */
  refused(item: Item, failure: Failure, now: number, retryAfter?: number): void {
    if (this.#state.outbox.refused(item, failure, retryAfter, now, this.#port.chance())) this.#state.showItem(item);
    else this.failed(item);
  }

  /** An item of the outbox is given up: messages stay to be seen, amendments go. */
  failed(item: Item): void {
    const { frame, cid, key, failure } = item.record;
    if (failure === undefined) return;
    const error = new MpimError(failure.code, failure.message, failure);
    const room = this.#state.room(cid);
    if (frame.t === "amend") {
      this.#port.save(OUT + key, undefined);
      this.#state.outbox.remove(item);
      this.#state.showHeld(room, frame.target);
    } else {
      this.#port.save(OUT + key, item.record);
      this.#state.showItem(item);
    }
    this.#state.touch(room);
    this.#port.emit({ type: "outcome", key, placed: undefined, error });
  }

  /** A ping is written; its number. */
  pinged(): number {
    this.#said.clear();
    for (const room of this.#state.rooms.values()) if (room.saidRead !== undefined) this.#said.set(room, room.saidRead);
    this.#pings += 1;
    return this.#pings;
  }

  /** What was said before the newest ping has arrived; of what was written since its answer says nothing. */
  #ponged(n: number | undefined): void {
    if (n !== this.#pings) return;
    for (const [room, seq] of this.#said) {
      room.readSaid(seq);
      this.#state.touch(room);
    }
    this.#said.clear();
  }

  #receipt({ cid, user, delivered, read }: ReceiptFrame): void {
    const room = this.#state.room(cid);
    const before = room.markOf(user)?.read ?? 0;
    if (!room.mark(user, { delivered, read })) return;
    this.#state.touch(room);
    if (user === this.#state.user) return;
    this.ticked(room, before);
    const marks = room.markOf(user);
    if (marks !== undefined) this.#port.emit({ type: "receipt", cid, user, ...marks });
  }

  /** Tells of all messages of one's own after `seq`: others have received or read some. */
  ticked(room: Room, seq: number): void {
    for (const held of room.log.held) {
      if (held.entry.seq <= seq || held.entry.from !== this.#state.user) continue;
      const before = this.#state.views.known(held);
      const message = this.#state.message(room, held);
      if (before !== message.state) this.#port.emit({ type: "update", cid: room.cid, message });
    }
  }

  #page({ req, cid, messages, head, more }: PageFrame, now: number): void {
    const answered = this.#state.pulls.answered(req);
    if (answered === undefined) return;
    const { want, bound } = answered;
    const state = this.#state;
    const room = state.room(cid);
    const entries = messages as readonly Entry[];
    for (const { seq, id } of entries) this.#compare(room, seq, id);
    if (want.kind === "fill") room.anew = false;
    room.reaches(head);
    if (want.kind === "older") {
      // The log has begun anew meanwhile: this page is not what comes before it.
      if (bound !== Math.max(1, room.log.low)) return state.pulls.again(want, now);
      state.prepend(room, entries, head, more);
      return this.#older(want, more, undefined);
    }
    const before = room.log.applied;
    const newest = bound === undefined;
    const gap = newest && (entries[0]?.seq ?? head) > before + 1;
    if (gap) state.reset(room, entries, head);
    else state.applied(room, room.log.extend(entries, head));
    // What a page leaves out is not there to be had.
    if (!more || newest) state.applied(room, room.log.pass(head));
    if (room.log.applied > before) this.#fill(room);
    else if (room.log.applied < room.head) state.pulls.again({ kind: "fill", cid }, now + AGAIN_MS);
  }

  /** Pulls what is missing, if it is wanted by itself. */
  follow(room: Room): void {
    if (room.mode === "push" || room.open > 0 || room.unproven) this.#fill(room);
  }

  #fill(room: Room): void {
    if (room.log.applied >= room.head || room.left || room.refused) return;
    this.#state.pulls.want({ kind: "fill", cid: room.cid }, room.open > 0);
  }

  /** Whoever asked for older messages has them, or will not. */
  #older({ cid, ticket }: Want & { kind: "older" }, more: boolean, error: MpimError | undefined): void {
    this.#state.room(cid).log.paging -= 1;
    this.#port.emit({ type: "older", ticket, more, error });
  }

  /** A place in a log has one entry for ever, unless the server has lost what it had. */
  #compare(room: Room, seq: number, id: string): void {
    const known = room.log.idAt(seq);
    if (known === undefined || known === id) return;
    room.differs(seq);
    this.#state.stale = true;
  }

  #entry(room: Room, entry: Entry): void {
    room.reaches(entry.seq);
    this.#state.applied(room, room.log.apply(entry));
    this.#state.touch(room);
    this.#fill(room);
  }

  #head(head: WireHead): void {
    const state = this.#state;
    if (head.left === true && !state.rooms.has(head.cid)) return;
    const room = state.room(head.cid);
    const isNew = room.untold && room.log.applied === 0;
    if (head.last?.seq !== undefined) this.#compare(room, head.last.seq, head.last.id);
    const before = head.peer === undefined ? undefined : room.markOf(head.peer.uid);
    room.told(head);
    state.touch(room);
    if (isNew && !state.me.synced && !room.anew) {
      // A device that is new begins here; what was before is there to be paged.
      state.skip(room, head.head);
      if (head.unread > 0) state.unacked.add(room);
    } else if (head.first !== undefined && head.first > room.log.applied + 1) state.skip(room, head.first - 1);
    if (head.peer !== undefined) this.ticked(room, before?.read ?? 0);
    this.follow(room);
  }
}

function late(message: string): Failure {
  return { code: "deadline_exceeded", message };
}
