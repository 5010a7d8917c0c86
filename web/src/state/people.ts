/** Names of people by uid: asked when they are shown, remembered in this browser for a day, so that they are there without a connection. */
import type { Chat, User } from "../../../client/src/mpim.ts";
import { cardsOf, isOld, keptOf, type Card } from "../view/cards.ts";
import type { Shelf } from "./shelf.ts";

/** Requests at once. */
const LANES = 4;
/** They are kept at most so often. */
const PAUSE_MS = 1_000;
/** What was asked for so lately is not asked for again. */
const FRESH_MS = 5_000;

export class People {
  readonly #chat: Chat;
  readonly #shelf: Shelf;
  readonly #cards: Map<string, Card>;
  /** When. */
  readonly #asked = new Map<string, number>();
  readonly #queue: string[] = [];
  /** Those whose answer has not come, and who waits for it. */
  readonly #awaited = new Map<string, (() => void)[]>();
  readonly #listeners = new Set<() => void>();
  #running = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(chat: Chat, shelf: Shelf) {
    this.#chat = chat;
    this.#shelf = shelf;
    this.#cards = cardsOf(shelf.read("people"));
    // The page goes away before the pause is over.
    addEventListener("pagehide", this.#keep);
  }

  /** Calls when a card has come, until the function that is returned is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is known; asks for it when that is nothing, or old. */
  card(user: string): Card | undefined {
    const card = this.#cards.get(user);
    if (!this.#asked.has(user) && isOld(card, Date.now())) this.#ask(user);
    return card;
  }

  /** Asks again: the account may be another than it was. */
  renew(user: string): void {
    if (Date.now() - (this.#asked.get(user) ?? 0) > FRESH_MS) this.#ask(user);
  }

  /** What is known, without asking. */
  known(user: string): Card | undefined {
    return this.#cards.get(user);
  }

  /** Resolves when somebody's card is known, or cannot be had now. */
  async arrived(user: string): Promise<void> {
    if (this.card(user) !== undefined) return;
    await new Promise<void>((resolve) => {
      const waiting = this.#awaited.get(user);
      if (waiting === undefined) resolve();
      else waiting.push(resolve);
    });
  }

  /** Takes what came by the way. */
  learn(users: readonly User[]): void {
    const at = Date.now();
    let changed = false;
    for (const { id, name, username, deleted } of users) {
      const before = this.#cards.get(id);
      changed ||= before?.name !== name || before.username !== username || before.deleted !== deleted;
      this.#cards.set(id, { name, username, deleted, at });
      this.#asked.set(id, at);
    }
    if (users.length > 0) this.#timer ??= setTimeout(this.#keep, PAUSE_MS);
    if (changed) for (const listener of this.#listeners) listener();
  }

  /** Asks and keeps nothing any more. */
  close(): void {
    removeEventListener("pagehide", this.#keep);
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    for (const user of this.#awaited.keys()) this.#answered(user);
  }

  #ask(user: string): void {
    this.#asked.set(user, Date.now());
    this.#queue.push(user);
    this.#awaited.set(user, this.#awaited.get(user) ?? []);
    if (this.#running < LANES) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running += 1;
    for (let user = this.#queue.shift(); user !== undefined; user = this.#queue.shift()) {
      try {
        this.learn([await this.#chat.users.get(user)]);
      } catch (error) {
        // Whoever is gone has no name; without a connection it is asked again when it is shown again.
        if ((error as { code?: unknown }).code !== "not_found") this.#asked.delete(user);
      }
      this.#answered(user);
    }
    this.#running -= 1;
  }

  #answered(user: string): void {
    const waiting = this.#awaited.get(user) ?? [];
    this.#awaited.delete(user);
    for (const resolve of waiting) resolve();
  }

  readonly #keep = (): void => {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#shelf.write("people", keptOf(this.#cards));
  };
}
