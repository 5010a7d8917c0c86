/** A user's chat on this device. */
import type { Conversation } from "./conversation.ts";
import type { Connection, Backoff } from "./core/link.ts";
import type { Presence } from "./core/watching.ts";
import { Devices } from "./devices.ts";
import { UID } from "./draft.ts";
import { Emitter } from "./emitter.ts";
import { Engine } from "./engine.ts";
import { invalid, MpimError } from "./errors.ts";
import { Groups, type Group, type NewGroup } from "./groups.ts";
import { Http, sourceOf, type TokenSource } from "./http.ts";
import type { Message } from "./message.ts";
import { Blocks, Contacts, Users, type Page, type PageOptions } from "./people.ts";
import { Orphans } from "./orphans.ts";
import { Shell } from "./shell.ts";
import { webSocketClass, type WebSocketClass } from "./socket.ts";
import { memory, type Store } from "./store/store.ts";
import { within } from "./within.ts";
import type { WireMessage } from "./wire.ts";

/** What `connect` needs, and may be told. */
export interface ConnectOptions {
  /** Of the server, for instance `https://chat.example.com`. */
  readonly url: string;
  /**
   * Gives an access token: `session.token`, or a function of one's own that asks one's own server. A text cannot be renewed: the
   * chat is closed when it runs out.
   */
  readonly token: TokenSource | string;
  /** Whose chat it has to be, a uid: with a store, or a token, of somebody else `connect` rejects with `wrong_store`. */
  readonly user?: string | undefined;
  /** Where to keep what must outlive this page or process: `indexedDb(name)`, `file(folder)`; usually `memory()`. */
  readonly store?: Store | undefined;
  /** What this device is called in lists of devices. Its id is made by itself and kept in the store. */
  readonly device?:
    | { readonly id?: string | undefined; readonly name?: string | undefined; readonly platform?: string | undefined }
    | undefined;
  /** Messages per conversation that are fetched by themselves after an absence; of more only the newest. Usually 1,000. */
  readonly catchUp?: number | undefined;
  /** Messages kept in the store, per conversation. Usually 100. */
  readonly keep?: number | undefined;
  /** Pauses between attempts to connect, ms. Usually 500 to 30,000. */
  readonly backoff?: Partial<Backoff> | undefined;
  /** `connect` waits for the store to open and, with a new one, for the server: so long, ms. Usually 30,000. */
  readonly timeout?: number | undefined;
  /** The WebSocket to use where the platform has none (Node 20): that of the package `ws`. */
  readonly WebSocket?: WebSocketClass | undefined;
  /** Instead of the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

/** What a chat tells, by name. */
export interface ChatEvents {
  /** A new message in any conversation; see `ConversationEvents.message`. */
  message: Message;
  /** Something about a message in any conversation is different. */
  update: Message;
  /** A conversation is new, or something about it is different: time to render a list of them. */
  conversation: Conversation;
  /** The connection is there, is gone, or is being made. */
  connection: Connection;
  /** All that had changed while there was no connection is known. */
  synced: Chat;
  /** A user who is watched came or went, or nobody knows any more: without a connection. */
  presence: Presence;
  /** Something in the store cannot be read and is dropped, or it cannot be written: see `keeps`. With the `cause`. */
  storeError: MpimError;
}

/** A message that was found. */
export interface Found {
  readonly message: Message;
  /** Where the words are in `message.text`, or in the name of an attachment: from, to (not included), in UTF-16 units. */
  readonly highlights: readonly (readonly [number, number])[];
}

/**
 * Opens the store and connects. Resolves as soon as there is something to show: at once when the store knows the user, else
 * when the server has welcomed the device. Rejects with `unauthenticated` when the token is refused, with `offline` when a new store
 * finds no server in `timeout`, with `unavailable` when there is no token in that time, with `invalid_argument` when the options are
 * wrong, with `store_failed` when the store cannot be opened, or not in `timeout`.
 * With a new store the list of conversations comes after that: it is whole once `synced` is true, which the event of that name tells.
 * A store that turns out to be of another user ends the chat (`wrong_store`) before anything is sent or told; name the `user` to know at once.
 */
export async function connect(options: ConnectOptions): Promise<Chat> {
  return Chat.open(options);
}

const CATCH_UP = 1_000;
const KEEP = 100;
const BACKOFF: Backoff = { least: 500, most: 30_000 };
const TIMEOUT_MS = 30_000;
/** Nobody waits longer to hear why there is no chat than this, for a store that does not let itself be closed. */
const CLOSE_MS = 2_000;

const CID = /^(?:d\.[\w-]{1,64}\.[\w-]{1,64}|g\.[0-9a-z]{26}|s\.[\w-]{1,64})$/;

/** Everything that one user has on this device. Made by `connect`. */
export class Chat extends Emitter<ChatEvents> {
  /** Profiles, one's own and those of others. */
  readonly users: Users;
  /** Contacts, and requests to be one. */
  readonly contacts: Contacts;
  /** Whom one does not want to hear of. */
  readonly blocks: Blocks;
  /** Groups by their ids. */
  readonly groups: Groups;
  /** Where one is signed in. */
  readonly devices: Devices;
  readonly #engine: Engine;
  readonly #orphans: Orphans;
  readonly #unlisten: () => void;

  private constructor(http: Http, shell: Shell, orphans: Orphans) {
    super();
    this.users = new Users(http);
    this.contacts = new Contacts(http);
    this.blocks = new Blocks(http);
    this.groups = new Groups(http);
    this.devices = new Devices(http, shell.device);
    this.#engine = new Engine(this, http, shell, (name, event) => this.emit(name, event));
    this.#orphans = orphans;
    this.#unlisten = listenToPlatform(() => {
      if (shell.ended) return;
      this.reconnect();
      void orphans.take();
    });
  }

  /** As `connect`. */
  static async open(options: ConnectOptions): Promise<Chat> {
    const { store = memory(), device = {}, catchUp = CATCH_UP, keep = KEEP, timeout = TIMEOUT_MS } = options;
    const began = performance.now();
    const token = sourceOf(options.token);
    const http = new Http({ ...options, token });
    const shell = await Shell.open({
      url: http.url,
      token,
      store,
      WebSocket: webSocketClass(options.WebSocket),
      device,
      timeout,
      core: { catchUp, keep, user: options.user, backoff: { ...BACKOFF, ...options.backoff } },
    });
    const orphans = new Orphans(store, shell);
    const chat = new Chat(http, shell, orphans);
    try {
      await chat.#start(timeout + began - performance.now());
      if (chat.user !== (options.user ?? chat.user))
        throw new MpimError("wrong_store", "the store or token is of another user");
    } catch (error) {
      await within(Math.min(timeout, CLOSE_MS), chat.close(), () => shell.lack).catch(() => {});
      throw error;
    }
    orphans.watch();
    // Once somebody can have begun to listen.
    setTimeout(() => shell.complain());
    return chat;
  }

  // --- how it stands ---------------------------------------------------------------------------------------------

  /** Whose chat it is: a uid. */
  get user(): string {
    return this.#engine.core.state.user;
  }

  /** Whether there is a connection; see also the event. */
  get connection(): Connection {
    return this.#engine.core.link.connection;
  }

  /** There is a connection, and all that had changed before it is known. */
  get synced(): boolean {
    return this.#engine.core.synced;
  }

  /** The server's time as far as it is known, ms since the epoch, whatever this device's clock says: to compare with the `ts` of messages. */
  get now(): number {
    return this.#engine.shell.serverTime;
  }

  /** How many messages and amendments wait to be sent. */
  get outbox(): number {
    return this.#engine.core.state.outbox.waiting;
  }

  /** The conversations one is in, pinned ones first, then those with the newest messages. On a device that is new, whole once `synced`. */
  get conversations(): readonly Conversation[] {
    return [...this.#engine.core.state.rooms.values()]
      .filter(({ left, untold, head }) => !left && (!untold || head > 0))
      .map(({ cid }) => this.#engine.of(cid))
      .map((one) => ({ one, at: one.last?.ts ?? 0 }))
      .toSorted((a, b) => Number(b.one.pinned) - Number(a.one.pinned) || b.at - a.at)
      .map(({ one }) => one);
  }

  /** How many messages are not read, in conversations that are not muted. */
  get unread(): number {
    let count = 0;
    for (const room of this.#engine.core.state.rooms.values()) if (!room.left && !room.muted) count += room.unread;
    return count;
  }

  // --- conversations ---------------------------------------------------------------------------------------------

  /** The direct chat with a user, by uid. It begins to exist with its first message. */
  async direct(uid: string): Promise<Conversation> {
    const me = this.user;
    if (typeof uid !== "string" || !UID.test(uid)) throw invalid("this is no id of a user");
    if (uid === me) throw invalid("this is oneself");
    return this.conversation(me < uid ? `d.${me}.${uid}` : `d.${uid}.${me}`);
  }

  /** A conversation by its id, with what is stored of it. What it holds grows until its `close`. */
  async conversation(cid: string): Promise<Conversation> {
    if (!CID.test(cid)) throw invalid("this is no id of a conversation");
    await this.#engine.shell.load(cid);
    this.#engine.core.use(cid);
    return this.#engine.of(cid);
  }

  /** What the system tells this user: requests of contacts, for instance; as messages of kind `system`. */
  async notices(): Promise<Conversation> {
    return this.conversation(`s.${this.user}`);
  }

  /** Makes a group. */
  async createGroup(group: NewGroup): Promise<Conversation> {
    return this.#joined(await this.groups.create(group));
  }

  /** Joins a group that is open. */
  async joinGroup(cid: string): Promise<Conversation> {
    return this.#joined(await this.groups.join(cid));
  }

  /**
   * Messages of one's conversations, or of one, that have these words; newest first. A message is found some seconds after it was
   * sent. A page may be short and not the last: go on while there is `next`.
   */
  async search(text: string, options: PageOptions & { readonly cid?: string | undefined } = {}): Promise<Page<Found>> {
    const query = { q: text, ...options };
    const { results, next } = await this.#engine.http.call<SearchResults>("GET /search", { query });
    const items = results.map(({ message, highlights = [] }) => ({ message: this.#engine.see(message), highlights }));
    return { items, next };
  }

  // --- presence --------------------------------------------------------------------------------------------------

  /** Watches whether users are there, by `presence` events, until the function that is returned is called. At most 1,000 in all. */
  watch(...users: readonly string[]): () => void {
    let on = true;
    const watch = (): void => this.#engine.turn((core, now) => core.watch(users, on, now));
    watch();
    return () => {
      if (!on) return;
      on = false;
      watch();
    };
  }

  /** What is known of a user who is watched; nothing without a connection. */
  presence(uid: string): Presence | undefined {
    return this.#engine.core.presence.of(uid);
  }

  // --- the connection --------------------------------------------------------------------------------------------

  /** Tries to connect now, if there is no connection; if there is one, makes sure of it. */
  reconnect(): void {
    this.#engine.turn((core, now) => core.hurry(now));
  }

  /** The store takes what is written: false after a write that failed, until one succeeds. */
  get keeps(): boolean {
    return this.#engine.shell.keeps;
  }

  /** Resolves when everything that was sent so far is in this device's store. Rejects with `store_failed` when the store does not take it. */
  async kept(): Promise<void> {
    await this.#engine.shell.kept();
  }

  /** Ends the connection and closes the store. What was not sent yet stays in the store, and is sent by the next chat with it. */
  async close(): Promise<void> {
    this.#unlisten();
    this.#orphans.end();
    await this.#engine.shell.close();
  }

  /** Tries a failed message once more: where it may have arrived, under the same id, so that it is there once. False: there is no such. */
  retry(message: Pick<Message, "key">): boolean {
    return this.#engine.retry(outKey(message));
  }

  /** Forgets a message that failed, or that was never written to a connection. False: it may be with the server. */
  discard(message: Pick<Message, "key">): boolean {
    return this.#engine.turn((core, now) => core.discard(outKey(message), now));
  }

  async #joined({ id, name }: Group): Promise<Conversation> {
    const conversation = await this.conversation(id);
    this.#engine.turn((core, now) => core.patch(id, { name }, now));
    return conversation;
  }

  /** Connects; waits for the first welcome if the store does not know the user. */
  async #start(timeout: number): Promise<void> {
    const engine = this.#engine;
    if (engine.core.user !== undefined) return engine.turn((core, now) => core.start(now));
    const welcomed = new Promise<void>((resolve, reject) => {
      engine.spy = (event) => {
        if (event.type === "user") resolve();
        else if (event.type === "connection" && event.connection.state === "closed")
          reject(event.connection.error ?? new MpimError("closed", "the connection was closed"));
      };
      engine.turn((core, now) => core.start(now));
    });
    await within(timeout, welcomed, () => this.connection.error ?? engine.shell.lack).finally(() => {
      engine.spy = () => {};
    });
    return undefined;
  }
}

interface SearchResults {
  readonly results: readonly { readonly message: WireMessage; readonly highlights?: Found["highlights"] }[];
  readonly next?: string;
}

/** The key of a message in the outbox. */
function outKey({ key }: Pick<Message, "key">): string {
  return key.slice(key.indexOf("/") + 1);
}

/** In a browser: what says that the network, or the user, is back or gone. Until the function that is returned is called. */
function listenToPlatform(hurry: () => void): () => void {
  if (typeof document === "undefined") return () => {};
  const visible = (): void => {
    if (document.visibilityState === "visible") hurry();
  };
  for (const name of ["online", "offline"]) addEventListener(name, hurry);
  document.addEventListener("visibilitychange", visible);
  return () => {
    for (const name of ["online", "offline"]) removeEventListener(name, hurry);
    document.removeEventListener("visibilitychange", visible);
  };
}
