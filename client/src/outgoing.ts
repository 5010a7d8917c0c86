/** What `send` gives back: something of one's own on its way. */
import type { Engine } from "./engine.ts";
import type { MpimError } from "./errors.ts";
import type { MessageState } from "./message.ts";

/** Its position, and the server's time of it in ms. */
export interface Placed {
  readonly seq: number;
  readonly ts: number;
}

const NOWHERE: Placed = { seq: 0, ts: 0 };

interface Waiter {
  readonly resolve: (placed: Placed) => void;
  readonly reject: (error: MpimError | undefined) => void;
}

/** A message, or an amendment, from the moment it is written. */
export class Outgoing {
  /** The conversation. */
  readonly cid: string;
  /** As `Message.key`. */
  readonly key: string;
  /**
   * Resolves when it is in this device's store: it will be sent even if the page is closed now. Rejects with `store_failed` when the
   * store does not take it; it is sent all the same, as long as the page is there.
   */
  readonly kept: Promise<void>;
  readonly #engine: Engine;
  readonly #id: string;
  #placed: Placed | undefined;
  #error: MpimError | undefined;
  /** Of quality 0: it was written, and nothing more is heard of it. */
  #over = false;
  #waiters: Waiter[] = [];

  /** @internal */
  constructor(cid: string, id: string, engine: Engine) {
    this.cid = cid;
    this.#id = id;
    this.#engine = engine;
    this.key = `${engine.core.state.user}/${id}`;
    // After the turn that puts it into the outbox.
    this.kept = Promise.resolve().then(() => engine.shell.kept());
    // Whoever does not ask is told by `storeError`.
    this.kept.catch(() => {});
  }

  /** How far it has come. */
  get state(): MessageState {
    const { state } = this.#engine.core;
    if (this.#placed !== undefined) return state.room(this.cid).tick(this.#placed.seq);
    if (this.#error !== undefined) return "failed";
    const item = state.outbox.get(this.#id);
    // What is stored nowhere is done with when it is written.
    return item === undefined ? "sent" : item.flying ? "sending" : "pending";
  }

  /** Its position in the conversation, once it is sent. */
  get seq(): number | undefined {
    return this.#placed?.seq;
  }

  /** Why it failed. */
  get error(): MpimError | undefined {
    return this.#error;
  }

  /**
   * Resolves when it is on the server's disk; rejects with a `MpimError` when it is refused for good. Rejects with `closed` when the
   * chat ends before: what is in the store is then sent by the next one that is made with it. Of quality 0, which has no place,
   * `seq` is 0.
   */
  async sent(): Promise<Placed> {
    if (this.#placed !== undefined) return this.#placed;
    if (this.#error !== undefined) throw this.#error;
    if (this.#over) return NOWHERE;
    this.#engine.mustLive();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  /** Tries a failed message once more. False: it has not failed. */
  retry(): boolean {
    return this.#engine.retry(this.#id);
  }

  /** Takes it back, if it has failed or was never written to a connection. False: it may be with the server. */
  discard(): boolean {
    return this.#engine.turn((core, now) => core.discard(this.#id, now));
  }

  /** @internal It is tried once more. */
  forgive(): void {
    this.#error = undefined;
  }

  /** @internal Nothing more is heard of it here. */
  abandon(): void {
    for (const { reject } of this.#waiters.splice(0)) reject(this.#engine.ended);
  }

  /** @internal It is sent, or refused. */
  settle(placed: Placed | undefined, error: MpimError | undefined): void {
    this.#placed = placed ?? this.#placed;
    this.#error = error;
    this.#over = placed === undefined && error === undefined;
    for (const { resolve, reject } of this.#waiters.splice(0)) {
      if (error === undefined) resolve(placed ?? NOWHERE);
      else reject(error);
    }
  }
}
