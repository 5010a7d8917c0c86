/**
 * How far messages have come in groups. The server tells the writer who has received and read, but not of how many; that is
 * asked for, once in a while.
 */
import type { Engine } from "./engine.ts";
import type { Receipts } from "./conversation.ts";

/** Receipts come in swarms: the first is waited for a little, and then for more. */
const FIRST_MS = 200;
const NEXT_MS = 2_000;

export class Ticks {
  readonly #engine: Engine;
  /** Groups that are being asked, or were just now. */
  readonly #busy = new Set<string>();
  /** Those of which there were receipts meanwhile. */
  readonly #again = new Set<string>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** There is news of a conversation. */
  news(cid: string): void {
    if (!cid.startsWith("g.")) return;
    if (this.#busy.has(cid)) {
      this.#again.add(cid);
      return;
    }
    this.#busy.add(cid);
    setTimeout(() => void this.#ask(cid), FIRST_MS);
  }

  async #ask(cid: string): Promise<void> {
    try {
      await this.#look(cid);
    } catch {
      // The next receipt asks again.
    }
    setTimeout(() => {
      this.#busy.delete(cid);
      if (this.#again.delete(cid)) this.news(cid);
    }, NEXT_MS);
  }

  /** Asks for the newest message of one's own: who has it has those before it. */
  async #look(cid: string): Promise<void> {
    const { http, core } = this.#engine;
    const newest = this.#engine
      .messages(cid)
      .findLast(({ mine, seq, kind }) => mine && seq !== undefined && kind !== "system");
    if (core.link.ended || newest?.seq === undefined || newest.state === "read") return;
    const { seq } = newest;
    const { delivered, read, members } = await http.call<Receipts>(`GET /conversations/${cid}/receipts/${seq}`);
    if (core.link.ended || members === 0) return;
    const marks = { delivered: delivered >= members ? seq : 0, read: read >= members ? seq : 0 };
    this.#engine.turn((state, now) => state.everyone(cid, marks, members, now));
  }
}
