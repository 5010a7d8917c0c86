/** The list of one's contacts and requests. */
import { useLayoutEffect } from "preact/hooks";
import type { Chat, Contact } from "../../../client/src/mpim.ts";
import { useHome, useRender } from "./use.ts";

const LIMIT = 100;

/** One list per chat, whoever looks at it. */
class Book {
  contacts: readonly Contact[] | undefined;
  readonly listeners = new Set<() => void>();
  readonly #chat: Chat;

  constructor(chat: Chat) {
    this.#chat = chat;
    void this.ask();
    // Requests and answers are told in the system's conversation.
    chat.on("message", ({ cid }) => {
      if (cid.startsWith("s.")) void this.ask();
    });
  }

  async ask(): Promise<void> {
    try {
      const all: Contact[] = [];
      let cursor: string | undefined;
      do {
        const page = await this.#chat.contacts.list({ limit: LIMIT, cursor });
        all.push(...page.items);
        cursor = page.next;
      } while (cursor !== undefined);
      this.contacts = all;
    } catch {
      this.contacts ??= [];
    }
    for (const listener of this.listeners) listener();
  }
}

const books = new WeakMap<Chat, Book>();

export function useBook(): Book {
  const { chat } = useHome();
  const render = useRender();
  const book = books.get(chat) ?? new Book(chat);
  books.set(chat, book);
  useLayoutEffect(() => {
    book.listeners.add(render);
    return () => {
      book.listeners.delete(render);
    };
  }, [book, render]);
  return book;
}
