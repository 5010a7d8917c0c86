/** What to say when something was refused. Pure. */
import type { Texts } from "../i18n/en.ts";

type Errors = Texts["errors"];

/** `auth`: what was refused was a login or a new account. */
export function refusalText(error: unknown, errors: Errors, auth = false): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (auth && code === "unauthenticated") return errors.credentials;
  if (auth && code === "already_exists") return errors.taken;
  // What the server says about fields is for people, though in English only.
  if (code === "invalid_argument" && error instanceof Error) return errors.invalid(error.message);
  if (code === "not_member") return errors.permission_denied;
  if (code === "unavailable" || code === "overloaded") return errors.offline;
  const text = typeof code === "string" && Object.hasOwn(errors, code) ? errors[code as keyof Errors] : undefined;
  return typeof text === "string" ? text : errors.other;
}
