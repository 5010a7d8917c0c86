import { expect, test } from "vitest";
import { CODES, refuse } from "../../../src/protocol/codes.ts";

test("the table says what the contract says: HTTP status, close code, what the client does", () => {
  const rows = Object.entries(CODES).map(([code, info]) => {
    const { http, close, reaction }: { http?: number; close?: number; reaction: string } = info;
    return [code, http, close, reaction];
  });
  expect(rows).toEqual([
    ["invalid_frame", 400, 4400, "never"],
    ["invalid_argument", 400, 4400, "never"],
    ["unauthenticated", 401, 4401, "refresh"],
    ["permission_denied", 403, 4403, "never"],
    ["not_member", 403, 4403, "never"],
    ["blocked", 403, 4403, "never"],
    ["muted", 403, 4403, "never"],
    ["not_found", 404, undefined, "never"],
    ["timeout", undefined, 4408, "reconnect"],
    ["replaced", undefined, 4409, "stay_away"],
    ["already_exists", 409, undefined, "never"],
    ["id_conflict", 409, undefined, "never"],
    ["id_expired", 409, undefined, "never"],
    ["too_large", 413, 4413, "never"],
    ["rate_limited", 429, 4429, "later"],
    ["internal", 500, 4500, "backoff"],
    ["overloaded", 503, 4503, "later"],
    ["unavailable", 503, 4503, "later"],
    ["deadline_exceeded", 504, undefined, "unknown"],
  ]);
});

test("a refusal says when to come back only if it knows", () => {
  expect(refuse("blocked", "no")).toEqual({ code: "blocked", message: "no" });
  expect(refuse("overloaded", "later", 50)).toEqual({ code: "overloaded", message: "later", retryAfter: 50 });
});
