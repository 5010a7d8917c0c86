/** From tokens to a chat: sign in, sign up, go on, sign out. */
import {
  connect,
  forgetIndexedDb,
  indexedDb,
  localTokens,
  login,
  memory,
  register,
  resume,
  type Chat,
  type Session,
  type Tokens,
  type TokenStore,
} from "../../../client/src/mpim.ts";
import { Chats } from "./chats.ts";
import { Drafts } from "./drafts.ts";
import { People } from "./people.ts";
import { canKeep, Shelf } from "./shelf.ts";

export interface Account {
  readonly session: Session;
  readonly chat: Chat;
  /** A uid. The session's own is gone, or somebody else's, when the login has ended: what is deleted then goes by this one. */
  readonly user: string;
  /** What is written here outlives the page. */
  readonly stored: boolean;
  readonly shelf: Shelf;
  readonly chats: Chats;
  readonly people: People;
  readonly drafts: Drafts;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly name?: string | undefined;
}

/** Who signs out waits so long for the server to hear of it, ms. */
const TELL_MS = 10_000;
/** Another tab may hold on to a database that is to be deleted; then the browser deletes it when that lets go. */
const DELETE_MS = 3_000;

/** One login for all tabs; where this browser keeps nothing, it lasts as long as the page. */
const TOKENS: TokenStore = canKeep() ? localTokens("web") : held(undefined);

const shared = () => ({ url: location.origin, keep: TOKENS });

/** The chat of whoever is signed in in this browser; undefined when nobody is. */
export async function goOn(): Promise<Account | undefined> {
  const kept = await keptTokens();
  const session = kept === undefined ? undefined : await resume(shared());
  if (session === undefined) return undefined;
  const { id } = session.user;
  try {
    return await open(session);
  } catch (error) {
    if ((error as { code?: unknown }).code === "unauthenticated") await forgetStored(id, new Shelf(id));
    throw error;
  }
}

export async function signIn(credentials: Credentials): Promise<Account> {
  return open(await login({ ...shared(), ...credentials }));
}

export async function signUp(credentials: Credentials): Promise<Account> {
  return open(await register({ ...shared(), ...credentials }));
}

/** Whose login this browser has, as seen from an account's page. */
export async function whoIsHere({ user }: Account): Promise<"same" | "other" | "nobody"> {
  const kept = await keptTokens();
  return kept === undefined ? "nobody" : kept.user.id === user ? "same" : "other";
}

/** Deletes what this browser keeps of a login, then ends it on the server. False: the server could not be told. */
export async function signOut(account: Account): Promise<boolean> {
  const kept = await keptTokens();
  const own = kept?.user.id === account.user;
  // Another tab may have renewed them; those of somebody else stay.
  const tokens = own ? kept : account.session.tokens;
  if (own) await TOKENS.save(undefined);
  await forget(account);
  return tokens === undefined || within(end(tokens), TELL_MS);
}

/** Deletes what this browser keeps of a login that has ended, but for tokens: any that are here belong to a newer one. */
export async function forget({ chat, user, shelf, people, drafts }: Account): Promise<void> {
  drafts.close();
  people.close();
  shelf.forget();
  await chat.close().catch(() => {});
  await forgetStored(user, shelf);
}

export function deviceName(): string {
  const { userAgent } = navigator;
  const browser = /Firefox|Edg|Chrome|Safari/.exec(userAgent)?.[0].replace("Edg", "Edge") ?? "Browser";
  const system = /Windows|Android|iPhone|iPad|Mac OS|Linux/.exec(userAgent)?.[0] ?? "";
  return system === "" ? browser : `${browser}, ${system}`;
}

async function open(session: Session): Promise<Account> {
  const user = session.user.id;
  const { chat, stored } = await connected(session, storeName(user));
  const shelf = new Shelf(user);
  const parts = { chats: new Chats(chat, shelf), people: new People(chat, shelf), drafts: new Drafts(shelf) };
  return { session, chat, user, stored, shelf, ...parts };
}

async function connected(session: Session, name: string): Promise<Pick<Account, "chat" | "stored">> {
  const options = {
    url: session.url,
    token: session.token,
    device: { name: deviceName(), platform: "web" },
    // Somebody waits in front of it.
    backoff: { least: 300, most: 10_000 },
  };
  const store = indexedDb(name);
  try {
    return { chat: await connect({ ...options, store }), stored: true };
  } catch (error) {
    // A browser may refuse to keep anything, and somebody may have changed what it keeps. Other codes are about login and server.
    const { code } = error as { code?: unknown };
    if (code !== "store_failed" && code !== "wrong_store") throw error;
    await store.close().catch(() => {});
    return { chat: await connect({ ...options, store: memory() }), stored: false };
  }
}

async function keptTokens(): Promise<Tokens | undefined> {
  try {
    return await TOKENS.load();
  } catch {
    return undefined;
  }
}

/** Ends the login on the server, with tokens that are kept nowhere any more. */
async function end(tokens: Tokens): Promise<void> {
  const session = await resume({ url: location.origin, keep: held(tokens) });
  await session?.logout();
}

function held(tokens: Tokens | undefined): TokenStore {
  let now = tokens;
  return {
    load: () => Promise.resolve(now),
    save: (next) => {
      now = next;
      return Promise.resolve();
    },
  };
}

async function forgetStored(user: string, shelf: Shelf): Promise<void> {
  shelf.forget();
  await within(forgetIndexedDb(storeName(user)), DELETE_MS);
}

/** Whether something was done, and in time. */
async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => {
    setTimeout(() => resolve(false), ms);
  });
  const done = work.then(
    () => true,
    () => false,
  );
  return Promise.race([done, late]);
}

function storeName(user: string): string {
  return `web:${user}`;
}
