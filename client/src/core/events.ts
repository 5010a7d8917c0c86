/** What the core tells its shell. */
import type { MpimError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Connection } from "./link.ts";
import type { Presence } from "./watching.ts";

export type CoreEvent =
  | { readonly type: "connection"; readonly connection: Connection }
  /** The first welcome: whose chat it is. */
  | { readonly type: "user"; readonly user: string }
  /** All that had changed while there was no connection is known. */
  | { readonly type: "synced" }
  | { readonly type: "message"; readonly cid: string; readonly message: Message }
  | { readonly type: "update"; readonly cid: string; readonly message: Message }
  /** What was held has been put aside, for a newer part of the conversation. */
  | { readonly type: "reset"; readonly cid: string }
  /** Something about the conversation or its messages is different. */
  | { readonly type: "room"; readonly cid: string }
  | { readonly type: "typing"; readonly cid: string; readonly user: string; readonly on: boolean }
  | {
      readonly type: "receipt";
      readonly cid: string;
      readonly user: string;
      readonly delivered: number;
      readonly read: number;
    }
  | { readonly type: "presence"; readonly presence: Presence }
  /** An item of the outbox is in the log (`error` undefined), or refused for good. */
  | {
      readonly type: "outcome";
      readonly key: string;
      readonly placed: { readonly seq: number; readonly ts: number } | undefined;
      readonly error: MpimError | undefined;
    }
  /** A page of older messages is here, or will not come. */
  | { readonly type: "older"; readonly ticket: number; readonly more: boolean; readonly error: MpimError | undefined };

/** What the core needs done. Nothing here may call the core back at once. */
export interface Port {
  /** Get a token and open a socket. `refused`: the last token was. */
  open(refused: boolean): void;
  /** One WebSocket message. */
  write(text: string): void;
  /** Give the socket up, whatever state it is in; nothing more is wanted from it. */
  shut(code: number): void;
  /** Keep a value under a key, or forget it (undefined). All of one turn belongs together. */
  save(key: string, value: unknown): void;
  /** Whether the store has all that was saved, in this turn, too. */
  kept(): boolean;
  emit(event: CoreEvent): void;
  /** In [0, 1). */
  chance(): number;
  /** A new message id, which carries the server's time as far as it is known (`State.ahead`). */
  id(): string;
  /** A time of the core, which only moves on, as ms since the epoch by this device's clock, which may be set. */
  wall(at: number): number;
}
