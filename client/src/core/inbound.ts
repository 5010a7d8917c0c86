/** What a frame of the server changes. Pure. */
import { MpimError, mayRetry } from "../errors.ts";
import type {
  Entry,
  ErrorFrame,
  PageFrame,
  ReceiptFrame,
  SentFrame,
  ServerFrame,
  WireHead,
  WireMessage,
} from "../wire.ts";
import type { Port } from "./events.ts";
import type { Item } from "./outbox.ts";
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

  constructor(state: State, port: Port) {
    this.#state = state;
    this.#port = port;
  }

  /** A connection begins: what the last one left open is taken up. */
  welcomed(): void {
    const state = this.#state;
    const recent = [...state.rooms.values()].toSorted((a, b) => (b.last?.ts ?? 0) - (a.last?.ts ?? 0));
    for (const room of recent) {
      room.acked = 0;
      room.saidRead = undefined;
      this.follow(room);
    }
    // Marks have no answer: the newest of each may have been lost with the last connection.
    for (const room of recent.slice(0, REPEATED)) if (room.log.applied > 0 && !room.left) state.unacked.add(room);
  }

  heads(version: number, heads: readonly WireHead[]): void {
    for (const head of heads) this.#head(head);
    this.#state.know(version);
  }

  /** `first`: it ends what `hello` asked for. */
  synced(version: number, first: boolean): void {
    this.#state.know(version);
    if (!first) return;
    this.#state.synced();
    this.#port.emit({ type: "synced" });
  }

  message(message: WireMessage): void {
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
    this.#entry(room, { ...message, seq });
    this.#state.know(message.version);
  }

  sent({ id, cid, seq, ts }: SentFrame): void {
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
    if (room.log.applied < room.head) state.pulls.want({ kind: "fill", cid });
  }

  released(ids: readonly string[]): void {
    for (const id of ids) {
      const item = this.#state.outbox.byId(id);
      if (item?.record.release === undefined) continue;
      this.#port.save(OUT + item.record.key, undefined);
      this.#state.outbox.remove(item);
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
      const again = state.outbox.refused(item, { code, message, requestId }, retryAfter, now, this.#port.chance());
      if (again) state.showItem(item);
      else this.failed(item);
      return true;
    }
    // What was acknowledged is beyond the end of the log, which has lost it.
    if (code === "invalid_argument" && state.rooms.get(String(ref))?.log.applied) state.stale = true;
    const pull = state.pulls.answered(ref);
    if (pull === undefined) return false;
    if (mayRetry(code)) state.pulls.again(pull.want, now + (retryAfter ?? AGAIN_MS));
    else if (pull.want.kind === "older") {
      const error = new MpimError(code, message, { requestId });
      this.#port.emit({ type: "older", ticket: pull.want.ticket, more: false, error });
    } else state.skip(state.room(pull.want.cid), state.room(pull.want.cid).head);
    return true;
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

  /** The connection has lived on after what was written before the ping. */
  ponged(): void {
    for (const room of this.#state.rooms.values()) {
      if (room.saidRead === undefined) continue;
      room.readSaid(room.saidRead);
      this.#state.touch(room);
    }
  }

  receipt({ cid, user, delivered, read }: ReceiptFrame): void {
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

  page({ req, cid, messages, head, more }: PageFrame, now: number): void {
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
      this.#port.emit({ type: "older", ticket: want.ticket, more, error: undefined });
      return;
    }
    const before = room.log.applied;
    const newest = bound === undefined;
    const gap = newest && (entries[0]?.seq ?? head) > before + 1;
    if (gap) state.reset(room, entries, head);
    else state.applied(room, room.log.extend(entries, head));
    // What a page leaves out is not there to be had.
    if (!more || newest) state.applied(room, room.log.pass(head));
    if (room.log.applied >= room.head) return;
    if (room.log.applied > before) state.pulls.want({ kind: "fill", cid });
    else state.pulls.again({ kind: "fill", cid }, now + AGAIN_MS);
  }

  /** Pulls what is missing, if it is wanted by itself. */
  follow(room: Room): void {
    if (room.log.applied >= room.head || room.left) return;
    if (room.mode === "push" || room.open > 0) this.#state.pulls.want({ kind: "fill", cid: room.cid }, room.open > 0);
  }

  /** A place in a log has one entry for ever, unless the server has lost what it had. */
  #compare(room: Room, seq: number, id: string): void {
    const known = room.log.idAt(seq);
    if (known !== undefined && known !== id) this.#state.stale = true;
  }

  #entry(room: Room, entry: Entry): void {
    room.reaches(entry.seq);
    this.#state.applied(room, room.log.apply(entry));
    this.#state.touch(room);
    if (room.log.applied < room.head) this.#state.pulls.want({ kind: "fill", cid: room.cid }, room.open > 0);
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
