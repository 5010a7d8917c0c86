/** One terminal: who is logged in, which chat is open, and what is printed of what happens. */
import {
  MpimError,
  type Chat,
  type ChatEvents,
  type Connection,
  type Conversation,
  type Device,
  type Draft,
  type Message,
} from "../src/mpim.ts";
import { again, enter, forget, signUp, leave, type Account, type Place } from "./account.ts";
import { COMMANDS } from "./commands.ts";
import { lineOf } from "./lines.ts";
import { People } from "./people.ts";
import type { Screen } from "./screen.ts";

/** Waits so long for what a server that is there does at once. */
const PATIENCE_MS = 3_000;

export class Terminal {
  /** The devices that were listed last, by whose numbers they are called. */
  listed: readonly Device[] = [];
  readonly #screen: Screen;
  readonly #place: Place;
  #account: Account | undefined;
  #people: People | undefined;
  #room: Conversation | undefined;
  /** Lines are printed in the order of what they tell, though names have to be asked for. */
  #printing = Promise.resolve();
  #ended = false;
  /** It was said that there is no connection. */
  #offline = false;

  constructor(screen: Screen, place: Place) {
    this.#screen = screen;
    this.#place = place;
  }

  get chat(): Chat {
    if (this.#account === undefined)
      throw new MpimError("unauthenticated", "log in first: /login USERNAME or /register USERNAME");
    return this.#account.chat;
  }

  get people(): People {
    this.#people ??= new People(this.chat);
    return this.#people;
  }

  /** The chat that is open. */
  get room(): Conversation {
    if (this.#room === undefined)
      throw new MpimError("invalid_argument", "open a chat first: /chat USERNAME or /chat #GROUP");
    return this.#room;
  }

  readonly print = (line: string): void => this.#screen.print(line);

  /** Reads and does, until the end of the input or `/quit`. */
  async run(): Promise<void> {
    this.print(`${this.#place.url} – /help tells what can be typed`);
    await this.#trying(async () => this.#enter(await again(this.#place)));
    if (this.#account === undefined) this.print("/login USERNAME, or /register USERNAME for an account");
    while (!this.#ended) {
      const line = await this.#screen.line();
      if (line === undefined) break;
      await this.#trying(async () => this.#do(line.trim()));
      await this.#printing;
    }
    if (this.#account !== undefined) {
      await within(PATIENCE_MS, this.#account.chat, "update", (chat) => chat.outbox === 0);
      await this.#account.chat.close();
    }
    this.#screen.close();
  }

  async register(username: string, name: string): Promise<void> {
    const password = await this.#screen.secret("password");
    await this.#enter(await signUp(this.#place, username, password, name));
  }

  async login(username: string): Promise<void> {
    await this.#enter(await enter(this.#place, username, await this.#screen.secret("password")));
  }

  async logout(): Promise<void> {
    const account = this.#account;
    if (account === undefined) return;
    // First of all: how its connection ends is of no interest.
    this.#forget();
    await leave(this.#place, account);
    this.print("logged out");
  }

  /** Opens a chat, and shows what was not read. */
  async open(room: Conversation): Promise<void> {
    this.#room?.close();
    this.#room = room;
    const unread = room.unread;
    await room.open();
    this.#screen.prompt = await this.people.title(room);
    while (room.messages.length < unread && (await room.older()));
    this.print(`-- ${await this.people.title(room)}${unread === 0 ? "" : `, ${unread} unread`}`);
    for (const message of room.messages.slice(-Math.max(unread, 5))) this.print(await lineOf(message, this.people));
    room.read();
  }

  /** Says the number that it has, once it has one: `/edit` and others want it. */
  send(draft: Draft): void {
    const sent = this.room.send(draft).sent();
    // Why it was not sent the message says.
    sent.then(({ seq }) => this.#line(() => `[${seq}] ✓`)).catch(() => {});
  }

  /** Leaves the open group. */
  async part(how: (room: Conversation) => Promise<void>): Promise<void> {
    const { room } = this;
    await how(room);
    this.print(`you are no longer in ${await this.people.title(room)}`);
    room.close();
    this.#room = undefined;
    this.#screen.prompt = this.#account?.username ?? "";
  }

  quit(): void {
    this.#ended = true;
  }

  async #do(line: string): Promise<void> {
    if (line === "") return;
    if (!line.startsWith("/")) return this.send({ text: line });
    const [, name = "", text = ""] = /^\/(\S+)\s*(.*)$/.exec(line) ?? [];
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined)
      throw new MpimError("invalid_argument", `there is no /${name}: /help tells what there is`);
    const [, rest = ""] = /^\S+\s+(.*)$/.exec(text) ?? [];
    await command.run(this, text === "" ? [] : text.split(/\s+/), rest);
  }

  async #enter(account: Account | undefined): Promise<void> {
    if (account === undefined) return;
    await this.#account?.chat.close();
    this.#forget();
    this.#account = account;
    this.#screen.prompt = account.username;
    const { chat } = account;
    await within(PATIENCE_MS, chat, "synced", () => chat.synced);
    chat.on("message", (message) => this.#message(message));
    chat.on("update", (message) => {
      if (message.state === "failed") this.#line(async () => lineOf(message, this.people));
    });
    this.#offline = false;
    chat.on("connection", (connection) => this.#connection(account, connection));
    chat.on("storeError", (error) => this.#line(() => `! ${error.message} (${error.code})`));
    this.print(`-- you are ${account.username}`);
    if (!chat.synced) this.#connection(account, { state: "offline" });
    // A login that ended while this terminal was away.
    if (chat.connection.state === "closed") return this.#connection(account, chat.connection);
    const waiting = chat.conversations.filter(({ unread }) => unread > 0);
    for (const room of waiting) this.print(`-- ${await this.people.title(room)}: ${room.unread} unread`);
  }

  #connection(account: Account, { state, error }: Connection): void {
    if (this.#account !== account) return;
    if (state === "online") this.#line(() => "-- connected");
    // Each attempt ends so: once is enough.
    if (state === "offline" && !this.#offline) this.#line(() => "-- no connection: what you write is sent later");
    if (state !== "connecting") this.#offline = state === "offline";
    if (state !== "closed" || error?.code === "closed") return;
    if (error?.code !== "unauthenticated") return this.#line(() => `-- the connection has ended: ${error?.message}`);
    this.#forget();
    this.#line(async () => {
      await forget(this.#place, account);
      return "-- signed out: the login was ended elsewhere, or has run out. Nothing of it is kept here; /login USERNAME";
    });
  }

  #message(message: Message): void {
    // What one has just typed stands there already.
    if (message.mine && message.seq === undefined) return;
    const here = message.cid === this.#room?.cid;
    if (here) this.#room?.read();
    this.#line(async () => {
      const line = await lineOf(message, this.people);
      if (here) return line;
      const room = await this.chat.conversation(message.cid);
      return room.type === "direct" ? line : `${await this.people.title(room)} ${line}`;
    });
  }

  #line(make: () => string | Promise<string>): void {
    const before = this.#printing;
    const printing = async (): Promise<void> => {
      await before;
      await this.#trying(async () => this.print(await make()));
    };
    this.#printing = printing();
  }

  async #trying(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof MpimError)) throw error;
      this.print(`! ${error.message} (${error.code})`);
    }
  }

  #forget(): void {
    this.#account = undefined;
    this.#people = undefined;
    this.#room = undefined;
    this.listed = [];
    this.#screen.prompt = "";
  }
}

/** Waits until something is so, asked at every event of this name, or until the time is over. */
async function within(ms: number, chat: Chat, event: keyof ChatEvents, probe: (chat: Chat) => boolean): Promise<void> {
  if (probe(chat)) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    const off = chat.on(event, () => {
      if (probe(chat)) done();
    });
    function done(): void {
      clearTimeout(timer);
      off();
      resolve();
    }
  });
}
