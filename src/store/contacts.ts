/** Contacts in the store: part of the contract in store.ts. */
import type { Uid } from "../protocol/ids.ts";

/** How `uid` stands to `peer`: asked it, was asked by it, has it as a contact. */
export type ContactState = "requested" | "incoming" | "contact" | "none";

/** One side of a pair. */
export interface Contact {
  readonly uid: Uid;
  readonly peer: Uid;
  readonly state: ContactState;
  /** What the request said; "" = nothing. */
  readonly message: string;
  /** When the state began, ms. */
  readonly since: number;
  /** Grows with every change of the pair. */
  readonly version: number;
}

export interface Contacts {
  /** Writes one side, unless what is there has the same or a higher version. May be repeated, late or out of order. */
  put(contact: Contact): Promise<void>;
  find(uid: Uid, peer: Uid): Promise<Contact | undefined>;
  /** A user's contacts and requests, those of state `none` left out, by peer, behind `after`; with `state` those in it alone. */
  list(uid: Uid, after: Uid | undefined, limit: number, state?: Exclude<ContactState, "none">): Promise<Contact[]>;
}
