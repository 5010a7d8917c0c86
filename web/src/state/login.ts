/** From tokens to a chat: sign in, sign up, go on, sign out. */
import {
  connect,
  forgetIndexedDb,
  indexedDb,
  localTokens,
  login,
  register,
  resume,
  type Chat,
  type Session,
} from "../../../client/src/mpim.ts";
import { People } from "./people.ts";

export interface Account {
  readonly session: Session;
  readonly chat: Chat;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly name?: string | undefined;
}

const shared = () => ({ url: location.origin, keep: localTokens("web") });

/** The chat of whoever is signed in in this browser; undefined when nobody is. */
export async function goOn(): Promise<Account | undefined> {
  const session = await resume(shared());
  return session === undefined ? undefined : open(session);
}

export async function signIn(credentials: Credentials): Promise<Account> {
  return open(await login({ ...shared(), ...credentials }));
}

export async function signUp(credentials: Credentials): Promise<Account> {
  return open(await register({ ...shared(), ...credentials }));
}

/** Ends the login and deletes what this browser keeps of it. */
export async function signOut({ session, chat }: Account): Promise<void> {
  const name = storeName(session);
  try {
    await session.logout();
  } finally {
    await chat.close();
    await localTokens("web").save(undefined);
    People.forget();
    await forgetIndexedDb(name);
  }
}

export function deviceName(): string {
  const { userAgent } = navigator;
  const browser = /Firefox|Edg|Chrome|Safari/.exec(userAgent)?.[0].replace("Edg", "Edge") ?? "Browser";
  const system = /Windows|Android|iPhone|iPad|Mac OS|Linux/.exec(userAgent)?.[0] ?? "";
  return system === "" ? browser : `${browser}, ${system}`;
}

async function open(session: Session): Promise<Account> {
  const chat = await connect({
    url: session.url,
    token: session.token,
    store: indexedDb(storeName(session)),
    device: { name: deviceName(), platform: "web" },
    // Somebody waits in front of it.
    backoff: { least: 300, most: 10_000 },
  });
  return { session, chat };
}

function storeName(session: Session): string {
  return `web:${session.user.id}`;
}
