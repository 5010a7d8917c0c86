/** A part of a conversation that is not among its `messages`: around a search result, or an old message that is quoted. */
import { Part } from "./core/part.ts";
import type { Engine } from "./engine.ts";
import { MpimError } from "./errors.ts";
import type { Message } from "./message.ts";
import type { Entry } from "./wire.ts";

/** A page of a conversation as the server gives it. */
export interface WirePage {
  readonly messages: readonly Entry[];
  readonly head: number;
  readonly more: boolean;
}

/** Which page. */
export interface PageQuery {
  /** Exclusive, a `seq`. */
  readonly before?: number | undefined;
  /** Exclusive, a `seq`. */
  readonly after?: number | undefined;
  readonly limit?: number | undefined;
}

/**
 * A part of a conversation that one has jumped to; see `Conversation.around`. It is kept up to date, with a `change` of the
 * conversation, until `close`, or until the conversation begins anew (`reset`).
 */
export class Excerpt {
  readonly cid: string;
  readonly #engine: Engine;
  readonly #part: Part;
  readonly #fetch: (query: PageQuery) => Promise<WirePage>;
  #older: Promise<boolean> | undefined;
  #newer: Promise<boolean> | undefined;
  #seen: { readonly of: readonly unknown[]; readonly messages: readonly Message[] } | undefined;

  /** @internal */
  constructor(cid: string, seq: number, engine: Engine, fetch: (query: PageQuery) => Promise<WirePage>) {
    this.cid = cid;
    this.#engine = engine;
    this.#part = new Part(seq);
    this.#fetch = fetch;
    engine.core.state.room(cid).parts.add(this.#part);
  }

  /** Its messages, oldest first; once it is `joined`, with those of the conversation. The same array until something changes. */
  get messages(): readonly Message[] {
    const { held } = this.#part;
    const rest = this.joined ? this.#engine.messages(this.cid) : [];
    // Whatever changes how a message is shown makes a new array there, or here.
    const of = [held, this.#engine.messages(this.cid), this.joined];
    if (this.#seen?.of.every((one, index) => one === of[index])) return this.#seen.messages;
    const { state } = this.#engine.core;
    const messages = [...state.partOf(state.room(this.cid), this.#part), ...rest];
    this.#seen = { of, messages };
    return messages;
  }

  /** There are older messages than its first. */
  get more(): boolean {
    return this.#part.low > 1;
  }

  /** It reaches to the messages that the conversation holds, so what is newest is here, too. */
  get joined(): boolean {
    const { low, applied } = this.#engine.core.state.room(this.cid).log;
    return this.#part.high + 1 >= low && this.#part.high <= applied;
  }

  /** Fetches older messages. Resolves with whether there are more. */
  async older(limit = 50): Promise<boolean> {
    this.#older ??= this.#fetchOlder(limit).finally(() => {
      this.#older = undefined;
    });
    return this.#older;
  }

  /** Fetches newer messages. Resolves with whether there are more before it is `joined`. */
  async newer(limit = 50): Promise<boolean> {
    this.#newer ??= this.#fetchNewer(limit).finally(() => {
      this.#newer = undefined;
    });
    return this.#newer;
  }

  /** Is not needed any longer. */
  close(): void {
    this.#engine.core.state.room(this.cid).parts.delete(this.#part);
  }

  async #fetchOlder(limit: number): Promise<boolean> {
    if (!this.more) return false;
    this.#mustLive();
    const { messages, head, more } = await this.#fetch({ before: this.#part.low, limit });
    this.#mustLive();
    this.#part.prepend(messages, head, more);
    this.#changed();
    return this.more;
  }

  async #fetchNewer(limit: number): Promise<boolean> {
    if (this.joined) return false;
    this.#mustLive();
    const { messages, head, more } = await this.#fetch({ after: this.#part.high, limit });
    this.#mustLive();
    this.#part.extend(messages, head, more);
    this.#changed();
    return !this.joined;
  }

  /** Throws `unavailable` once the conversation has begun anew: jump again. */
  #mustLive(): void {
    if (this.#part.ended) throw new MpimError("unavailable", "the conversation has begun anew");
  }

  #changed(): void {
    this.#engine.of(this.cid).tell("change", this.#engine.of(this.cid));
  }
}
