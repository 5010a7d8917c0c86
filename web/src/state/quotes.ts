/** Messages that are quoted and not among those of a conversation that are here: asked when they are shown, kept up to date. */
import type { Conversation, Excerpt, Message } from "../../../client/src/mpim.ts";
import { bySeq } from "../view/rows.ts";

/** Requests at once. */
const LANES = 2;
/** What could not be had is asked for again after so long, when it is shown. */
const AGAIN_MS = 10_000;

export class Quotes {
  readonly #conversation: Conversation;
  readonly #changed: () => void;
  /** A symbol: it is asked for, this time; a number: when that was in vain. */
  readonly #known = new Map<number, Excerpt | symbol | number>();
  readonly #queue: { readonly seq: number; readonly asked: symbol }[] = [];
  #running = 0;

  /** `changed`: one more is known. */
  constructor(conversation: Conversation, changed: () => void) {
    this.#conversation = conversation;
    this.#changed = changed;
  }

  /** The message at a `seq`; null: there is none that one may see; undefined: that is not known yet. */
  get(seq: number): Message | null | undefined {
    const known = this.#known.get(seq);
    if (typeof known === "object") return bySeq(known.messages, seq) ?? null;
    if (known === undefined || (typeof known === "number" && Date.now() - known > AGAIN_MS)) this.#ask(seq);
    return undefined;
  }

  /** Nothing is kept up to date any more: it is not needed, or the conversation has begun anew. */
  forget(): void {
    this.#queue.length = 0;
    for (const known of this.#known.values()) if (typeof known === "object") known.close();
    this.#known.clear();
  }

  #ask(seq: number): void {
    const asked = Symbol(seq);
    this.#known.set(seq, asked);
    this.#queue.push({ seq, asked });
    if (this.#running < LANES) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running += 1;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { seq, asked } = next;
      const found = await this.#conversation.around(seq, 1).catch(() => undefined);
      if (this.#known.get(seq) !== asked) found?.close();
      else this.#known.set(seq, found ?? Date.now());
      if (found !== undefined) this.#changed();
    }
    this.#running -= 1;
  }
}
