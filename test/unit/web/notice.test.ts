/** Which messages the browser tells when nobody looks at the page. */
import { describe, expect, test } from "vitest";
import type { Message } from "../../../client/src/message.ts";
import { isTold } from "../../../web/src/view/notice.ts";

const NOW = 1_800_000_000_000;
const FRESH = { mine: false, seq: 8, ts: NOW - 1_000, mentions: [], recalled: false } as unknown as Message;
const CHAT = { muted: false, readSeq: 7 };

describe("a notice", () => {
  const told = (message: Partial<Message> = {}, chat: Partial<typeof CHAT> = {}): boolean =>
    isTold({ ...FRESH, ...message }, { ...CHAT, ...chat }, "u_me", NOW);

  test("is of what others have just written", () => {
    expect(told()).toBe(true);
    expect(told({ seq: undefined })).toBe(true);
    expect(told({ mine: true })).toBe(false);
    expect(told({ recalled: true })).toBe(false);
  });

  test("is not of what came while there was no connection, or was read elsewhere", () => {
    expect(told({ ts: NOW - 61_000 })).toBe(false);
    expect(told({}, { readSeq: 8 })).toBe(false);
  });

  test("of a muted chat is only for who is mentioned", () => {
    expect(told({}, { muted: true })).toBe(false);
    expect(told({ mentions: ["u_other"] }, { muted: true })).toBe(false);
    expect(told({ mentions: ["u_me"] }, { muted: true })).toBe(true);
  });
});
