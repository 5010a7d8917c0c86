/** Between the core and the objects that applications hold: who is told what, and who waits for what. */
import type { Chat, ChatEvents } from "./chat.ts";
import { Conversation } from "./conversation.ts";
import type { Core } from "./core/core.ts";
import type { CoreEvent } from "./core/events.ts";
import { MpimError } from "./errors.ts";
import type { Http } from "./http.ts";
import type { Message } from "./message.ts";
import { Outgoing } from "./outgoing.ts";
import type { Shell } from "./shell.ts";
import { Ticks } from "./ticks.ts";
import type { AmendFrame, SendFrame, WireMessage } from "./wire.ts";

type Tell = <Name extends keyof ChatEvents>(name: Name, event: ChatEvents[Name]) => void;

export class Engine {
  readonly chat: Chat;
  readonly http: Http;
  readonly shell: Shell;
  /** Sees each event before anybody else. */
  spy: (event: CoreEvent) => void = () => {};
  readonly #tell: Tell;
  readonly #conversations = new Map<string, Conversation>();
  /** What `messages` gave, until something changes. */
  readonly #seen = new Map<string, readonly Message[]>();
  readonly #outgoing = new Map<string, Outgoing>();
  /** What came of asking for older messages, by ticket, until whoever asked has it. */
  readonly #older = new Map<number, CoreEvent & { readonly type: "older" }>();
  readonly #looks = new Set<() => void>();
  #tickets = 0;
  readonly ticks = new Ticks(this);

  constructor(chat: Chat, http: Http, shell: Shell, tell: Tell) {
    this.chat = chat;
    this.http = http;
    this.shell = shell;
    this.#tell = tell;
    shell.listener = (event) => {
      this.spy(event);
      this.#event(event);
      for (const look of this.#looks) look();
    };
    shell.storeFailed = (error) => tell("storeError", error);
  }

  get core(): Core {
    return this.shell.core;
  }

  turn<T>(work: (core: Core, now: number) => T): T {
    return this.shell.turn(work);
  }

  /** The object of a conversation, always the same. */
  of(cid: string): Conversation {
    const found = this.#conversations.get(cid) ?? new Conversation(cid, this);
    this.#conversations.set(cid, found);
    return found;
  }

  messages(cid: string): readonly Message[] {
    const { state } = this.core;
    const room = state.room(cid);
    const seen = this.#seen.get(cid) ?? state.messages(room);
    // Nothing changes when the rest is read from the store, so it is not to stay.
    if (room.loaded) this.#seen.set(cid, seen);
    return seen;
  }

  /** A message as it came from elsewhere. */
  see(message: WireMessage): Message {
    const { state } = this.core;
    const { cid, from, seq } = message;
    const tick = from === state.user && seq !== undefined ? state.room(cid).tick(seq) : undefined;
    return state.views.entry(message, tick);
  }

  /** `given`: the id is the application's own, so it may have been sent before. */
  send(frame: SendFrame, given: boolean): Outgoing {
    const before = given ? this.#sent(frame) : undefined;
    if (before !== undefined) return before;
    // Known before its first events.
    const outgoing = this.#start(frame.to, frame.id);
    this.turn((core, now) => core.send(frame.to, frame, now, given));
    return outgoing;
  }

  /** What is known here of a message with this id. */
  #sent({ id, to }: SendFrame): Outgoing | undefined {
    const { state } = this.core;
    const item = state.outbox.get(id);
    const { cid = to, failure } = item?.record ?? {};
    if (cid !== to) throw new MpimError("id_conflict", "this id is of another conversation");
    const placed =
      item === undefined
        ? state.room(to).log.held.findLast(({ entry }) => entry.id === id && entry.from === state.user)?.entry
        : item.placed;
    if ((item ?? placed) === undefined) return undefined;
    const outgoing = this.#outgoing.get(id) ?? this.#start(to, id);
    if ((placed ?? failure) !== undefined) {
      outgoing.settle(placed, failure && new MpimError(failure.code, failure.message, failure));
      if (placed !== undefined) this.#outgoing.delete(id);
    }
    return outgoing;
  }

  /** Tries what has failed once more. False: it has not failed. */
  retry(key: string): boolean {
    if (this.core.state.outbox.get(key)?.record.failure === undefined) return false;
    this.#outgoing.get(key)?.forgive();
    return this.turn((core, now) => core.again(key, now));
  }

  /** Throws `closed` when nothing can be sent any more. */
  mustLive(): void {
    const { ended } = this;
    if (ended !== undefined) throw ended;
  }

  amend(frame: AmendFrame): Outgoing {
    const outgoing = this.#start(frame.cid, frame.id);
    this.turn((core, now) => core.amend(frame.cid, frame, now));
    return outgoing;
  }

  /** Resolves when it is known how a conversation stands: a device that is new has to be told. Rejects when the chat ends before. */
  async known(cid: string): Promise<void> {
    await this.shell.load(cid);
    await this.wait(() => this.core.state.knows(cid));
  }

  /** Resolves when it is so; looks after every event of the core. Rejects when the chat ends before. */
  async wait(probe: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const { ended } = this;
        if (probe()) resolve();
        else if (ended === undefined) return;
        else reject(ended);
        this.#looks.delete(look);
      };
      this.#looks.add(look);
      look();
    });
  }

  /** That nothing can come of it any more, if that is so, and why. */
  get ended(): MpimError | undefined {
    const { ended, connection } = this.core.link;
    return ended ? new MpimError("closed", "the chat has ended", { cause: connection.error }) : undefined;
  }

  async older(cid: string, limit: number): Promise<boolean> {
    this.#tickets += 1;
    const ticket = this.#tickets;
    this.turn((core, now) => core.older(cid, limit, ticket, now));
    await this.wait(() => this.#older.has(ticket));
    const { more = false, error } = this.#older.get(ticket) ?? {};
    this.#older.delete(ticket);
    if (error !== undefined) throw error;
    return more;
  }

  #start(cid: string, id: string): Outgoing {
    this.mustLive();
    const outgoing = new Outgoing(cid, id, this);
    this.#outgoing.set(id, outgoing);
    return outgoing;
  }

  #event(event: CoreEvent): void {
    switch (event.type) {
      case "message":
      case "update":
        this.#seen.delete(event.cid);
        this.of(event.cid).tell(event.type, event.message);
        return this.#tell(event.type, event.message);
      case "reset":
        this.#seen.delete(event.cid);
        return this.of(event.cid).tell("reset", this.of(event.cid));
      case "room":
        this.#seen.delete(event.cid);
        this.of(event.cid).tell("change", this.of(event.cid));
        return this.#tell("conversation", this.of(event.cid));
      case "typing":
        return this.of(event.cid).tell("typing", { user: event.user, on: event.on });
      case "receipt": {
        const { cid, user, delivered, read } = event;
        this.ticks.news(cid);
        return this.of(cid).tell("receipt", { user, delivered, read });
      }
      case "presence":
        return this.#tell("presence", event.presence);
      case "outcome": {
        const outgoing = this.#outgoing.get(event.key);
        if (event.error === undefined) this.#outgoing.delete(event.key);
        return outgoing?.settle(event.placed, event.error);
      }
      case "older":
        return void this.#older.set(event.ticket, event);
      case "connection":
        for (const outgoing of this.ended === undefined ? [] : this.#outgoing.values()) outgoing.abandon();
        return this.#tell("connection", event.connection);
      case "synced":
        // What was received meanwhile in groups nobody has told.
        for (const cid of this.#conversations.keys()) if (this.core.state.room(cid).open > 0) this.ticks.news(cid);
        return this.#tell("synced", this.chat);
      case "user":
        return undefined;
    }
  }
}
