import { describe, expect, test } from "vitest";
import {
  planAdd,
  planChange,
  planCreate,
  planJoin,
  planRemove,
  planRole,
  relaysFor,
  silenced,
  type GroupState,
} from "../../../src/durable-objects/conversation/group-rules.ts";
import type { GroupMember } from "../../../src/durable-objects/conversation/group-store.ts";
import type { Uid } from "../../../src/protocol/ids.ts";
import { ALICE, BOB, CONFIG, START } from "./fixture.ts";

const limits = CONFIG.groups;
const plan = planCreate(ALICE, "Crew", {}, [BOB], { now: START, relayMembers: limits.relay_members });
const [alice, bob] = plan.members as readonly [GroupMember, GroupMember];
const end = { seq: 2, count: 0 };
const full: GroupState = { ...plan.state, members: limits.members, join: "open" };
const carol = "carol" as Uid;

describe("a group of 100,000", () => {
  test("is full: one more is refused, whoever adds him, and who joins by himself", () => {
    const asked = { state: full, me: alice, end };
    expect(planAdd(asked, [carol], () => undefined, limits)).toMatchObject({ error: { code: "invalid_argument" } });
    expect(planJoin(full, carol, end, limits)).toMatchObject({ error: { code: "permission_denied" } });
    const one = { ...full, members: limits.members - 1 };
    expect(planJoin(one, carol, end, limits)).toMatchObject({ value: { state: { members: limits.members } } });
    const two = planAdd({ ...asked, state: one }, [carol, "dave" as Uid], () => undefined, limits);
    expect(two).toMatchObject({ error: { code: "invalid_argument" } });
  });

  test("has its relays, and keeps them while it is about as large", () => {
    expect(relaysFor(100_000, 2000)).toBe(50);
    expect([relaysFor(100_001, 2000, 50), relaysFor(90_000, 2000, 50), relaysFor(48_000, 2000, 50)]).toEqual([
      51, 50, 24,
    ]);
  });
});

describe("what one may not do", () => {
  test.each([
    ["a member makes himself an admin", planRole({ state: plan.state, me: bob, end }, bob, "admin")],
    ["a member removes the owner", planRemove({ state: plan.state, me: bob, end }, alice)],
    ["the owner leaves", planRemove({ state: plan.state, me: alice, end }, alice)],
    ["a member renames", planChange({ state: plan.state, me: bob, end }, { name: "Mine" })],
    [
      "a member adds where that is by invitation",
      planAdd({ state: plan.state, me: bob, end }, [carol], () => undefined, limits),
    ],
  ])("%s", (_, answer) => {
    expect(answer).toMatchObject({ ok: false, error: { code: "permission_denied" } });
  });

  test("who is muted writes nothing, but takes back; a mute ends by itself", () => {
    const muted = { ...bob, mutedUntil: START + 1000 };
    expect(silenced(plan.state, muted, START)).toMatchObject({ code: "muted", retryAfter: 1000 });
    expect(silenced(plan.state, muted, START, "react")).toMatchObject({ code: "muted" });
    expect(silenced(plan.state, muted, START, "recall")).toBeUndefined();
    expect(silenced(plan.state, muted, START + 1000)).toBeUndefined();
    expect(silenced({ ...plan.state, muted: true, read_only: true }, alice, START)).toBeUndefined();
  });
});
