import { describe, expect, test } from "vitest";
import { Recovery } from "../../../src/durable-objects/user/recovery.ts";
import type { Cid } from "../../../src/protocol/ids.ts";

const CHAT = "d.alice.bob" as Cid;

/** A recovery whose questions wait to be answered. */
function asking(): { recovery: Recovery; asked: Cid[]; answer: (answered: boolean, now: number) => void } {
  const asked: Cid[] = [];
  const answers: ((answered: boolean, now: number) => void)[] = [];
  const recovery = new Recovery((cid, done) => {
    asked.push(cid);
    answers.push(done);
  });
  return { recovery, asked, answer: (answered, now) => answers.shift()?.(answered, now) };
}

describe("[RES1] entries that only a device still knows", () => {
  test("are asked for once, until the conversation answers; a due time keeps the object awake between tries", () => {
    const { recovery, asked, answer } = asking();
    recovery.want(CHAT, 10);
    recovery.want(CHAT, 10);
    expect(recovery.nextTick()).toBe(10);
    recovery.tick(10);
    recovery.want(CHAT, 11);
    recovery.tick(11);
    expect([asked, recovery.nextTick()]).toEqual([[CHAT], undefined]);
    answer(false, 20);
    const again = recovery.nextTick() ?? 0;
    expect(again).toBeGreaterThan(20);
    recovery.tick(again - 1);
    expect(asked).toEqual([CHAT]);
    recovery.tick(again);
    answer(true, again);
    recovery.tick(again + 60_000);
    expect([asked, recovery.nextTick()]).toEqual([[CHAT, CHAT], undefined]);
  });
});
