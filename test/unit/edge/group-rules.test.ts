import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refuse } from "../../../src/protocol/codes.ts";
import type { Uid } from "../../../src/protocol/ids.ts";
import { GroupId, GroupName, membersBeside, onlyOnce, refuseUsers } from "../../../src/workers/edge/group-rules.ts";
import { line, prose } from "../../../src/workers/edge/text-rules.ts";
import { veiled } from "../../../src/workers/edge/http/membership.ts";

const uids = (...names: string[]): Uid[] => names as Uid[];

describe("one line", () => {
  test.each([
    ["a", "a"],
    ["  a  b ", "a  b"],
    ["\t\na\u2003", "a"],
    ["🦘🦘🦘", "🦘🦘🦘"],
    ["שלום", "שלום"],
    ["🏳️\u200D🌈", "🏳️\u200D🌈"],
  ])("%j is %j", (text, taken) => {
    expect(line(4).parse(text)).toBe(taken);
  });

  test.each([
    "",
    "  ",
    "\u2028",
    "abcde",
    "🦘🦘🦘🦘🦘",
    "a\nb",
    "a\tb",
    "a\u0000",
    "a\u202Eb",
    "a\u2029b",
    "\u200B",
    "\u3164\u2060",
    "\u2800 \u2800",
    "\ud83d",
    1,
    null,
  ])("is not %j", (text) => {
    expect(line(4).safeParse(text).success).toBe(false);
  });

  test("of any text, what is taken has no outer blanks and is taken again as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 140 }), (text) => {
        const taken = GroupName.safeParse(text);
        if (!taken.success) return;
        expect(taken.data).toBe(taken.data.trim());
        expect(Array.from(taken.data).length).toBeLessThanOrEqual(128);
        expect(GroupName.parse(taken.data)).toBe(taken.data);
      }),
    );
  });
});

describe("prose", () => {
  test.each([
    ["", ""],
    ["a\nb", "a\nb"],
    ["a\r\nb\rc", "a\nb\nc"],
    ["🦘🦘🦘🦘🦘🦘", "🦘🦘🦘🦘🦘🦘"],
    ["a\u200Fb", "a\u200Fb"],
  ])("%j is %j", (text, taken) => {
    expect(prose(6).parse(text)).toBe(taken);
  });

  test.each(["1234567", "a\u0007", "a\tb", "\u0000", "\u0085", "\udc00", 1, null])("is not %j", (text) => {
    expect(prose(6).safeParse(text).success).toBe(false);
  });
});

test.each([
  [`g.${"0".repeat(26)}`, true],
  ["d.a.b", false],
  ["s.a", false],
  ["g.a", false],
  ["", false],
])("%s names a group: %s", (cid, named) => {
  expect(GroupId.safeParse(cid).success).toBe(named);
});

describe("members of a new group", () => {
  const beside = (named: string[] | undefined, most = 4) => membersBeside("me" as Uid, named && uids(...named), most);

  test.each<[string[] | undefined, string[]]>([
    [undefined, []],
    [["a"], ["a"]],
    [
      ["b", "a", "c"],
      ["b", "a", "c"],
    ],
    [["a", "me"], ["a"]],
    [
      ["a", "b", "me", "c"],
      ["a", "b", "c"],
    ],
  ])("%j are %j beside the owner", (named, members) => {
    expect(beside(named)).toEqual({ ok: true, value: members });
  });

  test.each<[string[], string[] | undefined]>([
    [[], undefined],
    [["me"], undefined],
    [["me", "me"], ["me"]],
    [
      ["a", "b", "a", "a", "b"],
      ["a", "b"],
    ],
    [["a", "b", "c", "d"], undefined],
  ])("are not %j", (named, users) => {
    const judged = beside(named);
    expect(judged).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
    expect(!judged.ok && judged.error.users).toEqual(users);
  });

  test("are each of those named, once", () => {
    const some = fc.array(fc.constantFrom(...uids("me", "a", "b", "c", "d")), { maxLength: 6 });
    fc.assert(
      fc.property(some, (named) => {
        const judged = membersBeside("me" as Uid, named, 9);
        const others = new Set(named.filter((uid) => uid !== "me"));
        expect(judged.ok).toBe(new Set(named).size === named.length && others.size > 0);
        if (judged.ok) expect(judged.value).toEqual([...others]);
      }),
    );
  });
});

test("who is named more than once is named once in the refusal", () => {
  expect(onlyOnce(uids("a", "b"))).toEqual({ ok: true, value: ["a", "b"] });
  expect(onlyOnce(uids("a", "b", "a", "a"))).toEqual({
    ok: false,
    error: { code: "invalid_argument", message: "named more than once: a", users: ["a"] },
  });
});

test("a message names ten users, the refusal all", () => {
  const users = uids(..."abcdefghijkl");
  expect(refuseUsers("not_found", "no", users.slice(0, 10)).message).toBe("no: a, b, c, d, e, f, g, h, i, j");
  const refusal = refuseUsers("not_found", "no", users);
  expect(refusal).toEqual({ ...refuse("not_found", "no: a, b, c, d, e, f, g, h, i, j and 2 more"), users });
});

test("[SEC1] a stranger hears one answer, and everybody else what is so", () => {
  const first = veiled({ ok: false, error: refuse("not_member", "dismissed") });
  expect(veiled({ ok: false, error: refuse("not_member", "by invitation", 5) })).toEqual(first);
  const denied = { ok: false, error: refuse("permission_denied", "for the owner") } as const;
  expect(veiled(denied)).toBe(denied);
  expect(veiled({ ok: true, value: 1 })).toEqual({ ok: true, value: 1 });
});
