/**
 * 20 users in 10 direct chats send 2,000 messages while the server is killed three times (`kill -9` of its process).
 * Clients connect again and send what was not answered again, with the same ids. A seed makes the choices.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api, type Account } from "./api.ts";
import { Client } from "./client.ts";
import type { Frame } from "./connection.ts";
import { seeded } from "./random.ts";
import { startServer } from "./server.ts";

export const CHATS = 10;
export const PER_CHAT = 200;
/** A user sends on while fewer than this many are without an answer. */
const IN_FLIGHT = 8;

/** One user, in one chat. */
export interface Person {
  readonly account: Account;
  readonly uid: string;
  readonly cid: string;
  readonly peer: string;
  readonly client: Client;
  /** Texts by id, in the order of sending. */
  readonly plan: ReadonlyMap<string, string>;
  /** Every seq that the server has given as the place of an id. */
  readonly places: ReadonlyMap<string, ReadonlySet<number>>;
  /** How far this user has read on purpose. */
  readSeq: number;
}

export interface Storm {
  readonly api: Api;
  readonly pairs: readonly (readonly [Person, Person])[];
  readonly people: readonly Person[];
  /** Sends without an answer at each kill. */
  readonly outstanding: readonly number[];
  readonly chance: (from: number, to: number) => number;
  end(): Promise<void>;
}

const config = { limits: { rate: 1000, burst: 2000 }, auth: { scrypt_log_n: 10 } };

/** Runs it to the point where everybody has everything. */
export async function runStorm(seed: number): Promise<Storm> {
  const random = seeded(seed);
  const chance = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  // One kill in each of three stretches of the run, after so many answers; further apart than all outboxes hold.
  const kills = [chance(150, 500), chance(800, 1150), chance(1450, 1800)];
  console.log(`E2E_SEED=${seed}: kill -9 after ${kills.join(", ")} answers`);
  const data = mkdtempSync(join(tmpdir(), "mpim-storm-"));
  let server = await startServer({ data, config });
  let up = Promise.resolve();
  const { port } = server;
  const outstanding: number[] = [];
  const gates = kills.map((at) => ({ at, ...Promise.withResolvers<void>() }));
  let answers = 0;
  const answered = (): void => {
    answers += 1;
    for (const gate of gates) if (gate.at === answers) gate.resolve();
  };
  const api = new Api(server.url);
  const pairs = await Promise.all(Array.from({ length: CHATS }, (_, i) => meet(api, i, chance, answered)));
  const people = pairs.flat();
  const killer = async (): Promise<void> => {
    for (const gate of gates) {
      await gate.promise;
      const { promise, resolve } = Promise.withResolvers<void>();
      up = promise;
      outstanding.push(people.reduce((sum, { client }) => sum + client.outbox.size, 0));
      await server.kill9();
      server = await startServer({ data, config, port });
      resolve();
    }
  };
  const end = async (): Promise<void> => {
    await Promise.all(people.map(({ client }) => client.close()));
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  };
  try {
    await Promise.all([killer(), ...people.map((person) => talk(person, chance(10, 40), () => up))]);
    await Promise.all(people.map(caughtUp));
  } catch (error) {
    await end();
    throw error;
  }
  return { api, pairs, people, chance, outstanding, end };
}

/** Two new users, connected. */
async function meet(
  api: Api,
  chat: number,
  chance: Storm["chance"],
  answered: () => void,
): Promise<readonly [Person, Person]> {
  const first = chance(70, 130);
  const [a, b] = await Promise.all([api.register(`storm-a${chat}`), api.register(`storm-b${chat}`)]);
  const cid = `d.${[a.user.id, b.user.id].toSorted().join(".")}`;
  const person = async (account: Account, peer: Account, count: number): Promise<Person> => {
    const { username, id: uid } = account.user;
    const numbers = Array.from({ length: count }, (_, n) => String(n + 1).padStart(4, "0"));
    const plan = new Map(numbers.map((n) => [`${username}-${n}`, `${username} says ${n}`]));
    const places = new Map<string, Set<number>>();
    const onFrame = (frame: Frame): void => {
      if (frame.t !== "sent") return;
      const { id, seq } = frame as unknown as { id: string; seq: number };
      if (!places.has(id)) answered();
      places.set(id, (places.get(id) ?? new Set()).add(seq));
    };
    const client = new Client({
      url: api.url,
      token: account.token,
      device: "one",
      since: 0,
      reconnect: true,
      onFrame,
    });
    await client.connect();
    return { account, uid, cid, peer: peer.user.id, client, plan, places, readSeq: 0 };
  };
  return [await person(a, b, first), await person(b, a, PER_CHAT - first)];
}

/**
 * Sends the plan; reads after every so many messages. Nothing new is begun while the server is away, so that the next
 * kill does not come after the last message.
 */
async function talk(person: Person, every: number, up: () => Promise<void>): Promise<void> {
  const { client, cid, peer, plan } = person;
  let count = 0;
  for (const [id, text] of plan) {
    await client.until(() => client.outbox.size < IN_FLIGHT, "room in the outbox");
    await up();
    client.send(`@${peer}`, text, id);
    if ((count += 1) % every !== 0) continue;
    person.readSeq = client.chats.get(cid)?.applied ?? 0;
    client.read(cid);
  }
  await client.until(() => client.outbox.size === 0, "answer to everything");
}

async function caughtUp({ client, cid }: Person): Promise<void> {
  await client.until(() => (client.chats.get(cid)?.applied ?? 0) >= PER_CHAT, "the whole chat");
}
