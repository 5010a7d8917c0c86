/** The demo's people and their devices. A device prints a line only after it has seen what the line says. */
import { randomUUID } from "node:crypto";
import type { Account, Api, Refused } from "../../test/support/api.ts";
import type { Message } from "../../test/support/chat-log.ts";
import { Client, type Head } from "../../test/support/client.ts";

/** A message on its way: where it stands once it is sent. */
export interface Sent {
  readonly cid: string;
  readonly seq: number;
  readonly text: string;
}

export class Person {
  readonly name: string;
  readonly account: Account;
  readonly #api: Api;

  constructor(name: string, account: Account, api: Api) {
    this.name = name;
    this.account = account;
    this.#api = api;
  }

  /** A request of this person, that has to succeed. */
  async asks<T>(line: string, json?: unknown): Promise<T> {
    return this.#api.get<T>(line, this.account.token, json);
  }

  /** The code with which a request of this person is refused. */
  async refused(line: string): Promise<string> {
    const { json } = await this.#api.call<Partial<Refused>>(line, this.account.token);
    return json.error?.code ?? "nothing";
  }

  get uid(): string {
    return this.account.user.id;
  }

  /** A device that is not connected yet. It knows nothing, and wants everything. */
  device(kind: string): Device {
    const { token } = this.account;
    const client = new Client({ url: this.#api.url, token, device: kind, since: 0 });
    return new Device(`${this.name}'s ${kind}`, this, client);
  }
}

export class Device {
  readonly label: string;
  readonly owner: Person;
  readonly client: Client;

  constructor(label: string, owner: Person, client: Client) {
    this.label = label;
    this.owner = owner;
    this.client = client;
  }

  says(line: string): void {
    console.log(`   ${this.label.padEnd(15)} ${line}`);
  }

  /** Waits until the device has seen something; a failure names it. */
  async sees<T>(what: string, probe: () => T | undefined | false): Promise<T> {
    return this.client.until(probe, `${what} on ${this.label}`, true);
  }

  /** Connects, for the first time or again, and waits until it knows of everything that was before. */
  async connect(): Promise<void> {
    const before = this.client.frames.length;
    await this.client.connect();
    await this.sees("news of what was before", () => {
      return this.client.frames.slice(before).some((frame) => frame.t === "synced");
    });
  }

  /** Writes to somebody and waits for the first tick. */
  async write(to: Person, text: string): Promise<Sent> {
    const sent = await this.#sent(to.name, text, this.put(to, text));
    this.says(`to ${to.name}: ${text}   ✓ sent`);
    return sent;
  }

  /** Puts a message into the outbox, and on the wire if there is one; returns its id. */
  put(to: Person, text: string): string {
    const id = randomUUID();
    this.client.send(`@${to.uid}`, text, id);
    return id;
  }

  /** Waits until the server has answered a message. */
  async #sent(to: string, text: string, id: string): Promise<Sent> {
    const answer = await this.sees(`answer to "${text}" to ${to}`, () =>
      this.client.frames.find((frame) => (frame.t === "sent" && frame["id"] === id) || frame["ref"] === id),
    );
    if (answer.t !== "sent") throw new Error(`"${text}" was refused: ${JSON.stringify(answer)}`);
    return { cid: answer["cid"] as string, seq: answer["seq"] as number, text };
  }

  /** The same for a message that waited in the outbox. */
  async sentAtLast(to: Person, text: string, id: string): Promise<Sent> {
    const sent = await this.#sent(to.name, text, id);
    this.says(`to ${to.name}: ${text}   ✓ sent, from the outbox`);
    return sent;
  }

  /** Waits for a message of somebody, as it was sent. */
  async gets(from: Person, { cid, seq, text }: Sent): Promise<void> {
    await this.sees(`"${text}"`, () => {
      const message = this.client.chats.get(cid)?.log.get(seq);
      return message?.from === from.uid && textOf(message) === text;
    });
    this.says(`${from === this.owner ? "me, elsewhere" : from.name}: ${text}`);
  }

  /** Writes to a group and waits for the first tick. */
  async writeTo(cid: string, name: string, text: string): Promise<Sent> {
    const id = randomUUID();
    this.client.send(cid, text, id);
    const sent = await this.#sent(name, text, id);
    this.says(`to ${name}: ${text}   ✓ sent`);
    return sent;
  }

  /** Waits until this device is told something of a group, by an entry of kind `system`. */
  async hears(cid: string, event: string, line: string): Promise<void> {
    await this.sees(line, () => {
      const entries = [...(this.client.chats.get(cid)?.log.values() ?? [])];
      return entries.some(({ kind, body }) => kind === "system" && (body as { event?: string }).event === event);
    });
    this.says(line);
  }

  /** Waits for a tick of a message that was sent from here. */
  async ticks(by: Person, { cid, seq, text }: Sent, mark: "delivered" | "read"): Promise<void> {
    await this.sees(`tick "${mark}" of "${text}"`, () => this.#marked(by, cid, mark) >= seq);
    this.says(`"${shortened(text)}" to ${by.name}: ${mark === "read" ? "✓✓ read" : "✓✓ delivered"}`);
  }

  /** Says that a message has not been delivered, if that is so. */
  waits(by: Person, { cid, seq, text }: Sent): void {
    if (this.#marked(by, cid, "delivered") >= seq) throw new Error(`"${text}" counts as delivered too early`);
    this.says(`"${shortened(text)}" to ${by.name}: not delivered yet`);
  }

  #marked(by: Person, cid: string, mark: "delivered" | "read"): number {
    return this.client.receipts.get(`${cid} ${by.uid}`)?.[mark] ?? 0;
  }

  /** Reads a chat to its end. */
  reads(who: Person, cid: string): void {
    this.client.read(cid);
    this.says(`reads the chat with ${who.name}`);
  }

  /** Waits for somebody's presence. */
  async finds(who: Person, state: "online" | "offline"): Promise<void> {
    await this.sees(`${who.name} ${state}`, () => {
      const last = this.client.frames.findLast((frame) => frame.t === "presence" && frame["user"] === who.uid);
      return last?.["state"] === state;
    });
    this.says(`${who.name} is ${state}`);
  }

  /** The chat with somebody in this device's list of chats, once it has so many unread messages. */
  async unread(who: Person, cid: string, count: number): Promise<void> {
    await this.client.ask({ t: "sync", since: 0 });
    const head = this.client.heads.get(cid) as Head;
    if (head.unread !== count)
      throw new Error(`${this.label} shows ${head.unread} unread of ${who.name}, not ${count}`);
    const last = head.last === undefined ? "" : `, the last one: "${shortened(textOf(head.last))}"`;
    this.says(`chat with ${who.name}: ${count === 0 ? "all read" : `${count} unread${last}`}`);
  }

  /** How a message looks here now. */
  shows({ cid, seq }: Sent): string {
    const message = this.client.chats.get(cid)?.log.get(seq);
    if (message === undefined) return "nothing";
    if (message.recalled) return "(message recalled)";
    const reactions = Object.entries(message.reactions ?? {}).map(([emoji, users]) => `${emoji} ${users.length}`);
    return [textOf(message), message.edited && "(edited)", ...reactions].filter(Boolean).join("  ");
  }
}

function textOf(message: Message): string {
  return (message.body as { text?: string } | undefined)?.text ?? "";
}

function shortened(text: string): string {
  return text.length <= 24 ? text : `${text.slice(0, 23)}…`;
}
