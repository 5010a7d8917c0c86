/** What a user may be called. */
import { z } from "@hono/zod-openapi";
import { characters, line, UNPRINTABLE } from "./text-rules.ts";

/** 1–64 characters, outer blanks cut off. */
export const DisplayName = line(64);

/** 3–32 of a–z, 0–9, dot, underscore and hyphen; upper case is folded, so that names differing in case are one. */
export const Username = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine((text) => /^[a-z0-9._-]{3,32}$/.test(text), "3 to 32 of a-z, 0-9, '.', '_' and '-'")
  .openapi({ type: "string", pattern: "^[A-Za-z0-9._-]{3,32}$" });

/** 8–128 characters, of any kind: a bound below which scrypt is worth its time, and above which it is not. */
export const Password = z
  .string()
  .refine((text) => characters(text) >= 8 && characters(text) <= 128, "8 to 128 characters")
  .openapi({ type: "string", format: "password", minLength: 8, maxLength: 128 });

/** Where a picture is: a URL, or the name of an attachment. A scheme that a browser might execute is refused. */
export const Avatar = z
  .string()
  .min(1)
  .max(2048)
  .refine((text) => text.isWellFormed() && !UNPRINTABLE.test(text), "no control characters")
  .refine((text) => !/^\s*[a-z][a-z0-9+.-]*:/i.test(text) || /^https?:/i.test(text), "an http or https URL");
