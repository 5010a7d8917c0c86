/** What texts may be that people read elsewhere: one line, or several. */
import { z } from "@hono/zod-openapi";

/** Controls, line breaks, and the marks that turn text around: a name with them could pass for another or break a line. */
export const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** Prose has lines, and marks of direction where scripts mix. */
const UNPRINTABLE_IN_PROSE = /[^\P{Cc}\n]/u;

/** What is seen: neither blanks nor signs without a shape, of which a name could be made that shows nothing. */
const VISIBLE = /[^\p{Default_Ignorable_Code_Point}\p{White_Space}\u2800]/u;

/** Length as people count it: code points. */
export const characters = (text: string): number => Array.from(text).length;

/** A name: one line of 1 to `most` characters, outer blanks cut off. */
export const line = (most: number) =>
  z
    .string()
    .transform((text) => text.trim())
    .refine((text) => characters(text) >= 1 && characters(text) <= most, `1 to ${most} characters`)
    .refine((text) => text.isWellFormed() && !UNPRINTABLE.test(text), "no control characters")
    .refine((text) => text === "" || VISIBLE.test(text), "something that can be seen")
    .openapi({ type: "string", minLength: 1, maxLength: most });

/** Up to `most` characters in any number of lines, whose ends are made alike. */
export const prose = (most: number) =>
  z
    .string()
    .transform((text) => text.replaceAll(/\r\n?/g, "\n"))
    .refine((text) => characters(text) <= most, `at most ${most} characters`)
    .refine((text) => text.isWellFormed() && !UNPRINTABLE_IN_PROSE.test(text), "no control characters but line breaks")
    .openapi({ type: "string", maxLength: most });
