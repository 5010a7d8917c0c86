/** PlanetScale's HTTP driver, with a deadline, and with text as it was stored. */
import { Client, type Field } from "@planetscale/database";
import { drizzle } from "drizzle-orm/planetscale-serverless";

export interface MysqlOptions {
  /** As `databaseAddress` gives it. */
  readonly url: URL;
  /** How long one statement may take, answer included. */
  readonly deadlineMs?: number;
  /** In tests. */
  readonly fetch?: typeof fetch;
}

const DEADLINE_MS = 5_000;

/** The driver's own decoder takes a byte order mark at the beginning of a text for none of it. */
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

export type MysqlDatabase = ReturnType<typeof connectMysql>;

/** Keeps no connection and no session: each statement is one request, and a transaction of its own. */
export function connectMysql({ url, deadlineMs = DEADLINE_MS, fetch: ask = fetch }: MysqlOptions) {
  const client = new Client({
    url: url.href,
    cast,
    fetch: (input, init) => ask(input, { ...init, signal: AbortSignal.timeout(deadlineMs) }),
  });
  return drizzle({ client });
}

/** The tables hold whole numbers and UTF-8, whatever a column is called. `value` has one character for each byte. */
export function cast(field: Field, value: string | null): string | number | null {
  if (value === null) return null;
  if (/^U?INT\d+$/.test(field.type)) return Number(value);
  return decoder.decode(Uint8Array.from(value, (byte) => byte.charCodeAt(0)));
}
