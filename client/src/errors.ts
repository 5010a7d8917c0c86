/** Everything that fails here fails with a `MpimError`, whose code says what to do next. */

/** What to do about a code. */
export type Reaction =
  /** The same request will fail again. */
  | "never"
  /** A new token, then again. */
  | "refresh"
  /** The connection is gone, nothing was refused. */
  | "reconnect"
  /** Do not come back by itself. */
  | "stay_away"
  /** The same again after `retryAfter`. */
  | "later"
  /** The same again, with growing pauses. */
  | "backoff"
  /** The outcome is unknown; the same with the same id finds it out. */
  | "unknown";

/** All other codes say `never`: so do those of newer servers. */
const REACTIONS: Readonly<Record<string, Reaction>> = {
  unauthenticated: "refresh",
  timeout: "reconnect",
  replaced: "stay_away",
  rate_limited: "later",
  overloaded: "later",
  unavailable: "later",
  offline: "later",
  internal: "backoff",
  deadline_exceeded: "unknown",
};

/**
 * A code of the server (PROTOCOL.md, "Codes"), or one of this library: `closed` (the chat or session was closed), `offline` (there is
 * no connection, and this needs one now), `wrong_store` (the store holds the data of another user), `store_failed` (the store cannot be
 * opened or written, or something in it cannot be read).
 */
export type ErrorCode =
  | "invalid_frame"
  | "invalid_argument"
  | "unauthenticated"
  | "permission_denied"
  | "not_member"
  | "blocked"
  | "muted"
  | "not_found"
  | "timeout"
  | "replaced"
  | "already_exists"
  | "id_conflict"
  | "id_expired"
  | "too_large"
  | "rate_limited"
  | "internal"
  | "overloaded"
  | "unavailable"
  | "deadline_exceeded"
  | "closed"
  | "offline"
  | "wrong_store"
  | "store_failed";

/** What a code asks for. */
export function reactionTo(code: string): Reaction {
  return REACTIONS[code] ?? "never";
}

/** True: the same request, with the same id, may still succeed. */
export function mayRetry(code: string): boolean {
  return ["later", "backoff", "unknown"].includes(reactionTo(code));
}

/** What may stand beside a refusal. */
export interface ErrorDetails {
  /** Fields of a request that are wrong, and why. */
  readonly fields?: readonly { readonly field: string; readonly message: string }[];
  /** The users that a refusal is about. */
  readonly users?: readonly string[];
}

/** A refusal of the server, or a failure here. */
export class MpimError extends Error {
  override readonly name = "MpimError";
  /** What happened, for programs. */
  readonly code: ErrorCode;
  /** Wait so long before the same again, ms. */
  readonly retryAfter: number | undefined;
  /** The id under which the server's log knows this; for reports. */
  readonly requestId: string | undefined;
  readonly details: ErrorDetails | undefined;

  constructor(
    code: string,
    message: string,
    more: {
      readonly retryAfter?: number | undefined;
      readonly requestId?: string | undefined;
      readonly details?: ErrorDetails | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code as ErrorCode;
    this.retryAfter = more.retryAfter;
    this.requestId = more.requestId;
    this.details = more.details;
  }

  /** What to do about it. */
  get reaction(): Reaction {
    return reactionTo(this.code);
  }
}

/** What fails here for a reason that was not ours: it stands beside it, and in the message. */
export function failed(code: string, message: string, cause: unknown): MpimError {
  const why = cause instanceof Error && cause.message !== "" ? `: ${cause.message}` : "";
  return new MpimError(code, message + why, { cause });
}

/** What was asked for can never be. */
export function invalid(message: string): MpimError {
  return new MpimError("invalid_argument", message);
}
