/** What stands behind a key in Redis: a text that says its version before its value, so that a script can compare it. */

/**
 * A value as JSON; `absent`: there is none; `floor`: what is older than the version must not be believed, nor written.
 */
export interface Entry {
  readonly version: number;
  /** Until when it is good, ms; a floor is good for nothing. */
  readonly fresh: number;
  readonly body: { readonly json: string } | "absent" | "floor";
}

/** What is not of this format is no entry. */
const FORMAT = "1";
const HEAD = new RegExp(`^${FORMAT} (\\d{1,16}) (\\d{1,16}) ([=!-])`);

/** The text of an entry. */
export function encodeEntry({ version, fresh, body }: Entry): string {
  const rest = body === "absent" ? "-" : body === "floor" ? "!" : `=${body.json}`;
  return `${FORMAT} ${version} ${fresh} ${rest}`;
}

/** The entry of a text; undefined for everything else that may stand in Redis. */
export function decodeEntry(text: unknown): Entry | undefined {
  if (typeof text !== "string") return undefined;
  const head = HEAD.exec(text);
  if (head === null) return undefined;
  const [version, fresh] = [Number(head[1]), Number(head[2])];
  if (!Number.isSafeInteger(version) || !Number.isSafeInteger(fresh)) return undefined;
  const rest = text.slice(head[0].length);
  if (head[3] === "=") return { version, fresh, body: { json: rest } };
  return rest === "" ? { version, fresh, body: head[3] === "-" ? "absent" : "floor" } : undefined;
}

/**
 * Writes entries, each unless a newer one is there: a loader that is late cannot bring back what was replaced meanwhile.
 * ARGV has version, text and life in ms for each key. What is no entry, of whatever type, is written over.
 */
export const PUT_SCRIPT = `
for i, key in ipairs(KEYS) do
  local at = 3 * i - 2
  local old = redis.pcall('GET', key)
  local had = type(old) == 'string' and tonumber(string.match(old, '^${FORMAT} (%d+) %d+ [=!-]'))
  if not had or had <= tonumber(ARGV[at]) then redis.call('SET', key, ARGV[at + 1], 'PX', ARGV[at + 2]) end
end
return #KEYS`;
