/** What a stranger can find out: nothing. */
import { describe, expect, test } from "vitest";
import type { Cid } from "../../src/protocol/ids.ts";
import type { Up } from "../support/device.ts";
import { connect, conversationStub, pair, rows, user, userStub } from "../support/workers.ts";

const GROUP = "g.01h00000000000000000000000" as Cid;

/** Every frame that names a conversation. */
function frames(cid: Cid, id: string): Up[] {
  return [
    { t: "send", id: `${id}-1`, to: cid, body: { text: "x" } },
    { t: "send", id: `${id}-2`, to: cid, body: { text: "x" }, qos: 2 },
    { t: "amend", id: `${id}-3`, cid, target: 1, op: "recall" },
    { t: "ack", cid, seq: 1 },
    { t: "read", cid, seq: 1 },
    { t: "typing", cid, on: true },
    { t: "pull", req: `${id}-4`, cid },
    { t: "pull", req: `${id}-5`, cid, after: 0 },
  ];
}

describe("a stranger", () => {
  test("[SEC1] gets the same refusals for a chat that exists, one that does not, groups and others' system chats", async () => {
    const [real, unreal] = [await pair(), await pair()];
    const [a, b] = [await connect(real.alice), await connect(real.bob)];
    await a.sent(real.cid, "between us");
    await b.reached(real.cid, 1);
    const eve = await user("eve");
    const e = await connect(eve);
    const refusals = async (cid: Cid): Promise<string[]> => {
      const codes: string[] = [];
      for (const frame of frames(cid, e.id())) {
        e.write(frame);
        const { code, message } = await e.next("error");
        codes.push(`${frame.t} ${code} ${message}`);
      }
      return codes;
    };
    const expected = await refusals(real.cid);
    expect(expected.map((line) => line.split(" ")[1])).toEqual(expected.map(() => "not_member"));
    for (const cid of [unreal.cid, GROUP, `s.${real.alice}` as Cid]) expect(await refusals(cid)).toEqual(expected);
    expect(await e.sync()).toEqual([]);
    expect(e.all("message")).toEqual([]);
    // Nothing came of it on the other side, and no object was made for the chat that is none.
    await a.sent(real.cid, "the sentinel");
    await b.reached(real.cid, 2);
    const told = b.frames.map((frame) => frame.t).filter((t) => t !== "heads");
    expect(told).toEqual(["welcome", "message", "message"]);
    const tables = "SELECT name FROM sqlite_master WHERE name IN ('log', 'member')";
    expect(await rows(conversationStub(unreal.cid), tables)).toEqual([]);
  });

  test("[SEC1] is a stranger to the objects, too, whatever the user's object would let pass", async () => {
    const { alice, cid } = await pair();
    await (await connect(alice)).sent(cid, "between us");
    const eve = await user("eve");
    const stub = conversationStub(cid);
    const draft = {
      id: "from-a-stranger",
      device: "d" as never,
      kind: "text",
      body: '{"text":"x"}',
      priority: 1,
      qos: 1,
    } as const;
    const reply = await stub.append(eve, 0, 0, [draft]);
    expect(reply).toMatchObject({ results: [{ refusal: { code: "not_member" } }], entries: [], head: 0 });
    expect(await stub.append(eve, 0, 0, [])).toMatchObject({ entries: [], head: 0 });
    expect(await stub.page(eve, { limit: 50 })).toMatchObject({ ok: false, error: { code: "not_member" } });
    expect(await stub.count(eve, 1)).toMatchObject({ ok: false, error: { code: "not_member" } });
    await stub.block(eve, true);
    await stub.release(eve, ["x"]);
    expect(await rows(stub, "SELECT uid, blocks FROM member")).toHaveLength(2);
    expect(await rows(stub, "SELECT seq FROM log")).toEqual([{ seq: 1 }]);
  });

  test("[SEC1] cannot speak for somebody else's receipts", async () => {
    const { alice, bob, cid } = await pair();
    const [a, b] = [await connect(alice), await connect(bob)];
    await a.sent(cid, "one");
    await b.reached(cid, 1);
    await userStub(alice).receipt(cid, await user("eve"), 1, 1);
    await userStub(alice).receipt(cid, alice, 1, 1);
    expect(await a.head(cid)).toMatchObject({ peer: { delivered: 0, read: 0 } });
    expect(a.all("receipt")).toEqual([]);
  });

  test("[SEC1] is not told of a user that does not exist more than of one that does", async () => {
    const { alice, cid } = await pair();
    const a = await connect(alice);
    expect(await a.refused({ t: "send", id: a.id(), to: "@nobody", body: { text: "x" } })).toBe("not_found");
    expect(await a.refused({ t: "send", id: a.id(), to: `@${alice}`, body: { text: "x" } })).toBe("invalid_argument");
    expect(await a.refused({ t: "send", id: a.id(), to: "@no.such.form", body: { text: "x" } })).toBe(
      "invalid_argument",
    );
    expect(await a.refused({ t: "send", id: a.id(), to: `s.${alice}`, body: { text: "x" } })).toMatch(
      /^(permission_denied|not_member)$/,
    );
    expect((await a.sent(cid, "still here")).seq).toBe(1);
  });
});
