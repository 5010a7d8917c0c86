/** People with the client: registered on a running server, each device with a store of its own in a temporary folder. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  connect,
  register,
  type Chat,
  type ConnectOptions,
  type Message,
  type Session,
} from "../../client/src/mpim.ts";
import { file } from "../../client/src/node.ts";
import { Waiting } from "../support/waiting.ts";

export const PASSWORD = "correct horse";
/** What tests do in a second, people do in a day. */
export const config = { limits: { rate: 2000, burst: 4000 }, auth: { scrypt_log_n: 10 } };

let people = 0;

/** Somebody with an account. */
export class Person implements AsyncDisposable {
  readonly session: Session;
  readonly #devices: Device[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "mpim-client-"));

  private constructor(session: Session) {
    this.session = session;
  }

  static async register(url: string, name: string): Promise<Person> {
    people += 1;
    const username = `${name}-${process.pid}-${people}`;
    return new Person(await register({ url, username, password: PASSWORD, name }));
  }

  get uid(): string {
    return this.session.user.id;
  }

  /** A device that is connected. The same name has the same store. */
  async device(name = "phone", options: Partial<ConnectOptions> = {}): Promise<Device> {
    const chat = await connect({
      url: this.session.url,
      token: this.session.token,
      store: file(join(this.#folder, name)),
      backoff: { least: 20, most: 500 },
      ...options,
    });
    const device = new Device(chat);
    this.#devices.push(device);
    return device;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#devices.map(({ chat }) => chat.close()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A chat, all that it has told, and waiting for more. */
export class Device {
  readonly chat: Chat;
  /** New messages of the log, in the order in which they were told. */
  readonly told: Message[] = [];
  readonly #waiting = new Waiting();

  constructor(chat: Chat) {
    this.chat = chat;
    chat.on("message", (message) => {
      this.told.push(message);
    });
    for (const name of ["message", "update", "conversation", "connection", "synced", "presence"] as const) {
      chat.on(name, () => this.#waiting.wake());
    }
  }

  /** Texts that were told of a conversation, written by others or elsewhere. */
  texts(cid: string): string[] {
    return this.told.filter((message) => message.cid === cid && message.seq !== undefined).map(({ text }) => text);
  }

  async until<T>(probe: () => T | undefined | false, what: string): Promise<T> {
    return this.#waiting.until(probe, () => `no ${what}; connection: ${JSON.stringify(this.chat.connection)}`);
  }
}
