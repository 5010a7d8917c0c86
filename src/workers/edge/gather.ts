/**
 * What a client sends in one go travels over the link in one message: a message into an object costs it as much as a dozen
 * frames inside one, and drafts that come together are appended and pushed together. Waits in turns of the event loop, not
 * in time: each turn reads what has come meanwhile, and the first that brings nothing ends the wait. So a lone frame
 * waits for one turn, and the longer the loop is behind, the more goes together.
 */

/** From so many characters on nothing is waited for: the message stays well below what a WebSocket takes. */
const FULL = 64 * 1024;

export class Gather {
  readonly #send: (text: string) => void;
  readonly #turn: () => Promise<void>;
  #texts: string[] = [];
  #characters = 0;

  /** `turn` resolves when the event loop has gone round once. */
  constructor(send: (text: string) => void, turn: () => Promise<void>) {
    this.#send = send;
    this.#turn = turn;
  }

  /** Takes frames, as the JSON text of a non-empty array. They go in the order they came. */
  add(array: string): void {
    this.#texts.push(array);
    this.#characters += array.length;
    if (this.#characters >= FULL) this.flush();
    else if (this.#texts.length === 1) void this.#wait();
  }

  /** Sends at once what waits. */
  flush(): void {
    const texts = this.clear();
    const [first] = texts;
    if (first === undefined) return;
    this.#send(texts.length === 1 ? first : `[${texts.map((text) => text.slice(1, -1)).join(",")}]`);
  }

  /** Takes back what waits. */
  clear(): string[] {
    const texts = this.#texts;
    this.#texts = [];
    this.#characters = 0;
    return texts;
  }

  async #wait(): Promise<void> {
    for (let known = 0; known < this.#texts.length;) {
      known = this.#texts.length;
      await this.#turn();
    }
    this.flush();
  }
}
