/** Logins of this terminal, and where they are kept: `<folder>/<server>/<username>`. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { connect, login, register, resume, type Chat, type Session } from "../src/mpim.ts";
import { file, fileTokens } from "../src/node.ts";

/** As much as a device may be called. */
const NAME_CHARACTERS = 128;

export interface Place {
  readonly url: string;
  readonly folder: string;
}

export interface Account {
  readonly session: Session;
  readonly chat: Chat;
  readonly username: string;
}

/** Goes on with the login that was used last; undefined when there is none. */
export async function again(place: Place): Promise<Account | undefined> {
  const username = await readFile(last(place), "utf8").catch(() => "");
  if (username === "") return undefined;
  const session = await resume({ url: place.url, keep: fileTokens(tokens(place, username)) });
  return session === undefined ? undefined : open(place, username, session);
}

/** Logs in. */
export async function enter(place: Place, username: string, password: string): Promise<Account> {
  const options = await keeping(place, username);
  return open(place, username, await login({ ...options, username, password }));
}

/** Makes an account, and logs in. */
export async function signUp(place: Place, username: string, password: string, name: string): Promise<Account> {
  const options = await keeping(place, username);
  return open(place, username, await register({ ...options, username, password, name }));
}

/** Ends the login, and forgets what this terminal has kept of it. */
export async function leave(place: Place, account: Account): Promise<void> {
  await account.session.logout();
  await forget(place, account);
}

/** Forgets what this terminal has kept of a login that has ended. */
export async function forget(place: Place, { chat, username }: Account): Promise<void> {
  await chat.close();
  await rm(home(place, username), { recursive: true, force: true });
  await rm(last(place), { force: true });
}

async function open(place: Place, username: string, session: Session): Promise<Account> {
  const store = file(join(home(place, username), "store"));
  const device = { name: `terminal on ${hostname()}`.slice(0, NAME_CHARACTERS), platform: process.platform };
  const chat = await connect({ url: place.url, token: session.token, store, device });
  await writeFile(last(place), username);
  return { session, chat, username };
}

async function keeping(place: Place, username: string): Promise<{ url: string; keep: ReturnType<typeof fileTokens> }> {
  await mkdir(home(place, username), { recursive: true, mode: 0o700 });
  return { url: place.url, keep: fileTokens(tokens(place, username)) };
}

function home({ url, folder }: Place, username: string): string {
  return join(folder, new URL(url).host.replaceAll(":", "_"), username.toLowerCase().replaceAll(/[^a-z0-9._-]/g, "_"));
}

function tokens(place: Place, username: string): string {
  return join(home(place, username), "tokens.json");
}

function last(place: Place): string {
  return join(home(place, ".."), "last");
}
