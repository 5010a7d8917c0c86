/**
 * One JSON line per event, on the console, where the platform collects it. Fields are scalars that the caller names: no
 * request or error object is ever passed through, because those carry tokens, passwords and people's messages.
 */

export type Level = "info" | "warn" | "error";

export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes one line. A field that is undefined is left out. */
export function log(level: Level, msg: string, fields: Fields = {}): void {
  console[level](JSON.stringify({ level, msg, ...fields }));
}

/** How many places of the stack a log line names. */
const PLACES = 6;

/** What may be logged of an error: names, codes and places, never its text, which may quote what a user sent. */
export function describe(error: unknown): { error: string; at?: string } {
  if (!(error instanceof Error)) return { error: typeof error };
  const names: string[] = [];
  for (let e: unknown = error; e instanceof Error && names.length < 5; e = e.cause) {
    const code = /\b(?:D1|SQLITE)_[A-Z0-9_]+|\berrno \d+/.exec(e.message)?.[0];
    names.push(code === undefined ? e.name : `${e.name}(${code})`);
  }
  // The stack begins with the message, whose lines may look like places.
  const places = (error.stack ?? "")
    .replace(error.message, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^at .*:\d+:\d+\)?$/.test(line))
    .slice(0, PLACES);
  const description = { error: names.join(" < ") };
  return places.length === 0 ? description : { ...description, at: places.join(" | ") };
}
