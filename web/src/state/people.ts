/** Names of people by uid: asked once, remembered in this browser so that they are there without a connection. */
import type { Chat, User } from "../../../client/src/mpim.ts";

const KEY = "mpim:web:people";
const REMEMBERED = 500;
/** Requests at once. */
const LANES = 4;

export type Card = Pick<User, "name" | "username">;

export class People {
  readonly #chat: Chat;
  readonly #changed: () => void;
  readonly #cards: Map<string, Card>;
  readonly #asked = new Set<string>();
  readonly #queue: string[] = [];
  #running = 0;

  constructor(chat: Chat, changed: () => void) {
    this.#chat = chat;
    this.#changed = changed;
    this.#cards = remembered();
  }

  /** What is known; asks for it when nothing is. */
  card(user: string): Card | undefined {
    const card = this.#cards.get(user);
    if (!this.#asked.has(user)) this.#ask(user);
    return card;
  }

  /** Takes what came by the way. */
  learn(users: readonly User[]): void {
    for (const { id, name, username } of users) {
      this.#cards.set(id, { name, username });
      this.#asked.add(id);
    }
    this.#keep();
  }

  static forget(): void {
    localStorage.removeItem(KEY);
  }

  #ask(user: string): void {
    this.#asked.add(user);
    this.#queue.push(user);
    if (this.#running < LANES) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running += 1;
    for (let user = this.#queue.shift(); user !== undefined; user = this.#queue.shift()) {
      try {
        const { id, name, username } = await this.#chat.users.get(user);
        this.#cards.set(id, { name, username });
        this.#keep();
        this.#changed();
      } catch (error) {
        // Whoever is gone has no name; without a connection it is asked again when it is shown again.
        if ((error as { code?: unknown }).code !== "not_found") this.#asked.delete(user);
      }
    }
    this.#running -= 1;
  }

  #keep(): void {
    localStorage.setItem(KEY, JSON.stringify([...this.#cards].slice(-REMEMBERED)));
  }
}

function remembered(): Map<string, Card> {
  try {
    return new Map(JSON.parse(localStorage.getItem(KEY) ?? "[]") as [string, Card][]);
  } catch {
    return new Map();
  }
}
