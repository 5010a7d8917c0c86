/** A group that goes to pull mode while a member writes, whose object has not been told of it yet. */
import { expect, test } from "vitest";
import { parseConfig } from "../../../src/config/config.ts";
import { Conversation } from "../../../src/durable-objects/conversation/conversation.ts";
import { ConversationStore } from "../../../src/durable-objects/conversation/conversation-store.ts";
import type { Cid } from "../../../src/protocol/ids.ts";
import { openSqlite } from "../../support/sqlite.ts";
import { draft } from "../conversation/fixture.ts";
import { Alice, ALICE, BOB, CAROL, CONFIG, send, START } from "./fixture.ts";

const CID = `g.${"1".repeat(26)}` as Cid;

test("[ORD2] an answer does not overtake what is still to be pushed, and the edge hears of the mode before it", () => {
  const db = openSqlite();
  // So that three stay in either mode.
  const config = parseConfig('{"groups":{"pull_members":4}}');
  const core = new Conversation(CID, new ConversationStore(db.sql, db.transact, "group"), config, START, false);
  core.createGroup(BOB, "Group", {}, [ALICE, CAROL], { op: "created", hash: "", shard: "main" }, START);
  const alice = new Alice();
  const phone = alice.connect();
  const push = (): void => {
    const call = core.nextPush(ALICE, alice.now);
    if (call === undefined) throw new Error("nothing to push");
    alice.user.push(call, alice.now);
    alice.wait(CONFIG.writes.flush_ms);
    core.pushed(ALICE, alice.user.push({ ...call, entries: [] }, alice.now), alice.now, 0);
  };
  push();
  expect(phone.words()).toContain("message 2 of bob");

  core.append(BOB, 2, 2, [draft("message-3"), draft("message-4")], alice.now);
  core.group?.switchTo("pull");
  core.append(BOB, 4, 4, [draft("message-5")], alice.now);
  const answerNext = (): ReturnType<Conversation["append"]>["reply"] => {
    const { have, taken, drafts, answer } = alice.call("append");
    const { reply } = core.append(ALICE, have, taken, drafts, alice.now);
    answer(reply, alice.now);
    return reply;
  };
  alice.up(phone, send("message-6", { to: CID }));
  const controls = phone.controls.length;
  expect(answerNext()).toMatchObject({ pull: true, membership: { mode: "pull" } });
  // Entry 5 is the relay's to hand; the edge, which knows of the mode by now, holds the answer until then.
  expect(phone.words()).toEqual(["message 3 of bob", "message 4 of bob", "sent message-6 6"]);
  expect(phone.controls.slice(controls)).toEqual([
    { do: "pull", groups: [{ cid: CID, seq: 4, relays: 1 }], whole: false },
  ]);
  expect(phone.notes.at(-1)?.span).toBe(`${CID} 6 6`);

  // What was on its way comes twice, and is handed over once.
  push();
  expect(phone.words()).toEqual([]);
  alice.wait(CONFIG.writes.linger_ms);
  alice.up(phone, send("message-7", { to: CID }));
  expect(answerNext()).toEqual(expect.objectContaining({ pull: true, entries: [] }));
  expect(phone.words()).toEqual(["sent message-7 7"]);
});
