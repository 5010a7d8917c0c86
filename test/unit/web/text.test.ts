/** What stands in a text, and how texts are shown in short. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkBody } from "../../../client/src/draft.ts";
import { excerptOf } from "../../../web/src/view/excerpt.ts";
import { visible } from "../../../web/src/view/name.ts";
import { attachmentName } from "../../../web/src/view/preview.ts";
import { isEmoji, partsOf, roomLeft, safeLink } from "../../../web/src/view/text.ts";

const links = (text: string): string[] => partsOf(text).flatMap((part) => (part.kind === "link" ? part.href : []));

describe("texts", () => {
  test.for([
    ["see https://example.com/a?b=1#c, please", ["https://example.com/a?b=1#c"]],
    ["(http://example.com/x)", ["http://example.com/x"]],
    ["https://en.example.org/wiki/Sea_(poem) and more", ["https://en.example.org/wiki/Sea_(poem)"]],
    ["看https://example.com/路，好", ["https://example.com/%E8%B7%AF%EF%BC%8C%E5%A5%BD"]],
    ["HTTPS://EXAMPLE.COM", ["https://example.com/"]],
    ["javascript:alert(1) data:text/html,x file:///etc/passwd ftp://example.com", []],
    ["https://", []],
    ["https://bank.example@evil.example/", []],
    ["xhttps://example.com", []],
    ['https://example.com/"onmouseover="x', ["https://example.com/"]],
    ["https://example.com/<script>", ["https://example.com/"]],
    ["https://evil.example/\u202Emoc.knab", ["https://evil.example/"]],
    ["\u2067https://example.com/x\u2069", ["https://example.com/x"]],
    ["(https://example.com/x).).", ["https://example.com/x"]],
    ["https:///x and https://\\\\evil.example", []],
  ] as const)("links in %s", ([text, expected]) => {
    expect(links(text)).toEqual(expected);
  });

  test("a link says where it leads when that is not what is to be read", () => {
    const hosts = (text: string): unknown[] => partsOf(text).map((part) => ("host" in part ? part.host : undefined));
    expect(hosts("https://аррӏе.example/login")).toEqual(["xn--80ak6aa92e.example"]);
    expect(hosts("https://ｅxample.com")).toEqual(["example.com"]);
    expect(hosts("http://2130706433/")).toEqual(["127.0.0.1"]);
    for (const plain of ["https://Example.com/路", "HTTP://example.com:8080/a", "https://example.com:443"])
      expect(hosts(plain)).toEqual([undefined]);
  });

  test("a link that ends with any number of brackets is read in one go", () => {
    const link = `https://example.com/${"!".repeat(4000)}a`;
    expect(partsOf(link + ")".repeat(4000))[0]).toMatchObject({ kind: "link", text: link });
  });

  test("names and previews are shown in the order of their letters", () => {
    expect(["Eve\u202E.knab", "\u2067Ann\u2069", "\u202E", "‏דן"].map(visible)).toEqual(["Eve.knab", "Ann", "", "‏דן"]);
    expect(attachmentName({ name: "bill\u202Efdp.exe" })).toBe("billfdp.exe");
  });

  test("whatever is written, the parts are the text, and every link leads into the web", () => {
    const pieces = fc.constantFrom(
      "https://",
      "http://a.b",
      "javascript:",
      "@Ann",
      "@Anna",
      " ",
      "<",
      ")",
      ".",
      "\u202E",
      "://",
      "é",
      "x",
    );
    const texts = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.array(pieces).map((all) => all.join("")),
    );
    const mentioned = [
      { user: "u1", name: "Ann" },
      { user: "u2", name: "Anna" },
      { user: "u3", name: "" },
    ];
    fc.assert(
      fc.property(texts, (text) => {
        const parts = partsOf(text, mentioned);
        expect(parts.map((part) => part.text).join("")).toBe(text);
        for (const part of parts) if (part.kind === "link") expect(part.href).toMatch(/^https?:\/\/[^/]/);
      }),
    );
  });

  test("the longer of two names is the one that is mentioned", () => {
    const mentioned = [
      { user: "u1", name: "Ann" },
      { user: "u2", name: "Anna Bell" },
    ];
    expect(partsOf("@Anna Bell, @Ann!", mentioned)).toEqual([
      { kind: "mention", text: "@Anna Bell", user: "u2" },
      { kind: "text", text: ", " },
      { kind: "mention", text: "@Ann", user: "u1" },
      { kind: "text", text: "!" },
    ]);
  });

  test("a link is one of the web or none", () => {
    expect(safeLink("https://example.com/a b")).toBe("https://example.com/a%20b");
    for (const bad of [
      "",
      "example.com",
      "//example.com",
      "mailto:a@b.c",
      " javascript:x",
      "https://u:p@example.com",
      "https:///x",
      "https:\\\\example.com",
    ]) {
      expect(safeLink(bad)).toBeUndefined();
    }
  });

  test("one to three pictures alone are shown large", () => {
    for (const text of ["👍", "🇩🇪", "👩‍👩‍👧‍👦🎉", "❤️"]) expect(isEmoji(text)).toBe(true);
    for (const text of ["", "a", "1", "👍!", "👍👍👍👍", "👍 👍"]) expect(isEmoji(text)).toBe(false);
  });
});

describe("an excerpt", () => {
  test("shows what was found, with little before it", () => {
    expect(excerptOf("the sea is calm", [[4, 7]])).toEqual([
      { text: "the ", hit: false },
      { text: "sea", hit: true },
      { text: " is calm", hit: false },
    ]);
    const long = `${"x".repeat(500)} sea ${"y".repeat(500)}`;
    const shown = excerptOf(long, [[501, 504]]);
    expect(shown.at(0)?.text).toBe("…");
    expect(shown.at(-1)?.text).toBe("…");
    expect(shown.filter(({ hit }) => hit)).toEqual([{ text: "sea", hit: true }]);
    expect(shown.map(({ text }) => text).join("").length).toBe(122);
  });

  test("is the whole of a short text, whatever was found in it", () => {
    const found = fc
      .array(fc.tuple(fc.nat(120), fc.nat(20)), { maxLength: 6 })
      .map((all) => all.toSorted(([a], [b]) => a - b).map(([from, length]): [number, number] => [from, from + length]));
    fc.assert(
      fc.property(fc.string({ maxLength: 24 }), found, (text, highlights) => {
        const inside = highlights.filter(([, to]) => to <= text.length);
        expect(
          excerptOf(text, inside)
            .map((piece) => piece.text)
            .join(""),
        ).toBe(text);
      }),
    );
  });
});

test("room is counted in characters and, for those of many bytes, in these", () => {
  expect(roomLeft("a".repeat(8192))).toBe(0);
  expect(roomLeft("a".repeat(8193))).toBe(-1);
  expect(roomLeft(` ${"a".repeat(8000)}\n`)).toBe(192);
  // Two halves are one character.
  expect(roomLeft("🎉".repeat(3000))).toBeGreaterThan(0);
  for (const text of ["字".repeat(5457), "字".repeat(5458), "\n字".repeat(3276), "\u0001".repeat(2729)]) {
    const fits = ((): boolean => {
      try {
        checkBody("text", { text: text.trim() });
        return true;
      } catch {
        return false;
      }
    })();
    expect(roomLeft(text) >= 0).toBe(fits);
  }
});
