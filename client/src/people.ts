/** Users, contacts and blocks. */
import type { Http } from "./http.ts";

/** A user as everybody sees them. */
export interface User {
  readonly id: string;
  /** Null for users of another issuer. */
  readonly username: string | null;
  /** Empty when the account is deleted. */
  readonly name: string;
  readonly avatar: string | null;
  /** The account is deleted. */
  readonly deleted?: true | undefined;
}

/** Somebody one has asked, who has asked, or who is a contact. */
export interface Contact {
  readonly user: User;
  /** `requested`: asked by oneself; `incoming`: asks oneself. `none`: it was ended meanwhile. */
  readonly state: "requested" | "incoming" | "contact" | "none";
  /** What came with the request. */
  readonly message?: string | undefined;
  /** ms since the epoch. */
  readonly since: number;
}

/** A page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** The `cursor` of the next page; undefined on the last. */
  readonly next: string | undefined;
}

/** Which page of a list. */
export interface PageOptions {
  /** `next` of the page before; without it the first. */
  readonly cursor?: string | undefined;
  /** How many, at most. */
  readonly limit?: number | undefined;
}

/** Profiles, and whom to find. */
export class Users {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** One's own profile. */
  async me(): Promise<User> {
    return this.#http.call("GET /me");
  }

  /** Changes one's name or avatar; `avatar: null` takes it away. */
  async change(change: {
    readonly name?: string | undefined;
    readonly avatar?: string | null | undefined;
  }): Promise<User> {
    return this.#http.call("PATCH /me", { json: change });
  }

  /** Somebody's card. Throws `not_found`. */
  async get(uid: string): Promise<User> {
    return this.#http.call(`GET /users/${encodeURIComponent(uid)}`);
  }

  /** Whoever has exactly this username. */
  async named(username: string): Promise<User | undefined> {
    const { users } = await this.#http.call<{ users: User[] }>("GET /users", { query: { username } });
    return users[0];
  }

  /** Users whose username or name begins so. */
  async search(text: string, options: PageOptions = {}): Promise<Page<User>> {
    const query = { q: text, ...options };
    const { users, next } = await this.#http.call<{ users: User[]; next?: string }>("GET /users", { query });
    return { items: users, next };
  }

  /**
   * Deletes one's account, for ever. It takes a while on the server, but all connections and logins end at once: the chat is `closed`, and what
   * the device has kept is yours to delete.
   */
  async deleteMe(): Promise<void> {
    await this.#http.call("DELETE /me", { ends: true });
  }
}

/** Contacts and requests. */
export class Contacts {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Contacts and open requests, or those in one `state`; in the order of the uids. */
  async list(options: PageOptions & { readonly state?: Contact["state"] | undefined } = {}): Promise<Page<Contact>> {
    const query = { ...options };
    const { contacts, next } = await this.#http.call<{ contacts: Contact[]; next?: string }>("GET /contacts", {
      query,
    });
    return { items: contacts, next };
  }

  /** Asks somebody to be a contact; if they have asked already, that is agreed. How it stands now. */
  async request(uid: string, message?: string): Promise<Contact> {
    const json = { user: uid, message };
    return one(await this.#http.call("POST /contacts", { json, idempotent: true }));
  }

  /** Says yes to a request. Throws `not_found` when there is none. */
  async accept(uid: string): Promise<Contact> {
    return one(await this.#http.call(`POST /contacts/${encodeURIComponent(uid)}/accept`, { idempotent: true }));
  }

  /** Says no to a request; nobody is told. */
  async reject(uid: string): Promise<void> {
    await this.#http.call(`POST /contacts/${encodeURIComponent(uid)}/reject`, { idempotent: true });
  }

  /** Ends a contact, or takes one's own request back. */
  async remove(uid: string): Promise<void> {
    await this.#http.call(`DELETE /contacts/${encodeURIComponent(uid)}`);
  }
}

function one({ contact }: { readonly contact: Contact }): Contact {
  return contact;
}

/** Whom one does not want to hear of. */
export class Blocks {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Their uids. */
  async list(): Promise<readonly string[]> {
    return (await this.#http.call<{ blocks: string[] }>("GET /blocks")).blocks;
  }

  /** Blocks somebody: they cannot write, and do not see whether one is online. */
  async add(uid: string): Promise<void> {
    await this.#http.call(`PUT /blocks/${encodeURIComponent(uid)}`);
  }

  /** Ends that. */
  async remove(uid: string): Promise<void> {
    await this.#http.call(`DELETE /blocks/${encodeURIComponent(uid)}`);
  }
}
