/**
 * What the store keeps, as interfaces with one driver per database. The contract, which `test/store` runs on every driver:
 *
 * - A method resolves once its effect is durable, and a read that begins after that sees it.
 * - An expected outcome is a value. A rejection is a `StoreError` when the store did not answer or refused for reasons of
 *   its own; whether a write took effect is then unknown, so every write here may be repeated with the same arguments.
 * - Ids come from the caller. A driver draws no numbers, reads no clock, and needs neither foreign keys nor triggers.
 * - Text is compared by code point: `username` and keys arrive folded, and no collation of the database adds to that.
 * - Times are ms since the epoch.
 */
import type { Uid } from "../protocol/ids.ts";
import type { Directory } from "./directory.ts";
import type { Messages } from "./messages.ts";
import type { Contacts } from "./contacts.ts";

/** The store did not answer. Its cause may quote statements and values, so only names and codes of it are ever logged. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

export interface User {
  readonly id: Uid;
  /** Folded to lower case; null for a user whom only an external issuer knows. */
  readonly username: string | null;
  readonly name: string;
  readonly avatar: string | null;
  readonly created: number;
  readonly updated: number;
  /** When the account was deleted; 0: it was not. Of a deleted one name, avatar and password are gone, and nobody gets its username. */
  readonly deleted: number;
}

export interface NewUser {
  readonly id: Uid;
  readonly username: string;
  readonly name: string;
  /** Hash with its parameters and salt, as `passwords.ts` writes it. */
  readonly password: string;
}

/** Where a search goes on: behind the last user that the page before showed, by what that user was found. */
export type SearchPosition =
  | { readonly by: "username"; readonly username: string }
  | { readonly by: "name"; readonly name: string; readonly id: string };

export interface SearchPage {
  readonly users: readonly User[];
  /** Absent on the last page. */
  readonly next?: SearchPosition;
}

export interface Users {
  /** `taken`: the username, or the id, belongs to an account already; nothing was written. */
  create(user: NewUser, now: number): Promise<"created" | "taken">;
  /** Makes sure that a user of an external issuer has a row. An existing row, of whatever origin, stays as it is. */
  ensure(uid: Uid, name: string, now: number): Promise<void>;
  find(uid: Uid): Promise<User | undefined>;
  /** Those of `uids` that exist. Like `find` it shows deleted ones, too; nothing else does. */
  findMany(uids: readonly Uid[]): Promise<Map<Uid, User>>;
  /** By folded username, exactly. */
  findByUsername(username: string): Promise<User | undefined>;
  /** The stored password of a folded username; undefined also for users without one. */
  credentials(username: string): Promise<{ readonly user: User; readonly password: string } | undefined>;
  /**
   * Changes what is given (an avatar of null removes it); undefined when there is no such user. `updated` rises with every
   * change, also when the clock stands or went back: of two versions of a user it says which is newer.
   */
  update(
    uid: Uid,
    change: { readonly name?: string | undefined; readonly avatar?: string | null | undefined },
    now: number,
  ): Promise<User | undefined>;
  /** Deletes an account; what is left of it, unless there is no such user. May be repeated: the first time counts. */
  remove(uid: Uid, now: number): Promise<User | undefined>;
  /** Display names of those of `uids` that exist. */
  names(uids: readonly Uid[]): Promise<Map<Uid, string>>;
  exists(uid: Uid): Promise<boolean>;
  /**
   * Users whose username or name begins with `text`, case folded: first by username, in its order, then by name alone. Each
   * user is on one page only, as long as nobody is renamed meanwhile. A text that folds to nothing finds nobody.
   */
  search(text: string, after: SearchPosition | undefined, limit: number): Promise<SearchPage>;
}

/** One login of one user: a family of refresh tokens of which only the newest is good. */
export interface Login {
  readonly id: string;
  readonly uid: Uid;
  /** Hash of the secret that all tokens of the family share. */
  readonly family: string;
  /** Hash of the secret that only the newest token has. */
  readonly current: string;
  readonly expires: number;
  /** When the newest token came by exchange; 0: it is the first. */
  readonly exchanged: number;
}

export interface Logins {
  /** Also forgets logins that expired before `now`. */
  begin(login: Login, now: number): Promise<void>;
  /** Expired logins may still be found: the caller compares. */
  find(id: string): Promise<Login | undefined>;
  /** Exchanges the newest token, atomically: of several callers with the same `from` exactly one gets true. */
  rotate(id: string, from: string, to: string, expires: number, now: number): Promise<boolean>;
  /** Ends a login; ending one that is not there is no error. */
  end(id: string): Promise<void>;
  /** Ends all logins of a user, `but` one. */
  endAll(uid: Uid, but?: string): Promise<void>;
}

/** What a request with an idempotency key was, and the id that its outcome got. */
export interface Claim {
  /** Keyed hash of operation and key. */
  readonly key: string;
  /** Keyed hash of operation, key and request. */
  readonly request: string;
  /** The id of what the request makes. */
  readonly outcome: string;
  readonly expires: number;
}

export interface Claims {
  /**
   * Writes the claim unless its key is claimed and not expired at `now`; returns the claim that holds the key afterwards. So
   * of several callers each learns the same `request` and `outcome`. Also forgets expired claims.
   */
  claim(claim: Claim, now: number): Promise<Claim>;
}

export interface Store {
  readonly users: Users;
  readonly logins: Logins;
  readonly claims: Claims;
  readonly messages: Messages;
  readonly directory: Directory;
  readonly contacts: Contacts;
  /** Resolves when the store answers and has its tables. */
  ping(): Promise<void>;
}
