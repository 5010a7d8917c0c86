import { expect, test } from "vitest";
import {
  encodeDone,
  encodeError,
  encodeRows,
  isRollback,
  leavesTraces,
  typeName,
  type Column,
} from "../../../scripts/gateway/protocol.ts";

const column = (more: Partial<Column> = {}): Column => ({
  name: "n",
  type: 253,
  flags: 0,
  charset: 45,
  length: 8,
  table: "t",
  orgTable: "t",
  database: "d",
  orgName: "n",
  decimals: 0,
  ...more,
});

test("rows are lengths and the values one after the other, NULL is -1", () => {
  const { rows, fields } = encodeRows(
    [column(), column({ name: "m" })],
    [
      [Buffer.from("é"), null],
      [null, Buffer.of()],
    ],
  );
  expect(rows).toEqual([
    { lengths: ["2", "-1"], values: Buffer.from("é").toString("base64") },
    { lengths: ["-1", "0"] },
  ]);
  expect(fields?.[0]).toEqual({
    name: "n",
    type: "VARCHAR",
    table: "t",
    orgTable: "t",
    database: "d",
    orgName: "n",
    columnLength: 8,
    charset: 45,
  });
});

test.each<[string | undefined, Partial<Column>]>([
  ["INT64", { type: 8, charset: 63 }],
  ["UINT64", { type: 8, charset: 63, flags: 32 }],
  ["VARBINARY", { charset: 63 }],
  ["BLOB", { type: 252, charset: 63 }],
  ["TEXT", { type: 252 }],
  ["ENUM", { type: 254, flags: 256 }],
  ["SET", { type: 254, flags: 2048 }],
  ["BINARY", { type: 254, charset: 63 }],
  ["CHAR", { type: 254 }],
  ["JSON", { type: 245, charset: 63 }],
  ["DECIMAL", { type: 246 }],
  [undefined, { type: 6 }],
])("a column of type %s", (name, more) => {
  expect(typeName(column(more))).toBe(name);
});

test("numbers are strings, and zeros are left out", () => {
  expect(encodeDone(0, 0)).toEqual({});
  expect(encodeDone(3, "18446744073709551615")).toEqual({ rowsAffected: "3", insertId: "18446744073709551615" });
});

test("an error has the form that Vitess gives it", () => {
  expect(encodeError(1062, "23000", "Duplicate entry 'a' for key 'b'")).toEqual({
    code: "ALREADY_EXISTS",
    message: "Duplicate entry 'a' for key 'b' (errno 1062) (sqlstate 23000)",
  });
  expect(encodeError(9999, "HY000", "x").code).toBe("UNKNOWN");
});

test("statements that a session has to know", () => {
  for (const query of ["ROLLBACK", " rollback work; "]) expect(isRollback(query)).toBe(true);
  for (const query of ["ROLLBACK TO a", "SELECT 'ROLLBACK'"]) expect(isRollback(query)).toBe(false);
  for (const query of ["SET @a = 1", " use x", "LOCK TABLES a READ", "create temporary table a (b int)"]) {
    expect(leavesTraces(query)).toBe(true);
  }
  for (const query of ["UPDATE a SET b = 1", "SELECT 'SET'", "CREATE TABLE a (b int)"]) {
    expect(leavesTraces(query)).toBe(false);
  }
});
