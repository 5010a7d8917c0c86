/**
 * PlanetScale's HTTP protocol (`psdb.v1alpha1.Database`), as `@planetscale/database` speaks it: JSON of protocol buffers, so
 * whole numbers of 64 bits are strings, and what is zero or empty is left out.
 */

import type { Buffer } from "node:buffer";

export interface Session {
  /** Opaque to clients, which send back what they got last. */
  readonly signature: string;
  readonly vitessSession: { readonly autocommit: boolean; readonly inTransaction?: boolean };
}

export interface Request {
  readonly query: string;
  readonly session: Session | null;
}

export interface Field {
  readonly name: string;
  readonly type?: string;
  readonly table?: string;
  readonly orgTable?: string;
  readonly database?: string;
  readonly orgName?: string;
  readonly columnLength?: number;
  readonly charset?: number;
  readonly decimals?: number;
  readonly flags?: number;
  readonly columnType?: string;
}

export interface Row {
  /** Bytes of each value; -1 for NULL. */
  readonly lengths: readonly string[];
  /** The values one after the other, in base64. */
  readonly values?: string;
}

export interface QueryResult {
  readonly fields?: readonly Field[];
  readonly rows?: readonly Row[];
  readonly rowsAffected?: string;
  readonly insertId?: string;
}

export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** A column as the MySQL protocol describes it. */
export interface Column {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly charset: number;
  readonly length: number;
  readonly table: string;
  readonly orgTable: string;
  readonly database: string;
  readonly orgName: string;
  readonly decimals: number;
}

const UNSIGNED = 32;
const ENUM = 256;
const SET = 2048;
const BINARY_CHARSET = 63;

const WHOLE: Readonly<Record<number, string>> = { 1: "INT8", 2: "INT16", 3: "INT32", 8: "INT64", 9: "INT24" };
const FIXED: Readonly<Record<number, string>> = {
  0: "DECIMAL",
  4: "FLOAT32",
  5: "FLOAT64",
  7: "TIMESTAMP",
  10: "DATE",
  11: "TIME",
  12: "DATETIME",
  13: "YEAR",
  16: "BIT",
  245: "JSON",
  246: "DECIMAL",
  247: "ENUM",
  248: "SET",
  255: "GEOMETRY",
};

/** Vitess's name of a column's type; undefined is that of NULL, the zero of the enumeration. */
export function typeName({ type, flags, charset }: Pick<Column, "type" | "flags" | "charset">): string | undefined {
  const whole = WHOLE[type];
  if (whole !== undefined) return (flags & UNSIGNED) === 0 ? whole : `U${whole}`;
  const binary = charset === BINARY_CHARSET;
  switch (type) {
    case 249:
    case 250:
    case 251:
    case 252:
      return binary ? "BLOB" : "TEXT";
    case 15:
    case 253:
      return binary ? "VARBINARY" : "VARCHAR";
    case 254:
      if ((flags & ENUM) !== 0) return "ENUM";
      if ((flags & SET) !== 0) return "SET";
      return binary ? "BINARY" : "CHAR";
    default:
      return FIXED[type];
  }
}

/** What a query returned. Values are as the server sent them, null for NULL. */
export function encodeRows(columns: readonly Column[], rows: readonly (readonly (Buffer | null)[])[]): QueryResult {
  return { fields: columns.map(encodeField), ...(rows.length === 0 ? {} : { rows: rows.map(encodeRow) }) };
}

function encodeField(column: Column): Field {
  const { name, orgName, table, orgTable, database, length, charset, flags, decimals } = column;
  const type = typeName(column);
  const rest = { type, table, orgTable, database, orgName, columnLength: length, charset, decimals, flags };
  return { name, ...Object.fromEntries(Object.entries(rest).filter(([, value]) => Boolean(value))) };
}

function encodeRow(row: readonly (Buffer | null)[]): Row {
  const lengths = row.map((value) => String(value === null ? -1 : value.length));
  // One character for each byte.
  const values = btoa(row.map((value) => value?.toString("latin1") ?? "").join(""));
  return values === "" ? { lengths } : { lengths, values };
}

/** What a statement without rows did. */
export function encodeDone(rowsAffected: number, insertId: number | string): QueryResult {
  return {
    ...(rowsAffected === 0 ? {} : { rowsAffected: String(rowsAffected) }),
    ...(String(insertId) === "0" ? {} : { insertId: String(insertId) }),
  };
}

/** Vitess's codes of MySQL's error numbers; others are `UNKNOWN`. */
const CODES: Readonly<Record<number, string>> = {
  1040: "RESOURCE_EXHAUSTED",
  1048: "INVALID_ARGUMENT",
  1054: "NOT_FOUND",
  1062: "ALREADY_EXISTS",
  1064: "INVALID_ARGUMENT",
  1142: "PERMISSION_DENIED",
  1146: "NOT_FOUND",
  1205: "DEADLINE_EXCEEDED",
  1213: "ABORTED",
  1264: "INVALID_ARGUMENT",
  1406: "FAILED_PRECONDITION",
};

/** An error of the server, in the words that drivers look for. */
export function encodeError(errno: number, state: string, message: string): Failure {
  return { code: CODES[errno] ?? "UNKNOWN", message: `${message} (errno ${errno}) (sqlstate ${state})` };
}

/** Statements that end the transaction without keeping anything. */
export function isRollback(query: string): boolean {
  return /^\s*ROLLBACK(?:\s+WORK)?\s*;?\s*$/i.test(query);
}

/** Statements whose effect would stay with a connection, which here is anybody's after the next statement. */
export function leavesTraces(query: string): boolean {
  return /^\s*(?:SET|USE|LOCK|UNLOCK|PREPARE|EXECUTE|HANDLER|CREATE\s+TEMPORARY)\b/i.test(query);
}
