/** Times, names, previews and refusals in both languages. */
import { describe, expect, test } from "vitest";
import type { Message } from "../../../client/src/message.ts";
import { en } from "../../../web/src/i18n/en.ts";
import { zh } from "../../../web/src/i18n/zh.ts";
import { COLOURS, colourOf, initials } from "../../../web/src/view/avatar.ts";
import { calledBy } from "../../../web/src/view/called.ts";
import { eventText, previewOf } from "../../../web/src/view/preview.ts";
import { refusalText } from "../../../web/src/view/refusal.ts";
import { pathOf, routeOf } from "../../../web/src/view/route.ts";
import { tickOf } from "../../../web/src/view/ticks.ts";
import { clock, dayKey, dayLabel, daysBetween, listTime } from "../../../web/src/view/times.ts";

const NOW = new Date(2026, 2, 12, 9, 30).getTime();
const at = (day: number, hour = 12): number => new Date(2026, 2, day, hour).getTime();

describe("times", () => {
  test("of a list: the time today, then the day, then the date", () => {
    expect(listTime(at(12, 8), NOW, "en")).toBe("08:00");
    expect(listTime(at(11, 23), NOW, "en")).toBe("Yesterday");
    expect(listTime(at(11), NOW, "zh")).toBe("昨天");
    expect(listTime(at(8), NOW, "en")).toBe("Sun");
    expect(listTime(at(1), NOW, "en")).toBe("1 Mar 26");
    // A clock that is ahead of this one.
    expect(listTime(NOW + 60_000, NOW, "en")).toBe("09:31");
  });

  test("of days: by the calendar, not by 24 hours", () => {
    expect(dayLabel(at(12, 0), NOW, "en")).toBe("Today");
    expect(dayLabel(at(11, 23), NOW, "zh")).toBe("昨天");
    expect(dayLabel(at(2), NOW, "en")).toBe("Monday 2 March");
    expect(dayLabel(new Date(2025, 11, 31).getTime(), NOW, "en")).toBe("Wednesday, 31 December 2025");
    expect(dayKey(at(12, 0))).toBe(dayKey(at(12, 23)));
    expect(dayKey(at(12, 0))).not.toBe(dayKey(at(11, 23)));
    expect(daysBetween(at(13), NOW)).toBe(-1);
    expect(clock(at(12, 0), "zh")).toBe("00:00");
  });
});

describe("somebody", () => {
  test("is called by the name, and who has deleted the account by none of theirs", () => {
    expect(calledBy(undefined, en)).toBeUndefined();
    expect(calledBy({ name: "Ann" }, en)).toBe("Ann");
    expect([calledBy({ name: "", deleted: true }, en), calledBy({ name: "", deleted: true }, zh)]).toEqual([
      "Deleted account",
      "已注销账号",
    ]);
  });
});

describe("words", () => {
  test("both languages say the same things", () => {
    const shape = (value: unknown): unknown =>
      typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]))
        : typeof value;
    expect(shape(zh)).toEqual(shape(en));
  });

  test("faces have the first letters, or the last signs of a Chinese name, and a colour that stays", () => {
    expect(["Ann Lee", "bob", "林悦", "欧阳娜娜", "Ann van Lee", "", "👍 x"].map(initials)).toEqual([
      "AL",
      "B",
      "林悦",
      "娜娜",
      "AL",
      "?",
      "👍X",
    ]);
    for (const id of ["u_1", "u_2", "", "😀"]) {
      expect(colourOf(id)).toBe(colourOf(id));
      expect(colourOf(id)).toBeLessThan(COLOURS);
    }
  });

  const base = { from: "a", mine: false, kind: "system", recalled: false, text: "", body: undefined };
  const name = (user: string): string => ({ a: "Ann", b: "Bob", me: "You" })[user] ?? "Unknown user";
  const told = (body: unknown, from = "a"): string => eventText({ ...base, from, body } as Message, en, name);

  test("what happens to a group is told", () => {
    expect(told({ event: "created", name: "Crew" })).toBe("Ann created the group “Crew”");
    expect(told({ event: "member_added", users: ["b", "me", "c", "d"] })).toBe(
      "Ann added Bob, you, Unknown user and 1 more",
    );
    expect(told({ event: "member_removed", users: ["b"] })).toBe("Ann removed Bob");
    expect(told({ event: "member_removed", users: ["a"] })).toBe("Ann left");
    expect(told({ event: "member_joined", users: ["b"] })).toBe("Bob joined");
    expect(told({ event: "renamed", name: "Crew" })).toBe("Ann renamed the group “Crew”");
    expect(told({ event: "role_changed", user: "b", role: "admin" })).toBe("Ann made Bob admin");
    expect(told({ event: "owner_changed", user: "me" })).toBe("Ann made you the owner");
    expect(told({ event: "member_muted", user: "b", until: 5 })).toBe("Ann muted Bob");
    expect(told({ event: "member_muted", user: "b", until: 0 })).toBe("Ann unmuted Bob");
    expect(told({ event: "contact_request", user: "b" })).toBe("Bob wants to be your contact");
    expect(told({ event: "of a newer server" })).toBe("Something changed");
    expect(told(undefined)).toBe("Something changed");
  });

  test("a message in one line", () => {
    const preview = (more: Partial<Message>): string => previewOf({ ...base, ...more } as Message, en, name);
    expect(preview({ kind: "text", text: " two\n\nlines " })).toBe("two lines");
    expect(preview({ kind: "text", text: "x".repeat(500) })).toHaveLength(161);
    expect(preview({ kind: "text", text: "secret", recalled: true })).toBe("This message was recalled");
    expect(preview({ kind: "file", body: { name: "a.pdf" } })).toBe("a.pdf");
    expect(preview({ kind: "image", body: { name: 5 } })).toBe("Attachment");
    expect(preview({ kind: "custom", body: {} })).toBe("This message cannot be shown here");
  });

  test("refusals are said by their code", () => {
    const refusal = (code: string, message = "m"): Error => Object.assign(new Error(message), { code });
    expect(refusalText(refusal("unauthenticated"), en.errors, true)).toBe("Username or password is wrong.");
    expect(refusalText(refusal("already_exists"), en.errors, true)).toBe("This username is taken.");
    expect(refusalText(refusal("invalid_argument", "name: too short"), en.errors)).toBe("name: too short");
    expect(refusalText(refusal("not_member"), en.errors)).toBe("You are not allowed to do this.");
    expect(refusalText(refusal("overloaded"), zh.errors)).toBe("服务器没有响应，请重试。");
    for (const odd of [refusal("constructor"), undefined, "x"])
      expect(refusalText(odd, en.errors)).toBe(en.errors.other);
  });

  test("ticks: one sent, two delivered, coloured read", () => {
    const states = ["pending", "sending", "sent", "delivered", "read", "failed"] as const;
    expect(states.map(tickOf)).toEqual(["clock", "clock", "one", "two", "read", "bad"]);
  });

  test("addresses lead where they say", () => {
    for (const path of ["/", "/contacts", "/settings", "/c/d.u_1.u_2", "/c/g.01abc"])
      expect(pathOf(routeOf(path))).toBe(path);
    for (const odd of ["/nothing", "/c/", "/c/a/b", "/constructor", "/c/%00"])
      expect(routeOf(odd)).toEqual({ at: "chats" });
  });
});
