/** A user's system conversation, and what of the moment goes by way of a chat. */
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/config.ts";
import type { Entry } from "../../../src/durable-objects/rpc.ts";
import type { Cid } from "../../../src/protocol/ids.ts";
import { makeEntries } from "../../support/arbitraries.ts";
import { Alice, ALICE, BOB, CHAT, ofBob, send, START } from "./fixture.ts";

const SYSTEM = "s.alice" as Cid;

/** Entries of the servers: each counts. */
function entries(first: number, last = first): Entry[] {
  const made = makeEntries(
    Array.from({ length: last - first + 1 }, () => ({ from: BOB })),
    first,
    first - 1,
  );
  return made.map((entry) => ({ ...entry, kind: "system", body: `{"event":"contact_request","user":"bob"}` }));
}

describe("a system conversation", () => {
  test("[UNR1] every entry counts until it is read, also one that names the user", () => {
    const alice = new Alice();
    const phone = alice.connect();
    alice.push(entries(1, 2), { cid: SYSTEM });
    alice.push([{ ...(entries(3)[0] as Entry), from: ALICE }], { cid: SYSTEM });
    expect(alice.head(SYSTEM)).toMatchObject({ type: "system", head: 3, read: 0, unread: 3, mode: "push" });
    expect(alice.head(SYSTEM)).not.toHaveProperty("peer");
    alice.up(phone, { t: "read", cid: SYSTEM, seq: 2 });
    expect(alice.head(SYSTEM)).toMatchObject({ read: 2, unread: 1 });
    alice.wait(2000);
    alice.restart();
    expect(alice.head(SYSTEM)).toMatchObject({ head: 3, read: 2, unread: 1 });
  });

  test("[RCP1] nobody is told how far its user is", () => {
    const alice = new Alice();
    const phone = alice.connect();
    alice.push(entries(1, 2), { cid: SYSTEM });
    alice.up(phone, { t: "ack", cid: SYSTEM, seq: 2 }, { t: "read", cid: SYSTEM, seq: 1 });
    alice.wait(60_000);
    expect([alice.calls.mark, alice.calls.receipt, alice.calls.groupSignal]).toEqual([[], [], []]);
    expect(alice.head(SYSTEM)).toMatchObject({ read: 1, unread: 1 });
  });

  test.each(["before its first entry", "with entries"])("%s nobody writes in it, and it can be pulled", (when) => {
    const alice = new Alice();
    const phone = alice.connect();
    if (when === "with entries") alice.push(entries(1), { cid: SYSTEM });
    phone.take();
    alice.up(
      phone,
      { t: "typing", cid: SYSTEM, on: true },
      { t: "amend", id: "amend-01" as never, cid: SYSTEM, target: 1, op: "react", body: '{"emoji":"x"}' },
      send("message-1", { to: SYSTEM }),
      send("message-2", { to: SYSTEM, qos: 0 }),
    );
    const refs = [SYSTEM, "amend-01", "message-1"];
    expect(phone.words()).toEqual(refs.map((ref) => `error permission_denied ${ref}`));
    expect([alice.calls.append, alice.calls.groupSignal, alice.calls.signal]).toEqual([[], [], []]);
    alice.up(phone, { t: "pull", req: "r1", cid: SYSTEM, limit: 10 });
    expect(alice.call("page")).toMatchObject({ cid: SYSTEM });
  });

  test("an ack of what is not there asks once, and is refused", () => {
    const alice = new Alice();
    const phone = alice.connect();
    alice.up(phone, { t: "ack", cid: SYSTEM, seq: 1 });
    alice.call("append").answer({ results: [], entries: [], head: 0, settled: false }, alice.now);
    expect(phone.words()).toEqual([`error invalid_argument ${SYSTEM}`]);
  });

  test("a list of conversations shows what a long entry is about", () => {
    const alice = new Alice();
    const [entry] = entries(1) as [Entry];
    const body = JSON.stringify({ event: "contact_request", user: BOB, message: "x".repeat(512) });
    alice.push([{ ...entry, body }], { cid: SYSTEM });
    const about = { event: "contact_request", user: BOB };
    expect(alice.head(SYSTEM).last).toMatchObject({ kind: "system", body: about, truncated: true });
  });
});

describe.each(["anyone", "contacts"] as const)("where %s may write", (dm) => {
  test("what is of the moment goes past the chat, or by it", () => {
    const alice = new Alice(parseConfig(JSON.stringify({ messages: { dm } })));
    const phone = alice.connect();
    alice.push(ofBob(1));
    alice.up(phone, { t: "typing", cid: CHAT, on: true }, send("message-1", { qos: 0 }));
    const typing = { cid: CHAT, signal: { t: "typing", cid: CHAT, user: ALICE, on: true } };
    const message = { cid: CHAT, signal: { t: "message", cid: CHAT, user: ALICE } };
    if (dm === "contacts") {
      expect(alice.calls.groupSignal).toMatchObject([typing, message]);
      expect(alice.calls.signal).toEqual([]);
    } else {
      expect(alice.calls.groupSignal).toEqual([]);
      expect(alice.calls.signal).toMatchObject([typing, message].map(({ signal }) => ({ to: BOB, signal })));
    }
    expect(alice.now).toBe(START);
  });
});
