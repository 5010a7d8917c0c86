/** What the edge, and objects among each other, say about contacts and to system conversations: plain data and an interface. */
import type { Uid } from "../protocol/ids.ts";
import type { ContactState } from "../store/contacts.ts";
import type { Done } from "./group-rpc.ts";

/** What one of two users does about the other. */
export type ContactOperation =
  | {
      readonly do: "request";
      /** "" = none. */
      readonly message: string;
    }
  | { readonly do: "accept" | "reject" | "remove" };

/** How one user stands to the other. */
export interface ContactView {
  readonly state: ContactState;
  readonly message: string;
  /** ms. */
  readonly since: number;
}

/** Methods of `ConversationObject`: the first of direct chats, the second of system conversations. */
export interface ContactRpc {
  /**
   * An operation of `uid` about the other user of this direct chat, who exists. `op` is an id that makes a repetition harmless. Answers
   * when the store shows `uid` what came of it, or a little later.
   */
  contact(uid: Uid, op: string, operation: ContactOperation): Done<ContactView>;
  /**
   * Puts an entry of the servers into this system conversation, which begins to exist with its first; its user exists. `body` is JSON
   * text. May be repeated: the same `from` and `id` are one entry, for as long as ids are known (DUP1).
   */
  announce(id: string, from: Uid, body: string, priority: number): Promise<void>;
}
