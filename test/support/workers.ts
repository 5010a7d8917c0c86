/** Users, their devices through the Worker's handler, and the objects behind them, inside the runtime. */
import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, vi } from "vitest";
import type { ConversationObject } from "../../src/durable-objects/conversation/conversation-object.ts";
import type { RelayObject } from "../../src/durable-objects/relay/relay-object.ts";
import type { UserObject } from "../../src/durable-objects/user/user-object.ts";
import { directCid, type Cid, type Uid } from "../../src/protocol/ids.ts";
import { issueToken } from "../../src/workers/edge/tokens.ts";
import { services } from "../../src/workers/env.ts";
import { Device, PATIENCE_MS } from "./device.ts";

export interface Hello {
  readonly device?: string;
  readonly since?: number;
  readonly token?: string;
}

/** Whoever waits for a frame that does not come shall say so before the runner gives up. */
vi.setConfig({ testTimeout: 3 * PATIENCE_MS });

let made = 0;
const dialled = new Set<Device>();

afterEach(async () => {
  vi.restoreAllMocks();
  const open = [...dialled];
  dialled.clear();
  await Promise.all(open.map((device) => device.close()));
});

/** A new user with a login; the name only makes failures readable. */
export async function user(name: string): Promise<Uid> {
  const uid = `${name}${(made += 1)}` as Uid;
  await services(env).users.ensure(uid, name.toUpperCase(), Date.now());
  return uid;
}

/** Two users and their chat. */
export async function pair(): Promise<{ alice: Uid; bob: Uid; cid: Cid }> {
  const [alice, bob] = [await user("alice"), await user("bob")];
  return { alice, bob, cid: directCid(alice, bob) };
}

/** An access token of a login of its own. */
export async function token(uid: Uid): Promise<string> {
  const { store, tokenKey, config } = services(env);
  if (tokenKey === undefined) throw new Error("no TOKEN_KEY");
  const now = Date.now();
  const login = `${(made += 1)}`.padStart(26, "0");
  await store.logins.begin({ id: login, uid, family: "f", current: "c", expires: now + 1e9, exchanged: 0 }, now);
  return issueToken(tokenKey, config.auth, uid, login, now);
}

/** Opens a WebSocket and says nothing on it yet. */
export async function dial(): Promise<Device> {
  const response = await exports.default.fetch("https://mpim.test/v1/ws", {
    headers: { upgrade: "websocket", "sec-websocket-protocol": "mpim.v1.json" },
  });
  if (response.webSocket === null) throw new Error(`no socket: ${response.status} ${await response.text()}`);
  const device = new Device(response.webSocket);
  dialled.add(device);
  return device;
}

/** Connects a device of a user and waits for `welcome`. */
export async function connect(uid: Uid, hello: Hello = {}): Promise<Device> {
  const device = await dial();
  const { device: id = "phone", since } = hello;
  device.write({
    t: "hello",
    v: 1,
    token: hello.token ?? (await token(uid)),
    device: { id },
    ...(since !== undefined && { since }),
  });
  const { version } = await device.next("welcome");
  device.version = version;
  return device;
}

/** The numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

export function userStub(uid: Uid): DurableObjectStub<UserObject> {
  return env.USERS.get(env.USERS.idFromName(uid));
}

/** One relay of a group. */
export function relayStub(cid: Cid, node = 0): DurableObjectStub<RelayObject> {
  return env.RELAYS.get(env.RELAYS.idFromName(`${cid}#${node}`));
}

export function conversationStub(cid: Cid): DurableObjectStub<ConversationObject> {
  return env.CONVERSATIONS.get(env.CONVERSATIONS.idFromName(cid));
}

/** What a statement gives in an object's SQLite. */
export function rows(
  stub: DurableObjectStub<UserObject> | DurableObjectStub<ConversationObject>,
  query: string,
): Promise<Record<string, SqlStorageValue>[]> {
  return runInDurableObject<DurableObject, Record<string, SqlStorageValue>[]>(stub, (_, { storage }) =>
    storage.sql.exec(query).toArray(),
  );
}
