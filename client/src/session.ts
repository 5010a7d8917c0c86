/** Accounts and logins: getting tokens, keeping them, and having them renewed in time. */
import { Emitter } from "./emitter.ts";
import { MpimError } from "./errors.ts";
import { Http, type HttpOptions, type TokenSource } from "./http.ts";
import type { User } from "./people.ts";
import { storeFailed } from "./store/store.ts";
import { within } from "./within.ts";

/** What a login is made of; keep it like a password. */
export interface Tokens {
  readonly user: User;
  /** Access token. */
  readonly token: string;
  /** Good for one exchange; repeated within a minute that has the same outcome. */
  readonly refreshToken: string;
  /** When the access token ends, ms since the epoch by this device's clock. */
  readonly expires: number;
}

/**
 * Where tokens are kept. `lock` runs work while nobody else who shares the place does: a refresh token that is used again after its
 * successor ends the login, so two tabs must not renew at once.
 */
export interface TokenStore {
  /** The tokens; undefined when there are none. */
  load(): Promise<Tokens | undefined>;
  /** Keeps tokens, or forgets them. */
  save(tokens: Tokens | undefined): Promise<void>;
  /** Runs work while nobody else does who shares the place. */
  lock?<T>(work: () => Promise<T>): Promise<T>;
}

/** Where a login is made, and where it is kept. */
export interface SessionOptions extends Pick<HttpOptions, "url" | "fetch"> {
  /** Where tokens are kept; without it they last as long as the session object. */
  readonly keep?: TokenStore | undefined;
}

/** What a session tells, by name. */
export interface SessionEvents {
  /** New tokens, or none any more. */
  tokens: Tokens | undefined;
  /** Tokens cannot be kept, or forgotten: the login goes on with those that are here, which are not to be found by the next start. */
  storeError: unknown;
}

interface Granted {
  readonly user: User;
  readonly token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
}

/** Renewed when less than this is left. */
const EARLY_MS = 60_000;
/** An exchange whose answer was lost may be repeated for so long; the server allows some more. */
const REPEATABLE_MS = 50_000;
/** What could not be kept is tried again when a token is asked for, not sooner than after this. */
const AGAIN_MS = 5_000;
/** The place of the tokens answers in this time: less than a connection waits for its token. */
const PLACE_MS = 10_000;

/**
 * Makes an account and logs in. Throws `already_exists` when the username is taken; not when tokens cannot be kept: that is a
 * `storeError`.
 */
export async function register(
  options: SessionOptions & {
    readonly username: string;
    readonly password: string;
    readonly name?: string | undefined;
  },
): Promise<Session> {
  const { username, password, name } = options;
  const json = { username, password, name };
  const granted = await new Http({ ...options, token: undefined }).call<Granted>("POST /auth/register", {
    json,
    idempotent: true,
  });
  return Session.begin(options, tokensOf(granted));
}

/**
 * Logs in. Throws `unauthenticated` when username or password is wrong, `rate_limited` after too many attempts; not when tokens
 * cannot be kept: that is a `storeError`.
 */
export async function login(
  options: SessionOptions & { readonly username: string; readonly password: string },
): Promise<Session> {
  const { username, password } = options;
  const granted = await new Http({ ...options, token: undefined }).call<Granted>("POST /auth/login", {
    json: { username, password },
  });
  return Session.begin(options, tokensOf(granted));
}

/** Goes on with the login whose tokens are kept; undefined when there is none. Throws `unavailable` when they cannot be read. */
export async function resume(options: SessionOptions): Promise<Session | undefined> {
  const tokens = await found(options.keep);
  return tokens === undefined ? undefined : new Session(options, tokens);
}

/** One login. */
export class Session extends Emitter<SessionEvents> {
  readonly url: string;
  readonly #options: SessionOptions;
  readonly #http: Http;
  #tokens: Tokens | undefined;
  #renewing: Promise<string> | undefined;
  /** These tokens could not be kept. */
  #unkept = false;
  /** The refresh token that is kept in their place, if any is. */
  #behind: string | undefined;
  #notBefore = 0;
  #mending = false;
  #saving: Promise<void> | undefined;

  constructor(options: SessionOptions, tokens: Tokens) {
    super();
    this.url = options.url;
    this.#options = options;
    this.#http = new Http({ ...options, token: undefined });
    this.#tokens = tokens;
  }

  /** A login that is new: its tokens take the place of whatever is kept there. */
  static async begin(options: SessionOptions, tokens: Tokens): Promise<Session> {
    const session = new Session(options, tokens);
    session.#behind = (await found(options.keep).catch(() => undefined))?.refreshToken;
    // The last thing to wait for: a failure is told soon after.
    await session.#keep();
    return session;
  }

  /** Whose login it is. */
  get user(): User {
    if (this.#tokens === undefined) throw over();
    return this.#tokens.user;
  }

  /** The tokens as they are now; undefined after the login has ended. */
  get tokens(): Tokens | undefined {
    return this.#tokens;
  }

  /** An access token that is good for a while, renewed if need be: give this function to `connect`. */
  readonly token: TokenSource = async ({ refused }) => {
    const tokens = this.#tokens;
    if (tokens === undefined) throw over();
    if (tokens.token !== refused && tokens.expires > Date.now() + EARLY_MS) {
      // Nobody who has a good token waits for the place where it is to be kept.
      if (this.#unkept && !this.#mending && performance.now() >= this.#notBefore) void this.#mend();
      return tokens.token;
    }
    this.#renewing ??= this.#renew(tokens.token).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  };

  /** Ends the login on the server, with all its connections, and forgets the tokens; not those that another user keeps there by now. */
  async logout(): Promise<void> {
    const last = this.#tokens;
    const http = new Http({ ...this.#options, token: async (asked) => this.#lastToken(asked.refused) });
    try {
      await http.call("POST /auth/logout", { idempotent: true });
    } catch (error) {
      // A login that has ended is what was wanted.
      if (!(error instanceof MpimError) || error.code !== "unauthenticated") throw error;
    }
    if (last !== undefined) await this.#locked(async () => this.#end(last));
  }

  async #renew(old: string): Promise<string> {
    return this.#locked(async () => {
      const own = this.#tokens;
      if (own === undefined) throw over();
      // Somebody who shares the place may have renewed it meanwhile, or have logged out: what is here would be a second use.
      const { keep } = this.#options;
      const there = keep === undefined ? own : await found(keep);
      // What is there still is what these were exchanged for: to exchange it again would be the second use.
      const kept = this.#unkept && there?.refreshToken === this.#behind ? own : there;
      // Who acts by this session is one user, whoever has logged in at the same place since.
      if (kept === undefined || kept.user.id !== own.user.id) {
        await this.#end(own);
        throw over();
      }
      if (kept.token !== old && kept.expires > Date.now() + EARLY_MS) {
        this.#tokens = kept;
        this.#unkept &&= kept === own;
        return kept.token;
      }
      try {
        const tokens = await this.#refresh(kept);
        this.#tokens = tokens;
        this.#behind = there?.refreshToken;
        await this.#keep();
        this.emit("tokens", tokens);
        return tokens.token;
      } catch (error) {
        if (error instanceof MpimError && error.code === "unauthenticated") await this.#end(own);
        throw error;
      }
    });
  }

  /** A token to end this login with; its own, even where another user's are kept by now. */
  async #lastToken(refused: string | undefined): Promise<string> {
    const own = this.#tokens;
    if (own === undefined) throw over();
    if (own.token !== refused && own.expires > Date.now()) return own.token;
    const kept = await found(this.#options.keep);
    if (kept === undefined || kept.user.id === own.user.id) return this.token({ refused });
    // Nothing is kept of it. A second use would end the login, as is wanted.
    return (await this.#refresh(own)).token;
  }

  async #refresh({ refreshToken }: Tokens): Promise<Tokens> {
    const json = { refresh_token: refreshToken };
    try {
      return tokensOf(await this.#http.call<Granted>("POST /auth/refresh", { json, repeatable: REPEATABLE_MS }));
    } catch (error) {
      // Only the server itself ends a login, and it signs what it says: a proxy may want a login of its own.
      if (!(error instanceof MpimError) || error.code !== "unauthenticated" || error.requestId !== undefined)
        throw error;
      throw new MpimError("unavailable", "something else than the server refuses the login", { cause: error });
    }
  }

  /** Keeps the tokens in place of those that they were exchanged for. What cannot be kept now is kept later. */
  async #keep(): Promise<void> {
    try {
      await this.#save();
      this.#unkept = false;
    } catch (error) {
      this.#unkept = true;
      this.#notBefore = performance.now() + AGAIN_MS;
      // Once whoever has just got this session can have begun to listen.
      setTimeout(() => this.emit("storeError", error));
    }
  }

  /** Puts the tokens there, or none. One after the other: a write that hangs must not replace what is newer when it ends. */
  async #save(): Promise<void> {
    await inTime(this.#saving?.catch(() => {}));
    this.#saving = this.#options.keep?.save(this.#tokens);
    await inTime(this.#saving);
  }

  /** Keeps what could not be kept, unless somebody else has put something there since. Never rejects. */
  async #mend(): Promise<void> {
    this.#mending = true;
    await this.#locked(async () => {
      try {
        const there = await found(this.#options.keep);
        if (there?.refreshToken !== this.#behind) this.#unkept = false;
      } catch {
        // As bad as a failure to write.
      }
      if (this.#unkept && this.#tokens !== undefined) await this.#keep();
    }).catch(() => {});
    this.#mending = false;
  }

  /** The login is over. What is kept is forgotten, if it is of the same user. */
  async #end({ user }: Tokens): Promise<void> {
    this.#tokens = undefined;
    try {
      if ((await found(this.#options.keep))?.user.id === user.id) await this.#save();
    } catch (error) {
      this.emit("storeError", error);
    }
    this.emit("tokens", undefined);
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const { keep } = this.#options;
    return keep?.lock === undefined ? work() : keep.lock(work);
  }
}

/** The tokens that are kept. */
async function found(keep: TokenStore | undefined): Promise<Tokens | undefined> {
  try {
    return await inTime(keep?.load());
  } catch (cause) {
    throw new MpimError("unavailable", "the tokens cannot be read", { cause });
  }
}

async function inTime<T>(work: Promise<T> | undefined): Promise<T | undefined> {
  return work && within(PLACE_MS, work, () => storeFailed("the place of the tokens does not answer"));
}

function tokensOf({ user, token, refresh_token: refreshToken, expires_in: seconds }: Granted): Tokens {
  if (typeof token !== "string") throw new MpimError("unavailable", "there is no token");
  return { user, token, refreshToken, expires: Date.now() + seconds * 1000 };
}

function over(): MpimError {
  return new MpimError("unauthenticated", "the login has ended");
}
