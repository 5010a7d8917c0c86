/** From usernames to uids, and back to names that one can read. */
import { MpimError, type Chat, type Conversation, type User } from "../src/mpim.ts";

export class People {
  readonly #chat: Chat;
  readonly #names = new Map<string, Promise<string>>();

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  /** How somebody is called: the username, which one can type. */
  async name(uid: string): Promise<string> {
    if (uid === this.#chat.user) return "me";
    const known = this.#names.get(uid) ?? this.#ask(uid);
    this.#names.set(uid, known);
    return known;
  }

  async names(uids: readonly string[]): Promise<string[]> {
    return Promise.all(uids.map(async (uid) => this.name(uid)));
  }

  /** Who has this username, or uid. */
  async find(who: string): Promise<User> {
    const user = await this.#chat.users.named(who);
    return user ?? this.#chat.users.get(who);
  }

  async finds(all: readonly string[]): Promise<string[]> {
    return Promise.all(all.map(async (who) => (await this.find(who)).id));
  }

  /** What a conversation is called. */
  async title(room: Conversation): Promise<string> {
    if (room.type === "group") return `#${room.name}`;
    return room.peer === undefined ? "system" : this.name(room.peer);
  }

  /** The conversation that is meant by a username, by the name of a group (`#crew`), or by an id. */
  async conversation(what: string): Promise<Conversation> {
    if (/^[dgs]\./.test(what)) return this.#chat.conversation(what);
    if (!what.startsWith("#")) return this.#chat.direct((await this.find(what)).id);
    const found = this.#chat.conversations.filter(({ type, name }) => type === "group" && name === what.slice(1));
    if (found.length === 1 && found[0] !== undefined) return this.#chat.conversation(found[0].cid);
    if (found.length === 0) throw new MpimError("not_found", `you are in no group ${what}`);
    throw new MpimError("invalid_argument", `there are several: ${found.map(({ cid }) => cid).join(", ")}`);
  }

  async #ask(uid: string): Promise<string> {
    try {
      const { username, name } = await this.#chat.users.get(uid);
      return username ?? name;
    } catch {
      this.#names.delete(uid);
      return uid;
    }
  }
}
