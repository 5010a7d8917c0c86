/** The list of chats: made anew once a frame at most, however many messages come in it. */
import type { Chat, Conversation, Message } from "../../../client/src/mpim.ts";
import { gathered } from "./frame.ts";
import type { Shelf } from "./shelf.ts";

export class Chats {
  readonly #chat: Chat;
  readonly #shelf: Shelf;
  readonly #listeners = new Set<() => void>();
  /** Chats in which messages have failed. One that the user is no member of any more is in no other list. */
  readonly #unsent = new Map<string, Conversation>();
  #list: readonly Conversation[] | undefined;

  constructor(chat: Chat, shelf: Shelf) {
    this.#chat = chat;
    this.#shelf = shelf;
    const tell = gathered(() => {
      for (const listener of this.#listeners) listener();
    });
    chat.on("conversation", () => {
      this.#list = undefined;
      tell();
    });
    chat.on("update", ({ cid, state }) => {
      if (state === "failed") void this.#keep(cid).then(tell);
    });
    const kept = shelf.read("unsent");
    for (const cid of Array.isArray(kept) ? kept : []) if (typeof cid === "string") void this.#keep(cid).then(tell);
  }

  /** Calls after a frame in which anything about any chat was different, until the function that is returned is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The chats one is in, in the library's order; before them those one is in no longer and has written to in vain. The same
   * array until something changes.
   */
  get list(): readonly Conversation[] {
    this.#list ??= [...this.#left(), ...this.#chat.conversations];
    return this.#list;
  }

  #left(): readonly Conversation[] {
    const count = this.#unsent.size;
    for (const [cid, { messages }] of this.#unsent) if (!messages.some(hasFailed)) this.#unsent.delete(cid);
    if (this.#unsent.size < count) this.#write();
    return [...this.#unsent.values()].filter(({ left }) => left);
  }

  async #keep(cid: string): Promise<void> {
    if (this.#unsent.has(cid)) return;
    try {
      this.#unsent.set(cid, await this.#chat.conversation(cid));
      this.#list = undefined;
      this.#write();
    } catch {
      // What was kept is no id.
    }
  }

  #write(): void {
    this.#shelf.write("unsent", this.#unsent.size === 0 ? undefined : [...this.#unsent.keys()]);
  }
}

function hasFailed({ state }: Message): boolean {
  return state === "failed";
}
