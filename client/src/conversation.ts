/** One conversation: a direct chat, a group, or the system's own with the user. */
import { messagesAfter } from "./after.ts";
import type { Chat } from "./chat.ts";
import type { Room } from "./core/room.ts";
import { checkBody, checkWhole, frameOf, reactionOf } from "./draft.ts";
import type { Engine } from "./engine.ts";
import { Emitter } from "./emitter.ts";
import { invalid } from "./errors.ts";
import { Excerpt, type PageQuery, type WirePage } from "./excerpt.ts";
import type { Group, GroupChange, Member, Role } from "./groups.ts";
import type { Draft, Message } from "./message.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Page, PageOptions } from "./people.ts";
import type { AmendFrame, Op } from "./wire.ts";

/** What a conversation tells, by name. */
export interface ConversationEvents {
  /**
   * A new message: one's own when it is written here, all others when they have their place, in their order. Each once; and not
   * again after a crash of the application, whatever it had done with it until then: see `after` for what must not be missed.
   */
  message: Message;
  /** Something about a message is different: its state, its text, its reactions; the new state of it. */
  update: Message;
  /** Anything about the conversation or its messages is different: time to render. */
  change: Conversation;
  /** Somebody writes, or has stopped. */
  typing: { readonly user: string; readonly on: boolean };
  /** Somebody has received, or read, everything up to a `seq`. */
  receipt: { readonly user: string; readonly delivered: number; readonly read: number };
  /** After a long absence `messages` began anew with the newest; what lies between is to be paged. */
  reset: Conversation;
}

/** How many have an entry, of those who were there when it was made, its author not counted. */
export interface Receipts {
  readonly delivered: number;
  readonly read: number;
  readonly members: number;
}

/** One conversation: always the same object for the same id. */
export class Conversation extends Emitter<ConversationEvents> {
  /** The conversation's id. */
  readonly cid: string;
  readonly #engine: Engine;

  /** @internal */
  constructor(cid: string, engine: Engine) {
    super();
    this.cid = cid;
    this.#engine = engine;
  }

  // --- how it stands ---------------------------------------------------------------------------------------------

  /** The chat that it is part of. */
  get chat(): Chat {
    return this.#engine.chat;
  }
  /** With one other user, with a group, or with the system: requests and notices. */
  get type(): "direct" | "group" | "system" {
    return this.#room.type;
  }
  /** The group's name, or that of the other one; `""` when the server has not said it yet. */
  get name(): string {
    return this.#room.name;
  }
  /** In a direct chat, the uid of the other one. */
  get peer(): string | undefined {
    return this.#room.peer;
  }
  /** How many messages of others are not read. */
  get unread(): number {
    return this.#room.unread;
  }
  /** Everything up to this `seq` is read. */
  get readSeq(): number {
    return this.#room.read;
  }
  /** Up to this `seq` the application was done, by its own word (`handled`). */
  get handledSeq(): number {
    return this.#room.handled;
  }
  /** The newest `seq` there is. */
  get head(): number {
    return this.#room.head;
  }
  /** Its messages are not counted in `chat.unread`, and are to make no noise. */
  get muted(): boolean {
    return this.#room.muted;
  }
  /** It stands at the beginning of `chat.conversations`. */
  get pinned(): boolean {
    return this.#room.pinned;
  }
  /** One is no member any more. */
  get left(): boolean {
    return this.#room.left;
  }
  /** The newest message, for a list of conversations; a long text may be cut short. */
  get last(): Message | undefined {
    const { last } = this.#room;
    return this.#engine.messages(this.cid).at(-1) ?? (last && this.#engine.see(last));
  }
  /** Who writes just now: uids. */
  get typing(): readonly string[] {
    return this.#engine.core.typing.in(this.cid);
  }

  // --- messages --------------------------------------------------------------------------------------------------

  /**
   * The messages that are here, oldest first, those without a place yet last. The same array until something changes. What
   * is in the store comes with a `change`, if the conversation has not been read from it yet.
   */
  get messages(): readonly Message[] {
    if (!this.#room.loaded) void this.#engine.shell.load(this.cid);
    return this.#engine.messages(this.cid);
  }

  /** There are older messages than the first of `messages`. */
  get more(): boolean {
    return this.#room.log.low > 1;
  }

  /**
   * Fetches older messages, which then stand at the beginning of `messages`. Resolves with whether there are more. On a device
   * that is new it waits until the server has said what there is.
   */
  async older(limit = 50): Promise<boolean> {
    await this.#engine.known(this.cid);
    this.#engine.mustLive();
    return this.more ? this.#engine.older(this.cid, limit) : false;
  }

  /**
   * All messages after a `seq`, in order, each once, those of others and one's own; and then whatever comes, until the chat is
   * closed. From what is here, else from the server; a server that cannot be reached is waited for. Throws when the chat ends otherwise,
   * or the conversation may not be read any more.
   */
  after(seq: number): AsyncGenerator<Message, void, undefined> {
    return messagesAfter(this.cid, seq, this.#engine, (query) => this.#fetch(query));
  }

  /** Messages from anywhere, which do not enter `messages`: what is around a search result, for instance. */
  async page(where: PageQuery = {}): Promise<{
    readonly messages: readonly Message[];
    readonly head: number;
    readonly more: boolean;
  }> {
    const { messages, head, more } = await this.#fetch(where);
    const seen = messages.filter(({ kind }) => kind !== "amend").map((message) => this.#engine.see(message));
    return { messages: seen, head, more };
  }

  /**
   * Jumps to a message, a search result for instance: a part of the conversation around it, which can be paged both ways and is
   * kept up to date. It resolves with a first page of each; where nothing is at `seq`, what is nearest.
   */
  async around(message: Message | number, limit = 50): Promise<Excerpt> {
    await this.#engine.known(this.cid);
    const excerpt = new Excerpt(this.cid, seqOf(message) + 1, this.#engine, (query) => this.#fetch(query));
    try {
      await Promise.all([excerpt.older(limit), excerpt.newer(limit)]);
    } catch (error) {
      excerpt.close();
      throw error;
    }
    return excerpt;
  }

  /**
   * Follow it closely, as for a conversation that is on the screen: large groups send their messages, nothing that is here
   * is forgotten, and there is a first page of messages when this resolves, if there are any. What is in the store is there
   * without a connection; a device that has nothing yet waits for one. Ends with `close`.
   */
  async open(): Promise<void> {
    await this.#engine.shell.load(this.cid);
    this.#engine.turn((core, now) => core.look(this.cid, true, now));
    this.#engine.ticks.news(this.cid);
    if (this.messages.length === 0) await this.older();
  }

  /** Ends what `open` began; all but the newest messages may be put aside from now on. */
  close(): void {
    this.#engine.turn((core, now) => core.look(this.cid, false, now));
  }

  // --- writing ---------------------------------------------------------------------------------------------------

  /**
   * Puts a message into the outbox, and sends it as soon as it can be. Throws a `MpimError` when it can never be sent:
   * `invalid_argument`, `too_large`; or `closed` when the chat has ended. A draft whose `id` was sent before gives what became of
   * that, as far as it is known here, and is left to the server otherwise, which answers `id_conflict` if it says something else.
   */
  send(draft: Draft | string): Outgoing {
    return this.#engine.send(
      frameOf(this.cid, draft, this.#engine.shell.newId()),
      typeof draft === "object" && draft.id !== undefined,
    );
  }

  /** Replaces the body of a message of one's own; a string is the new text. */
  edit(message: Message | number, body: string | Readonly<Record<string, unknown>>): Outgoing {
    const whole = typeof body === "string" ? checkBody("text", { text: body }) : checkBody("custom", body);
    return this.#amend(message, "edit", whole);
  }

  /** Takes a message of one's own back: its text is erased everywhere. */
  recall(message: Message | number): Outgoing {
    return this.#amend(message, "recall");
  }

  /** Adds a reaction of one's own. */
  react(message: Message | number, emoji: string): Outgoing {
    return this.#amend(message, "react", reactionOf(emoji));
  }

  /** Takes a reaction of one's own away. */
  unreact(message: Message | number, emoji: string): Outgoing {
    return this.#amend(message, "unreact", reactionOf(emoji));
  }

  /** Tries a failed message once more: where it may have arrived, under the same id, so that it is there once. False: there is no such. */
  retry(message: Message): boolean {
    return this.chat.retry(message);
  }

  /** Forgets a message that failed, or that was never written to a connection. False: it may be with the server. */
  discard(message: Message): boolean {
    return this.chat.discard(message);
  }

  /** Call it at every key: the others are told that somebody writes, not more often than needed. `false`: no longer. */
  write(on = true): void {
    this.#engine.turn((core, now) => core.write(this.cid, on, now));
  }

  // --- receipts --------------------------------------------------------------------------------------------------

  /** Everything up to a message is read; without one, everything. */
  read(upTo?: Message | number): void {
    const seq = typeof upTo === "object" ? upTo.seq : upTo;
    checkWhole("seq", seq, 0);
    this.#engine.turn((core, now) => core.read(this.cid, seq, now));
  }

  /**
   * The application is done with everything up to a message: kept in this device's store, in its order with what was sent
   * before. Unlike `read`, nobody is told.
   */
  handled(upTo: Message | number): void {
    const seq = seqOf(upTo);
    this.#engine.turn(({ state }) => state.handled(this.cid, seq));
  }

  /** How many have received and read a message. */
  async receipts(message: Message | number): Promise<Receipts> {
    return this.#engine.http.call(`GET /conversations/${this.cid}/receipts/${seqOf(message)}`);
  }

  /** Who has read a message, or has not: uids. */
  async readers(
    message: Message | number,
    which: "read" | "unread" = "read",
    options: PageOptions = {},
  ): Promise<Page<string>> {
    const query = { list: which, after: options.cursor, limit: options.limit };
    const line = `GET /conversations/${this.cid}/receipts/${seqOf(message)}`;
    const { users, next } = await this.#engine.http.call<{ users: string[]; next?: string }>(line, { query });
    return { items: users, next };
  }

  // --- for oneself -----------------------------------------------------------------------------------------------

  /** Mutes it for oneself, on all devices. */
  async mute(on = true): Promise<void> {
    await this.#patch({ muted: on });
  }

  /** Pins it for oneself, on all devices. */
  async pin(on = true): Promise<void> {
    await this.#patch({ pinned: on });
  }

  // --- groups ----------------------------------------------------------------------------------------------------

  /** The group's card. */
  async group(): Promise<Group> {
    return this.chat.groups.get(this.cid);
  }

  /** Renames the group, describes it, or changes its rules. */
  async change(change: GroupChange): Promise<Group> {
    return this.chat.groups.change(this.cid, change);
  }

  /** Who is in the group, in the order of their uids. */
  async members(options: PageOptions = {}): Promise<Page<Member>> {
    return this.chat.groups.members(this.cid, options);
  }

  /** Adds users to the group. */
  async invite(...users: readonly string[]): Promise<Group> {
    return this.chat.groups.add(this.cid, users);
  }

  /** Removes somebody from the group. */
  async remove(user: string): Promise<void> {
    await this.chat.groups.remove(this.cid, user);
  }

  /** Gives somebody a role; `owner` hands the group over. */
  async setRole(user: string, role: Role): Promise<Member> {
    return this.chat.groups.changeMember(this.cid, user, { role });
  }

  /** Leaves the group. */
  async leave(): Promise<void> {
    await this.chat.groups.remove(this.cid, this.chat.user);
  }

  /** Ends the group, for all. */
  async dismiss(): Promise<void> {
    await this.chat.groups.dismiss(this.cid);
  }

  /** @internal Passes an event on. */
  tell<Name extends keyof ConversationEvents>(name: Name, event: ConversationEvents[Name]): void {
    this.emit(name, event);
  }

  async #fetch(query: PageQuery): Promise<WirePage> {
    return this.#engine.http.call(`GET /conversations/${this.cid}/messages`, { query: { ...query } });
  }

  get #room(): Room {
    return this.#engine.core.state.room(this.cid);
  }

  async #patch(change: { readonly muted?: boolean; readonly pinned?: boolean }): Promise<void> {
    await this.#engine.http.call(`PATCH /conversations/${this.cid}`, { json: change });
    this.#engine.turn((core, now) => core.patch(this.cid, change, now));
  }

  #amend(message: Message | number, op: Op, body?: unknown): Outgoing {
    const frame: AmendFrame = {
      t: "amend",
      id: this.#engine.shell.newId(),
      cid: this.cid,
      target: seqOf(message),
      op,
      body,
    };
    return this.#engine.amend(frame);
  }
}

function seqOf(message: Message | number): number {
  const seq = typeof message === "number" ? message : message.seq;
  if (seq === undefined) throw invalid("the message has no place yet");
  checkWhole("seq", seq, 0);
  return seq;
}
