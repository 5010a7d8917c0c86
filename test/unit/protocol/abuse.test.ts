/** Input that is made to cost, or to slip something past the schemas. */
import { expect, test } from "vitest";
import { decode } from "../../../src/protocol/codec.ts";

const send = (body: string): string => `{"t":"send","id":"message-1","to":"@bob","kind":"custom","body":${body}}`;

/** What became of the first frame, and what it refers to. */
function outcome(text: string): unknown {
  const [decoded] = decode(text);
  if (decoded === undefined) return undefined;
  return decoded.ok ? decoded.frame : { code: decoded.refusal.code, ref: decoded.ref };
}

test("a body keeps keys that mean something to JavaScript, and changes no object's prototype", () => {
  const body = '{"__proto__":{"admin":true},"constructor":1,"toString":[]}';
  expect(JSON.stringify((outcome(send(body)) as { body: unknown }).body)).toBe(body);
  expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
});

test("keys of a frame that mean something to JavaScript are unknown fields", () => {
  expect(outcome('{"t":"ping","__proto__":{"n":7},"constructor":{"prototype":1}}')).toEqual({ t: "ping" });
  expect(outcome('{"__proto__":{"t":"ping"}}')).toMatchObject({ code: "invalid_frame" });
});

test("a number in a body that is beyond all bounds is refused, wherever it stands", () => {
  for (const body of ["1e999", "[[-1e999]]", '{"a":{"b":1e999}}']) {
    expect(outcome(send(body))).toEqual({ code: "invalid_argument", ref: "message-1" });
  }
  // A frame without a body has none to refuse.
  expect(outcome('{"t":"ping","n":1,"body":1e999}')).toEqual({ t: "ping", n: 1 });
});

test("an error refers to nothing that JSON cannot say", () => {
  expect(outcome('{"t":"pull","req":1e999}')).toMatchObject({ ref: undefined });
  expect(outcome('{"t":"pull","id":1e999,"req":"r"}')).toMatchObject({ ref: "r" });
});

test("a body is there or not, whatever it is", () => {
  expect(outcome('{"t":"send","id":"message-1","to":"@bob"}')).toEqual({ code: "invalid_frame", ref: "message-1" });
  for (const body of ["null", "0", '""', "[]"]) expect(outcome(send(body))).toMatchObject({ body: JSON.parse(body) });
  expect(outcome('{"t":"amend","id":"message-1","cid":"d.a.b","target":1,"op":"recall"}')).not.toHaveProperty("body");
});
