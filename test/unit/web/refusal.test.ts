/** What is said when something is refused. */
import { expect, test } from "vitest";
import { en } from "../../../web/src/i18n/en.ts";
import { zh } from "../../../web/src/i18n/zh.ts";
import { refusalText } from "../../../web/src/view/refusal.ts";

const refused = (code: string): Error => Object.assign(new Error("username: 3 to 32 of a-z"), { code });

test("every refusal has words, in every language, and those of the server stand in a sentence", () => {
  expect(refusalText(refused("invalid_argument"), en.errors)).toBe("username: 3 to 32 of a-z");
  expect(refusalText(refused("invalid_argument"), zh.errors)).toBe("输入不符合要求：username: 3 to 32 of a-z");
  expect(refusalText(refused("not_member"), zh.errors)).toBe(zh.errors.permission_denied);
  expect(refusalText(refused("unauthenticated"), zh.errors, true)).toBe(zh.errors.credentials);
  // Names of its own members are no codes.
  for (const odd of ["invalid", "toString", "nothing known", ""])
    expect(refusalText(refused(odd), en.errors)).toBe(en.errors.other);
  expect(refusalText(undefined, en.errors)).toBe(en.errors.other);
});
