/**
 * The one table of error codes. A code says what the client does next, so a new failure first looks for a code whose
 * reaction fits, and only a new reaction earns a new code.
 */

/** What a client does on receiving a code. */
export type Reaction =
  | "never" // fix the request; the same one will fail again
  | "refresh" // get a new token, then reconnect
  | "reconnect" // the connection is gone; nothing was refused
  | "stay_away" // do not reconnect by itself
  | "later" // the same request, same id, after `retry_after`
  | "backoff" // the same request, same id, with back-off
  | "unknown"; // the outcome is unknown: the same request with the same id finds it out

export interface CodeInfo {
  /** HTTP status; absent for codes that only a WebSocket knows. */
  readonly http?: 400 | 401 | 403 | 404 | 409 | 413 | 429 | 500 | 503 | 504;
  /** WebSocket close code used when a connection is ended for this reason; absent when none ever is. */
  readonly close?: number;
  readonly reaction: Reaction;
}

export const CODES = {
  invalid_frame: { http: 400, close: 4400, reaction: "never" },
  invalid_argument: { http: 400, close: 4400, reaction: "never" },
  unauthenticated: { http: 401, close: 4401, reaction: "refresh" },
  permission_denied: { http: 403, close: 4403, reaction: "never" },
  not_member: { http: 403, close: 4403, reaction: "never" },
  blocked: { http: 403, close: 4403, reaction: "never" },
  muted: { http: 403, close: 4403, reaction: "never" },
  not_found: { http: 404, reaction: "never" },
  timeout: { close: 4408, reaction: "reconnect" },
  replaced: { close: 4409, reaction: "stay_away" },
  already_exists: { http: 409, reaction: "never" },
  id_conflict: { http: 409, reaction: "never" },
  id_expired: { http: 409, reaction: "never" },
  too_large: { http: 413, close: 4413, reaction: "never" },
  rate_limited: { http: 429, close: 4429, reaction: "later" },
  internal: { http: 500, close: 4500, reaction: "backoff" },
  overloaded: { http: 503, close: 4503, reaction: "later" },
  unavailable: { http: 503, close: 4503, reaction: "later" },
  deadline_exceeded: { http: 504, reaction: "unknown" },
} as const satisfies Record<string, CodeInfo>;

export type Code = keyof typeof CODES;

/** WebSocket close code for a planned restart: come back after the `goaway`'s `retry_after`, with `since`. */
export const CLOSE_RESTART = 1012;

/** An expected refusal: a value, never thrown. `retryAfter` in ms. */
export interface Refusal {
  readonly code: Code;
  readonly message: string;
  readonly retryAfter?: number;
}

/** Makes a refusal. */
export function refuse(code: Code, message: string, retryAfter?: number): Refusal {
  return retryAfter === undefined ? { code, message } : { code, message, retryAfter };
}
