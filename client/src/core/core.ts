/**
 * The client as a state machine: what came, what time it is and what the application wants go in; what to write, store and
 * tell comes out by the port. Pure: no clock, no chance, no socket, no store of its own.
 */
import { MpimError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { AmendFrame, ClientFrame, SendFrame, ServerFrame, WelcomeFrame, WireDevice } from "../wire.ts";
import type { Port } from "./events.ts";
import { cidsOf, Inbound } from "./inbound.ts";
import { Link, type Backoff } from "./link.ts";
import type { Held } from "./log.ts";
import { Outbound } from "./outbound.ts";
import { ME, OUT, State, type Saved } from "./state.ts";
import { Typing } from "./typing.ts";
import { Watching } from "./watching.ts";

const TOO_LARGE = { code: "too_large", message: "it is over the server's limit" };

export interface CoreOptions {
  readonly device: WireDevice;
  readonly backoff: Backoff;
  /** Messages of one conversation that are fetched by itself after an absence; of more, the newest only. */
  readonly catchUp: number;
  /** Messages kept in the store, per conversation. */
  readonly keep: number;
  /** Whose chat it has to be. */
  readonly user?: string | undefined;
}

export class Core {
  readonly link: Link;
  readonly #port: Port;
  readonly #options: CoreOptions;
  readonly #saved: Saved;
  readonly #outbound: Outbound;
  readonly #typing: Typing;
  readonly #watching: Watching;
  #state: State | undefined;
  #inbound: Inbound | undefined;
  /** All that had changed before this connection is known. */
  synced = false;
  /** What the server said about the connection before it closed it. */
  #last: MpimError | undefined;
  #shown = "";

  constructor(saved: Saved, options: CoreOptions, port: Port) {
    this.#saved = saved;
    this.#options = options;
    this.#port = port;
    this.link = new Link(
      options.backoff,
      () => port.chance(),
      (at) => port.wall(at),
    );
    this.#typing = new Typing((cid, user, on) => port.emit({ type: "typing", cid, user, on }));
    this.#watching = new Watching((presence) => port.emit({ type: "presence", presence }));
    this.#outbound = new Outbound(port, this.#watching, options.catchUp);
    if (saved.me !== undefined) this.#become(new State(saved.me, saved, port, options.keep));
  }

  /** Whose chat it is; undefined before the first welcome of a new store. */
  get user(): string | undefined {
    return this.#state?.user;
  }

  /** What is known; there is none before `user` is. */
  get state(): State {
    if (this.#state === undefined) throw new MpimError("closed", "not connected yet");
    return this.#state;
  }

  get presence(): Watching {
    return this.#watching;
  }

  get typing(): Typing {
    return this.#typing;
  }

  // --- the connection --------------------------------------------------------------------------------------------

  /** Wants a connection from now on. */
  start(now: number): void {
    this.link.start(now);
    this.tick(now);
  }

  /** The socket is open. */
  opened(token: string, now: number): void {
    const { device } = this.#options;
    const me = this.#state?.me;
    const since = me?.synced ? me.version : 0;
    this.#port.write(JSON.stringify({ t: "hello", v: 1, token, device, since } satisfies ClientFrame));
    this.link.heard(now);
  }

  /** The socket is closed, or could not be opened (`error`: because there is no token). */
  lost(code: number, error: MpimError | undefined, now: number): void {
    this.link.lost(code, error ?? this.#last, now);
    this.#last = undefined;
    this.synced = false;
    this.#outbound.grounded();
    this.#typing.grounded();
    this.#watching.grounded();
    const state = this.#state;
    if (state !== undefined) {
      state.pulls.grounded();
      for (const item of state.outbox.grounded()) state.showItem(item);
    }
    this.#settle(now);
  }

  /** The network may be there again, or another one: now is a good time. */
  hurry(now: number): void {
    this.link.hurry(now);
    this.tick(now);
  }

  /** The application is done with it, or nothing can come of it any more. */
  end(error: MpimError | undefined, now: number): void {
    if (this.link.ended) return;
    this.link.end(error);
    this.#watching.grounded();
    this.#port.shut(1000);
    this.#settle(now);
  }

  // --- what the server says --------------------------------------------------------------------------------------

  /** Conversations whose stored messages are needed for these frames (`load`). */
  unloaded(frames: readonly ServerFrame[]): string[] {
    return cidsOf(frames).filter((cid) => this.#state?.rooms.get(cid)?.loaded === false);
  }

  /** What is stored of a conversation; undefined: it cannot be read, so the log begins anew. */
  load(cid: string, held: readonly Held[] | undefined): void {
    const room = this.state.room(cid);
    if (room.loaded) return;
    this.state.load(room, held ?? []);
    if (held === undefined) {
      this.state.skip(room, room.log.applied);
      // With what is deleted, in one write: a record that tells of messages which are not there would be a hole.
      this.state.settle();
    } else this.#port.emit({ type: "room", cid });
  }

  /** Frames that came as one message of so many characters. */
  received(frames: readonly ServerFrame[], characters: number, now: number): void {
    this.link.heard(now);
    try {
      for (const frame of frames) {
        // The first of them may have ended it: the rest is of another user.
        if (this.link.ended) return;
        if (frame.t === "heads" || frame.t === "page") this.#outbound.pace.answered(characters / frames.length);
        this.#receive(frame, now);
        if (this.#state?.stale !== true) continue;
        this.#state.anew();
        this.#port.shut(1000);
        return this.lost(1006, undefined, now);
      }
    } finally {
      this.#settle(now);
    }
  }

  #receive(frame: ServerFrame, now: number): void {
    if (frame.t === "welcome") return this.#welcome(frame, now);
    if (frame.t === "goaway") return this.link.goAway(frame.retry_after);
    const inbound = this.#inbound;
    if (frame.t === "error") {
      if (inbound?.error(frame, now)) return;
      const { code, message, retry_after: retryAfter, request_id: requestId } = frame;
      if (frame.ref === undefined) this.#last = new MpimError(code, message, { retryAfter, requestId });
      return;
    }
    if (frame.t === "synced" && frame.req === undefined) this.synced = true;
    if (frame.t === "message") this.#typing.wrote(frame.cid, frame.from);
    if (frame.t === "typing") this.#typing.told(frame.cid, frame.user, frame.on, now);
    if (frame.t === "presence") this.#watching.told(frame.user, frame.state === "online", frame.last_seen);
    inbound?.received(frame, now);
  }

  #welcome(frame: WelcomeFrame, now: number): void {
    const { user, limits, heartbeat } = frame;
    if ((this.user ?? this.#options.user ?? user) !== user) {
      return this.end(new MpimError("wrong_store", "the store or token is of another user"), now);
    }
    this.#last = undefined;
    this.#outbound.begin(limits, now);
    this.link.welcomed(heartbeat, now);
    if (this.#state === undefined) {
      const me = { user, version: 0, synced: false };
      this.#port.save(ME, me);
      this.#become(new State(me, this.#saved, this.#port, this.#options.keep));
      this.#port.emit({ type: "user", user });
    }
    const state = this.state;
    state.clock(frame.ts, now);
    this.#inbound?.welcomed();
  }

  #become(state: State): void {
    this.#state = state;
    this.#inbound = new Inbound(state, this.#port);
  }

  // --- what the application wants --------------------------------------------------------------------------------

  /** Puts a message into the outbox. `given`: its id is the application's own. */
  send(cid: string, frame: SendFrame, now: number, given = false): Message {
    const { state } = this;
    const room = state.room(cid);
    const item = state.outbox.add(cid, frame, now, this.#port.wall(now), given);
    // Quality 0 is for now or never.
    if (frame.qos === 0) {
      const online = this.link.online;
      if (online) this.#outbound.put(frame);
      state.outbox.remove(item);
      const message = { ...state.views.item(item, room), state: online ? ("sent" as const) : ("failed" as const) };
      this.#port.emit({ type: "message", cid, message });
      const error = online ? undefined : new MpimError("offline", "there is no connection");
      this.#port.emit({ type: "outcome", key: frame.id, placed: undefined, error });
      this.#settle(now);
      return message;
    }
    this.#port.save(OUT + frame.id, item.record);
    this.#typing.sent(cid);
    const message = state.views.item(item, room);
    this.#port.emit({ type: "message", cid, message });
    state.touch(room);
    this.#settle(now);
    return message;
  }

  /** Puts an amendment into the outbox. */
  amend(cid: string, frame: AmendFrame, now: number): void {
    const { state } = this;
    const room = state.room(cid);
    const item = state.outbox.add(cid, frame, now, this.#port.wall(now));
    this.#port.save(OUT + frame.id, item.record);
    state.showHeld(room, frame.target);
    state.touch(room);
    this.#settle(now);
  }

  /** Tries a failed message once more. False: there is no such. */
  again(key: string, now: number): boolean {
    const item = this.state.outbox.get(key);
    if (item?.record.failure === undefined) return false;
    this.state.outbox.again(item, this.#port.id(), now, this.#port.wall(now));
    this.#port.save(OUT + key, item.record);
    this.state.showItem(item);
    this.#settle(now);
    return true;
  }

  /** Forgets a failed message, or one that was never written to a connection. False: it cannot be taken back any more. */
  discard(key: string, now: number): boolean {
    const item = this.state.outbox.get(key);
    if (item === undefined || (item.record.failure === undefined && item.record.tried)) return false;
    this.state.outbox.remove(item);
    this.#port.save(OUT + key, undefined);
    const error = new MpimError("closed", "the message was discarded");
    if (item.record.failure === undefined) this.#port.emit({ type: "outcome", key, placed: undefined, error });
    this.state.touch(this.state.room(item.record.cid));
    this.#settle(now);
    return true;
  }

  /** The user has read up to `seq`, usually all there is. */
  read(cid: string, seq: number | undefined, now: number): void {
    const room = this.state.room(cid);
    if (room.readTo(Math.min(seq ?? room.head, room.head))) this.state.touch(room);
    this.#settle(now);
  }

  /** Asks for a page of older messages; the answer is an `older` event with this ticket. */
  older(cid: string, limit: number, ticket: number, now: number): void {
    const room = this.state.room(cid);
    room.log.paging += 1;
    this.state.pulls.want({ kind: "older", cid, limit, ticket }, true);
    this.#settle(now);
  }

  /** The application has the conversation, from now on. */
  use(cid: string): void {
    this.state.room(cid).used = true;
  }

  /** Somebody looks at the conversation, or nobody any longer. */
  look(cid: string, on: boolean, now: number): void {
    const room = this.state.room(cid);
    room.open = Math.max(0, room.open + (on ? 1 : -1));
    room.used = room.open > 0;
    if (on) this.#inbound?.follow(room);
    this.#settle(now);
  }

  /** Who uses it writes, or no longer. */
  write(cid: string, on: boolean, now: number): void {
    if (this.#typing.write(cid, on, now) && this.link.online) this.#outbound.put({ t: "typing", cid, on });
    this.#settle(now);
  }

  watch(users: readonly string[], on: boolean, now: number): void {
    this.#watching.watch(users, on);
    this.#settle(now);
  }

  /** Every other member of a group has so much, of so many that count. */
  everyone(cid: string, marks: { delivered: number; read: number }, others: number, now: number): void {
    const room = this.state.room(cid);
    room.everyone(marks);
    room.others = others;
    this.#inbound?.ticked(room, 0);
    this.state.touch(room);
    this.#settle(now);
  }

  /** Something about a conversation was changed by other ways. */
  patch(cid: string, change: { muted?: boolean; pinned?: boolean; name?: string }, now: number): void {
    const room = this.state.room(cid);
    room.patch(change);
    this.state.touch(room);
    this.#settle(now);
  }

  // --- time ------------------------------------------------------------------------------------------------------

  /** Does what is due. */
  tick(now: number): void {
    if (this.link.due(now)) this.#port.open(this.link.refused);
    const due = this.link.check(now);
    if (due === "drop") {
      this.#port.shut(4408);
      return this.lost(1006, new MpimError("timeout", "the server does not answer"), now);
    }
    if (due === "ping") {
      this.#port.write(JSON.stringify({ t: "ping", n: this.#inbound?.pinged() } satisfies ClientFrame));
      this.link.wrote(now, false);
    }
    this.#typing.tick(now);
    const state = this.#state;
    if (state !== undefined) {
      state.pulls.check(now);
      this.#inbound?.tick(now);
    }
    this.#settle(now);
  }

  /** When `tick` has something to do. */
  nextTick(now: number): number {
    const next = Math.min(this.link.nextTick(), this.#typing.nextTick());
    const state = this.#state;
    if (state === undefined) return next;
    const own = Math.min(next, state.outbox.nextTick(this.link.online));
    if (!this.link.online) return own;
    return Math.min(own, this.#outbound.nextTick(state, now), state.pulls.nextTick(now));
  }

  // --- the end of a turn -----------------------------------------------------------------------------------------

  /** Writes what may be written, stores and tells what has changed. */
  #settle(now: number): void {
    const state = this.#state;
    if (this.link.online && state !== undefined) {
      const over = this.#outbound.pump(state, this.link, now);
      for (const item of over) this.#inbound?.refused(item, TOO_LARGE, now);
      // What waited for them goes now.
      if (over.length > 0) return this.#settle(now);
    }
    state?.settle();
    const { connection } = this.link;
    const shown = `${connection.state} ${this.link.nextTry} ${connection.error?.code ?? ""}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#port.emit({ type: "connection", connection });
  }
}
