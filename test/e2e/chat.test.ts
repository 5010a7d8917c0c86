/** Two people chat, ten times at once, while the server is killed three times; then everything has to be there. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Entry } from "../support/chat-log.ts";
import { Client, type Head } from "../support/client.ts";
import { CHATS, PER_CHAT, runStorm, type Person, type Storm } from "../support/storm.ts";

const seed = Number(process.env["E2E_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
const SEQS = Array.from({ length: PER_CHAT }, (_, i) => i + 1);

let storm: Storm;
beforeAll(async () => {
  storm = await runStorm(seed);
});
afterAll(() => storm?.end());

/** What a client holds of its chat, as it is compared. */
function held(client: Client, cid: string): Partial<Entry>[] {
  return [...(client.chats.get(cid)?.log.values() ?? [])].map(core);
}

function core({ seq, id, from, ts, kind, body }: Partial<Entry>): Partial<Entry> {
  return { seq: seq ?? 0, id: id ?? "", from: from ?? "", ts: ts ?? 0, kind: kind ?? "", body };
}

/** Asks for all heads until the one of the person's chat is as it should be; the last look otherwise. */
async function headOnce(client: Client, cid: string, right: (head: Head) => boolean): Promise<Head | undefined> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    await client.ask({ t: "sync", since: 0 });
    const head = client.heads.get(cid);
    if ((head !== undefined && right(head)) || Date.now() > deadline) return head;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("the server was killed three times with sends on the way", () => {
  expect(storm.outstanding).toHaveLength(3);
  for (const count of storm.outstanding) expect(count).toBeGreaterThan(0);
  expect(storm.pairs).toHaveLength(CHATS);
});

test("[DUR1] [DUP1] every sent message is in the log once, at the seq that was answered, on both sides", () => {
  let sent = 0;
  for (const pair of storm.pairs) {
    for (const { plan, places, uid, client, cid } of pair) {
      expect(client.failed).toEqual(new Map());
      for (const [id, text] of plan) {
        const [seq, ...others] = places.get(id) ?? [];
        expect({ id, others }).toEqual({ id, others: [] });
        for (const side of pair) {
          const found = held(side.client, cid).filter((entry) => entry.id === id && entry.from === uid);
          expect(found).toMatchObject([{ seq, body: { text } }]);
        }
        sent += 1;
      }
    }
  }
  expect(sent).toBe(CHATS * PER_CHAT);
});

test("[ORD1] the seqs of every chat are 1 to n without a gap", () => {
  for (const { client, cid } of storm.people) expect(held(client, cid).map(({ seq }) => seq)).toEqual(SEQS);
});

test("[ORD2] every connection got each chat in rising order, and what one user sends stays in its order", () => {
  for (const { client, cid, uid, plan } of storm.people) {
    expect(client.disorder).toEqual([]);
    const own = held(client, cid).filter(({ from }) => from === uid);
    expect(own.map(({ id }) => id)).toEqual([...plan.keys()]);
  }
});

test("[RES1] both sides have the same, which is what the HTTP API pages through", async () => {
  for (const [a, b] of storm.pairs) {
    expect(held(a.client, a.cid)).toEqual(held(b.client, b.cid));
    const pages = await storm.api.history<Entry>(a.cid, a.account.token, 37);
    expect(pages.map(core)).toEqual(held(a.client, a.cid));
  }
});

/** The head's unread count, and what it should be by the log. */
async function unread(person: Person, client: Client): Promise<[Head | undefined, Partial<Head>]> {
  const { cid, uid, readSeq } = person;
  const log = held(person.client, cid);
  const read = Math.max(readSeq, log.findLast(({ from }) => from === uid)?.seq ?? 0);
  const count = log.filter((entry) => entry.from !== uid && (entry.seq ?? 0) > read).length;
  const expected = { cid, head: PER_CHAT, read, unread: count };
  return [await headOnce(client, cid, (head) => head.read === read && head.head === PER_CHAT), expected];
}

test("[UNR1] unread is exact, where chats are read again and where they are not", async () => {
  for (const person of storm.people) {
    const until = [0, storm.chance(1, PER_CHAT), PER_CHAT][storm.chance(0, 2)] as number;
    person.readSeq = Math.max(person.readSeq, until);
    person.client.read(person.cid, person.readSeq);
  }
  for (const person of storm.people) {
    const [head, expected] = await unread(person, person.client);
    expect(head).toMatchObject(expected);
    const { heads } = await storm.api.get<{ heads: Head[] }>("GET /v1/conversations", person.account.token);
    expect(heads).toHaveLength(1);
    expect(heads).toMatchObject([expected]);
  }
});

test("[RCP1] each side knows how far the other has got and has read", async () => {
  for (const [a, b] of storm.pairs) {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const [, { read = 0 }] = await unread(other, other.client);
      const right = ({ peer }: Head): boolean => peer?.delivered === PER_CHAT && peer.read === read;
      expect((await headOnce(one.client, one.cid, right))?.peer).toMatchObject({ delivered: PER_CHAT, read });
    }
  }
});

test("a new login on a new device gets everything by sync since 0 and pull", async () => {
  for (const person of storm.people) {
    const { token } = await storm.api.login(person.account.user.username);
    const fresh = new Client({ url: storm.api.url, token, device: "two" });
    await fresh.connect();
    const [head, expected] = await unread(person, fresh);
    expect(head).toMatchObject(expected);
    await fresh.until(() => fresh.chats.get(person.cid)?.applied === PER_CHAT, "the whole chat");
    expect(held(fresh, person.cid)).toEqual(held(person.client, person.cid));
    await fresh.close();
  }
});
