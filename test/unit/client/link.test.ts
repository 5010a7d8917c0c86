import { expect, test } from "vitest";
import { Link } from "../../../client/src/core/link.ts";
import { MpimError } from "../../../client/src/errors.ts";

function online(chance = 0): Link {
  const link = new Link({ least: 500, most: 30_000 }, () => chance);
  link.start(0);
  expect(link.due(0)).toBe(true);
  link.welcomed(30, 0);
  return link;
}

test.each([
  [1006, "offline", undefined],
  [1012, "offline", undefined],
  [4400, "offline", "invalid_frame"],
  [4401, "offline", "unauthenticated"],
  [4403, "closed", "permission_denied"],
  [4408, "offline", "timeout"],
  [4409, "closed", "replaced"],
  [4413, "offline", "too_large"],
  [4429, "offline", "rate_limited"],
  [4500, "offline", "internal"],
  [4503, "offline", "unavailable"],
])("after close %i it is %s", (close, state, code) => {
  const link = online();
  link.lost(close, undefined, 1000);
  expect(link.connection.state).toBe(state);
  expect(link.connection.error?.code).toBe(code);
});

test("pauses grow from break to break, with jitter, and begin anew with a welcome", () => {
  const link = online(1);
  const waits: number[] = [];
  for (let n = 0; n < 9; n += 1) {
    link.lost(1006, undefined, 0);
    waits.push(link.connection.retryAt ?? -1);
    expect(link.due((link.connection.retryAt ?? 0) - 1)).toBe(false);
    expect(link.due(link.connection.retryAt ?? 0)).toBe(true);
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  link.welcomed(30, 0);
  link.lost(1006, undefined, 0);
  expect(link.connection.retryAt).toBe(500);
  const lucky = online(0);
  lucky.lost(1006, undefined, 0);
  expect(lucky.connection.retryAt).toBe(250);
});

test("a flood or a bad frame is followed by a longer pause", () => {
  for (const close of [4400, 4413, 4429]) {
    const link = online(1);
    link.lost(close, undefined, 0);
    expect(link.connection.retryAt).toBe(10_000);
  }
});

test("a goaway says when to come back; jitter keeps all from coming at once", () => {
  const [early, late] = [online(0), online(1)];
  for (const link of [early, late]) {
    link.goAway(700);
    link.lost(1012, undefined, 1000);
  }
  expect([early.connection.retryAt, late.connection.retryAt]).toEqual([1700, 3700]);
});

test("a refused token is replaced at once; refused again, it is over", () => {
  const link = online();
  link.lost(4401, new MpimError("unauthenticated", "the login has ended"), 1000);
  expect([link.refused, link.due(1000)]).toEqual([true, true]);
  link.lost(4401, undefined, 1000);
  expect(link.connection).toMatchObject({ state: "closed", error: { code: "unauthenticated" } });

  const other = online();
  other.lost(4401, undefined, 0);
  other.due(0);
  other.welcomed(30, 0);
  other.lost(4401, undefined, 10);
  expect(other.connection.state).toBe("offline");
  // No token to be had, for now; then for good.
  other.due(10);
  other.lost(0, new MpimError("offline", "no answer"), 10);
  expect(other.connection).toMatchObject({ state: "offline", error: { code: "offline" } });
  other.due(1e9);
  other.lost(0, new MpimError("unauthenticated", "over"), 1e9);
  expect(other.connection.state).toBe("closed");
});

test("a connection that takes too long to be made is given up", () => {
  const link = new Link({ least: 500, most: 30_000 }, () => 0);
  link.start(0);
  link.due(0);
  expect(link.nextTick()).toBe(15_000);
  expect(link.check(14_999)).toBeUndefined();
  expect(link.check(15_000)).toBe("drop");
});

test("it pings well before the heartbeat is due, and gives up when nothing answers", () => {
  const link = online();
  expect(link.nextTick()).toBe(21_000);
  expect(link.check(20_999)).toBeUndefined();
  expect(link.check(21_000)).toBe("ping");
  link.wrote(21_000, false);
  expect(link.check(21_001)).toBeUndefined();
  expect(link.check(27_000)).toBe("drop");
  link.heard(22_000);
  expect(link.check(27_000)).toBeUndefined();
  expect(link.nextTick()).toBe(42_000);
});

test("what is not answered is a reason to ask sooner", () => {
  const link = online();
  link.wrote(1000, false);
  expect(link.nextTick()).toBe(21_000);
  link.wrote(2000, true);
  link.wrote(3000, true);
  expect(link.check(6000)).toBe("ping");
  link.heard(6100);
  expect(link.nextTick()).toBe(24_000);
});

test("hurry tries at once, or makes sure of a connection; what has ended stays ended", () => {
  const link = online();
  link.hurry(5000);
  expect(link.check(5000)).toBe("ping");
  link.lost(1006, undefined, 5000);
  link.hurry(5001);
  expect(link.due(5001)).toBe(true);
  link.end(new MpimError("closed", "done"));
  link.lost(1006, undefined, 6000);
  link.hurry(6000);
  expect([link.due(1e9), link.ended, link.nextTick()]).toEqual([false, true, Infinity]);
});
