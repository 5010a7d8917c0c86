/** A group of ten thousand, five hundred of them connected, on the real server: what everybody gets, also across `kill -9`. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { GroupCard } from "../../src/durable-objects/group-rpc.ts";
import { Api } from "../support/api.ts";
import type { Message } from "../support/chat-log.ts";
import type { Head } from "../support/client.ts";
import { Listener } from "../support/listener.ts";
import { populate, type Inhabitant, type Population } from "../support/population.ts";
import { startServer } from "../support/server.ts";

const MEMBERS = 10_000;
const ONLINE = 500;
const MESSAGES = 20;
const READERS = 10;
/** Users that one request adds, and connections that are opened at a time. */
const PORTION = 900;
const AT_ONCE = 50;
const PATIENCE_MS = 60_000;
/** The whole test, on a machine with much else to do: ten thousand objects are made. */
const WHOLE_MS = 300_000;
/** Of each member's object there is a file, and its syncs are what takes time: four minutes of them on a disk. */
const MEMORY = "/dev/shm";

interface Counts {
  readonly delivered: number;
  readonly read: number;
  readonly members: number;
}

test(
  "[ORD2] [RES1] [UNR1] ten thousand members: 500 connected get everything in order and once, also after `kill -9`",
  async () => {
    const data = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "mpim-large-"));
    const first = await startServer({ data });
    await first.stop();
    const population = populate(data, MEMBERS);
    const listeners: Listener[] = [];
    const { port } = first;
    let server = await startServer({ data, port });
    try {
      const api = new Api(server.url);
      const { people } = population;
      const [owner, away] = [people[0], people.at(-1)] as [Inhabitant, Inhabitant];
      const [ownerToken, awayToken] = [await population.token(owner), await population.token(away)];
      const { id: cid } = await found(api, population, ownerToken);

      // Every twentieth, so that they were added by all the requests there were.
      const online = people.filter((_, n) => n % (MEMBERS / ONLINE) === 0);
      for (let i = 0; i < online.length; i += AT_ONCE) {
        const some = await Promise.all(
          online.slice(i, i + AT_ONCE).map(async (who) => {
            return new Listener({ url: server.url, token: await population.token(who), cid });
          }),
        );
        listeners.push(...some);
        await Promise.all(some.map((listener) => listener.connect()));
      }

      const [writer] = listeners as [Listener];
      const told = Array.from({ length: MESSAGES }, (_, n) => `message-${String(n).padStart(3, "0")}`);
      for (const id of told) writer.send(id, id);
      await everybody(
        listeners,
        "twenty messages",
        ({ log }) => log.size >= MESSAGES && lastId({ log }) === told.at(-1),
      );
      expect(new Set(listeners.map(({ applied }) => applied)).size).toBe(1);
      const head = writer.applied as number;
      for (const { broken, pulled, log, applied } of listeners) {
        expect(broken).toEqual([]);
        // Nobody had to ask for anything.
        expect(pulled).toBe(0);
        expect(applied).toBe(head);
        expect([...log.values()].slice(-MESSAGES)).toEqual(told);
      }

      // Who was away.
      const { heads } = await api.get<{ heads: Head[] }>("GET /v1/conversations", awayToken);
      expect(heads).toMatchObject([{ cid, head, unread: MESSAGES }]);
      const pages = await api.history<Message>(cid, awayToken, 7);
      expect(pages.filter(({ kind }) => kind === "text").map(({ id }) => id)).toEqual(told);

      // Who has it, of ten thousand.
      for (const reader of listeners.slice(1, 1 + READERS)) reader.read(head);
      const counts = await eventually(
        () => api.get<Counts>(`GET /v1/conversations/${cid}/receipts/${head}`, ownerToken),
        ({ delivered, read }) => delivered >= ONLINE - 1 && read >= READERS,
      );
      expect(counts).toEqual({ delivered: ONLINE - 1, read: READERS, members: MEMBERS - 1 });
      const [readers, others] = [
        await list(api, cid, head, "read", ownerToken),
        await list(api, cid, head, "unread", ownerToken),
      ];
      expect(readers).toEqual(online.slice(1, 1 + READERS).map(({ uid }) => uid));
      expect([...readers, ...others].toSorted()).toEqual(people.slice(1).map(({ uid }) => uid));

      // Twenty more, by five; the server is killed when a few have their answer.
      const writers = listeners.slice(0, 5);
      const more = new Map(writers.map((who, w) => [who, Array.from({ length: 4 }, (_, n) => `more-${w}-${n}-again`)]));
      const send = (from: number, to: number): void => {
        for (const [who, ids] of more) for (const id of ids.slice(from, to)) who.send(id, id);
      };
      const answered = (): number => writers.reduce((sum, { places }) => sum + places.size, 0);
      send(0, 2);
      const before = answered();
      await Promise.any(writers.map((who) => who.until(() => answered() > before, "first answer")));
      send(2, 4);
      // Counted in the moment of the signal: answers that are on their way arrive while the process ends.
      const killed = server.kill9();
      const unanswered = writers.reduce((sum, { outbox }) => sum + outbox.size, 0);
      await killed;
      expect(unanswered).toBeGreaterThan(0);
      server = await startServer({ data, port });
      await everybody(
        listeners,
        "forty messages",
        ({ applied, outbox }) => applied === head + MESSAGES && outbox.size === 0,
      );

      const log = await api.history<Message>(cid, ownerToken, 200);
      expect(log.map(({ seq }) => seq)).toEqual(Array.from({ length: head + MESSAGES }, (_, n) => n + 1));
      const added = log.slice(-MESSAGES).map(({ id }) => id);
      expect(added.toSorted()).toEqual([...more.values()].flat().toSorted());
      for (const { broken, log: held } of listeners) {
        expect(broken).toEqual([]);
        expect([...held.values()].slice(-2 * MESSAGES)).toEqual([...told, ...added]);
      }
      for (const { places } of writers) for (const seqs of places.values()) expect(seqs.size).toBe(1);
      const after = await api.get<{ heads: Head[] }>("GET /v1/conversations", awayToken);
      expect(after.heads).toMatchObject([{ cid, head: head + MESSAGES, unread: 2 * MESSAGES }]);
    } finally {
      await Promise.all(listeners.map((listener) => listener.close()));
      await server.stop();
      rmSync(data, { recursive: true, force: true });
    }
  },
  WHOLE_MS,
);

/** The first of the people makes a group with all the others, in as many requests as that takes. */
async function found(api: Api, { people }: Population, token: string): Promise<GroupCard> {
  let { group } = await api.get<{ group: GroupCard }>("POST /v1/groups", token, { name: "Ten thousand" });
  for (let i = 1; i < people.length; i += PORTION) {
    const users = people.slice(i, i + PORTION).map(({ uid }) => uid);
    ({ group } = await api.get<{ group: GroupCard }>(`POST /v1/groups/${group.id}/members`, token, { users }));
  }
  expect(group).toMatchObject({ members: people.length, mode: "pull" });
  return group;
}

async function everybody(listeners: readonly Listener[], what: string, has: (one: Listener) => boolean): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.until(() => has(listener), what)));
}

function lastId({ log }: Pick<Listener, "log">): string | undefined {
  return log.get(Math.max(...log.keys()));
}

/** What `ask` gives once that is enough, or in the end: watermarks come together, and some seconds late. */
async function eventually<T>(ask: () => Promise<T>, enough: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await ask();
    if (enough(value) || Date.now() > deadline) return value;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** All users of a receipt list. */
async function list(api: Api, cid: string, seq: number, which: "read" | "unread", token: string): Promise<string[]> {
  const all: string[] = [];
  for (let after = ""; ;) {
    const line = `GET /v1/conversations/${cid}/receipts/${seq}?list=${which}&limit=1000${after}`;
    const { users, next } = await api.get<{ users: string[]; next?: string }>(line, token);
    all.push(...users);
    if (next === undefined) return all;
    // A page may be short and not the last.
    after = `&after=${next}`;
  }
}
