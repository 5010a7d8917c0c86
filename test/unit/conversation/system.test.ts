/** A user's system conversation, and direct chats in which only contacts write. */
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/config.ts";
import { Conversation } from "../../../src/durable-objects/conversation/conversation.ts";
import { ConversationStore } from "../../../src/durable-objects/conversation/conversation-store.ts";
import type { Cid, Uid } from "../../../src/protocol/ids.ts";
import { openSqlite } from "../../support/sqlite.ts";
import { ALICE, amendment, BOB, Chat, CONFIG, DAY, draft, START, word } from "./fixture.ts";

const SYSTEM = "s.alice" as Cid;
const CONTACTS = parseConfig('{"messages":{"dm":"contacts"}}');

describe("a system conversation", () => {
  const db = openSqlite();
  const open = (now: number): Conversation =>
    new Conversation(SYSTEM, new ConversationStore(db.sql, db.transact, "system"), CONFIG, now, false);

  test("[UNR1] [DUP1] [ORD1] has each announcement once, and each counts", () => {
    let core = open(START);
    core.create([ALICE], "main");
    const announce = (id: string, from: Uid = BOB): boolean => core.announce(id, from, `{"of":"${id}"}`, 2, START);
    expect(["request-1", "request-2", "request-1"].map((id) => announce(id))).toEqual([true, true, false]);
    expect(announce("request-1", "carol" as Uid)).toBe(true);
    core = open(START + DAY);
    expect(announce("request-2")).toBe(false);
    expect(core.count(ALICE, 3)).toEqual({ ok: true, value: 3 });
    const call = core.nextPush(ALICE, START);
    const entry = { id: "request-2", from: BOB, kind: "system", body: '{"of":"request-2"}', priority: 2, count: 2 };
    expect(call?.entries[1]).toMatchObject(entry);
  });

  test("[SEC1] is its user's alone, who writes nothing", () => {
    const core = open(START);
    const write = (uid: Uid): string[] => core.append(uid, 3, 0, [draft("message-1")], START).reply.results.map(word);
    expect(write(ALICE)).toEqual(["permission_denied"]);
    expect(write(BOB)).toEqual(["not_member"]);
    expect(core.page(BOB, { limit: 10 })).toMatchObject({ error: { code: "not_member" } });
    const react = amendment("amend-01", "react", 1, { emoji: "x" });
    expect(core.append(ALICE, 3, 0, [react], START).reply.results.map(word)).toEqual(["permission_denied"]);
    expect(core.head).toBe(3);
  });

  test("[DUR1] a disk that refuses: nothing is announced", () => {
    const core = open(START);
    db.breakTable("log");
    expect(() => core.announce("request-9", BOB, "{}", 2, START)).toThrow("disk");
    expect(core.head).toBe(3);
    db.mendTable("log");
    expect(core.announce("request-9", BOB, "{}", 2, START)).toBe(true);
    expect(core.head).toBe(4);
  });
});

describe("a direct chat where only contacts write", () => {
  const agree = (chat: Chat): void => {
    for (const uid of [ALICE, BOB]) {
      const request = { do: "request", message: "" } as const;
      chat.core.contacts?.operate(uid, `request-of-${uid}`, request, (one) => chat.core.blocks(one), chat.now);
    }
  };

  test("strangers are refused, contacts are not; what was written can be read, taken back and repeated", () => {
    const chat = new Chat(CONTACTS);
    expect(chat.append(ALICE, draft("message-1"))).toEqual(["permission_denied"]);
    expect(chat.core.heardBy(ALICE)).toEqual([]);
    agree(chat);
    expect(chat.append(ALICE, draft("message-1"), draft("message-2"))).toEqual(["1", "2"]);
    expect(chat.core.heardBy(ALICE)).toEqual([BOB]);
    chat.restart();
    expect(chat.append(BOB, draft("message-1"))).toEqual(["3"]);
    chat.core.contacts?.operate(BOB, "end", { do: "remove" }, () => false, chat.now);
    expect(chat.append(ALICE, draft("message-3"), draft("message-2"))).toEqual(["permission_denied", "2 again"]);
    const edit = amendment("amend-01", "edit", 2, { text: "new" });
    const react = amendment("amend-02", "react", 2, { emoji: "x" });
    const recall = amendment("amend-03", "recall", 2);
    expect(chat.append(ALICE, edit, react, recall)).toEqual(["permission_denied", "permission_denied", "4"]);
    expect(chat.page(BOB)).toHaveLength(4);
    expect(chat.core.heardBy(BOB)).toEqual([]);
  });

  test("who is blocked is refused as such, also as a contact", () => {
    const chat = new Chat(CONTACTS);
    agree(chat);
    chat.core.block(BOB, true);
    expect(chat.append(ALICE, draft("message-1"))).toEqual(["blocked"]);
    expect(chat.core.heardBy(ALICE)).toEqual([]);
    expect(chat.append(BOB, draft("message-2"))).toEqual(["1"]);
    expect(chat.core.heardBy(BOB)).toEqual([ALICE]);
  });

  test("elsewhere anybody writes, and nothing is read or written for that", () => {
    const chat = new Chat();
    expect(chat.append(ALICE, draft("message-1"))).toEqual(["1"]);
    const tables = "SELECT name FROM sqlite_master WHERE name LIKE 'contact%'";
    expect(chat.db.sql.exec(tables).toArray()).toEqual([]);
    expect(chat.core.barred).toBeUndefined();
    expect(chat.core.heardBy(ALICE)).toEqual([BOB]);
  });
});
