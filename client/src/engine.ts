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

interface Waiter {
  readonly resolve: (more: boolean) => void;
  readonly reject: (error: MpimError) => void;
}

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
  readonly #older = new Map<number, Waiter>();
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
    const seen = this.#seen.get(cid) ?? state.messages(state.room(cid));
    this.#seen.set(cid, seen);
    return seen;
  }

  /** A message as it came from elsewhere. */
  see(message: WireMessage): Message {
    const { state } = this.core;
    const { cid, from, seq } = message;
    const tick = from === state.user && seq !== undefined ? state.room(cid).tick(seq) : undefined;
    return state.views.entry(message, tick);
  }

  send(frame: SendFrame): Outgoing {
    // Known before its first events.
    const outgoing = this.#start(frame.to, frame.id);
    this.turn((core, now) => core.send(frame.to, frame, now));
    return outgoing;
  }

  amend(frame: AmendFrame): Outgoing {
    const outgoing = this.#start(frame.cid, frame.id);
    this.turn((core, now) => core.amend(frame.cid, frame, now));
    return outgoing;
  }

  async older(cid: string, limit: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#tickets += 1;
      const ticket = this.#tickets;
      this.#older.set(ticket, { resolve, reject });
      this.turn((core, now) => core.older(cid, limit, ticket, now));
    });
  }

  async close(): Promise<void> {
    const error = new MpimError("closed", "the chat was closed");
    for (const { reject } of this.#older.values()) reject(error);
    this.#older.clear();
    await this.shell.close();
  }

  #start(cid: string, id: string): Outgoing {
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
        return this.of(event.cid).tell("typing", event);
      case "receipt":
        this.ticks.news(event.cid);
        return this.of(event.cid).tell("receipt", event);
      case "presence":
        return this.#tell("presence", event);
      case "outcome": {
        const outgoing = this.#outgoing.get(event.key);
        if (event.placed !== undefined) this.#outgoing.delete(event.key);
        return outgoing?.settle(event.placed, event.error);
      }
      case "older": {
        const waiter = this.#older.get(event.ticket);
        this.#older.delete(event.ticket);
        return event.error === undefined ? waiter?.resolve(event.more) : waiter?.reject(event.error);
      }
      case "connection":
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
