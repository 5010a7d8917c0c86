import { expect, test } from "vitest";
import { databaseOf } from "../../../scripts/mysql/address.ts";
import { databaseAddress } from "../../../src/store/mysql/address.ts";

test("none, one address, or three parts", () => {
  expect(databaseAddress({})).toEqual({ ok: true, value: undefined });
  const parts = { DATABASE_HOST: "aws.connect.example", DATABASE_USERNAME: "ann", DATABASE_PASSWORD: "pscale_pw_x-1" };
  const url = "https://ann:pscale_pw_x-1@aws.connect.example/";
  for (const secrets of [parts, { DATABASE_URL: url }]) {
    const address = databaseAddress(secrets);
    expect(address.ok && address.value?.href).toBe(url);
  }
  expect(databaseAddress({ DATABASE_URL: "http://a:b@127.0.0.1:1234" }).ok).toBe(true);
});

test.each([
  ["mysql://ann:secretword@db.example/x", "DATABASE_URL begins with mysql:"],
  ["http://ann:secretword@db.example", "https"],
  ["secretword", "no address"],
  ["https://ann@db.example", "a username and a password"],
  ["https://ann:secret%20word@db.example", "a username and a password"],
])("%s is refused, and nothing of it is quoted", (text, reason) => {
  const address = databaseAddress({ DATABASE_URL: text });
  expect(address).toMatchObject({ ok: false, error: expect.stringContaining(reason) });
  expect(JSON.stringify(address)).not.toMatch(/secret|example/);
});

test("two parts of three are refused", () => {
  const address = databaseAddress({ DATABASE_HOST: "db.example", DATABASE_USERNAME: "ann" });
  expect(address).toMatchObject({ ok: false, error: expect.stringContaining("DATABASE_PASSWORD") });
});

test("what --mysql takes", () => {
  expect(databaseOf("mysql://ann:word@db.example:3306/chat?x=1")).toEqual({ ok: true, value: "chat" });
  for (const url of [
    "",
    "chat",
    "https://ann:secretword@db.example/chat",
    "mysql://ann:secretword@db.example",
    "mysql://h/a%60b",
  ]) {
    const database = databaseOf(url);
    expect(database).toMatchObject({ ok: false, error: expect.stringContaining("--mysql") });
    expect(JSON.stringify(database)).not.toContain("secretword");
  }
});
