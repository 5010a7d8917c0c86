/** How every answer of the HTTP API looks, and what its handlers find in their context. */
import { z, type OpenAPIHono } from "@hono/zod-openapi";
import type { Context, TypedResponse } from "hono";
import type { JSONParsed } from "hono/utils/types";
import { CODES, type CodeInfo, type Refusal } from "../../../protocol/codes.ts";
import { Uid } from "../../../protocol/ids.ts";
import type { Env, Services } from "../../env.ts";
import type { Identity } from "../auth.ts";
import type { UsersRefusal } from "../group-rules.ts";

export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    services: Services;
    /** Set by the door for every route that is not public. */
    identity: Identity;
  };
}

export type App = OpenAPIHono<AppEnv>;

/** Statuses of refusals. 405 stands beside the table of codes: HTTP alone knows methods. */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 429 | 500 | 503 | 504;

/** What a refusal may say beyond its message: which fields are wrong and why, which users, or what keeps the server from serving. */
const Details = z.object({
  fields: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  users: z.array(Uid).optional(),
  problems: z.array(z.string()).optional(),
});

/** The body of every refusal. */
export const ErrorBody = z
  .object({
    error: z.object({
      code: z
        .enum(Object.keys(CODES) as (keyof typeof CODES)[])
        .openapi({ description: "Says what the client does next." }),
      message: z.string(),
      request_id: z.string(),
      details: Details.optional(),
    }),
  })
  .openapi("Error");
export type ErrorBody = z.infer<typeof ErrorBody>;

/** Named in each route's `responses`. */
export const refusals = {
  default: { description: "A refusal.", content: { "application/json": { schema: ErrorBody } } },
} as const;

/** A JSON answer, as `responses` wants it. */
export function json<S extends z.ZodType>(description: string, schema: S) {
  return { description, content: { "application/json": { schema } } } as const;
}

/** A JSON body that a request must have, as `request` wants it. */
export function body<S extends z.ZodType>(schema: S) {
  return { required: true, content: { "application/json": { schema } } } as const;
}

/** The parts of a request id that a client may bring. */
const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** The request's own id when it is a sane one, else a new one. */
export function requestIdOf(given: string | undefined, fresh: () => string): string {
  return given !== undefined && REQUEST_ID.test(given) ? given : fresh();
}

/** Wait so long, in ms, when a code says `later` and nobody knows better. */
const LATER_MS = 1_000;

/** Answers with a refusal. `retry-after` is in whole seconds, so it rounds up. */
export function refused(
  c: Context<AppEnv>,
  refusal: Refusal,
  details?: z.infer<typeof Details>,
  status?: RefusalStatus,
): Response & TypedResponse<ErrorBody, RefusalStatus, "json"> {
  const info: CodeInfo = CODES[refusal.code];
  if (info.reaction === "later") {
    c.header("retry-after", String(Math.ceil((refusal.retryAfter ?? LATER_MS) / 1000)));
  }
  if (info.http === 401) c.header("www-authenticate", "Bearer");
  const { code, message } = refusal;
  const error = { code, message, request_id: c.get("requestId"), ...(details === undefined ? {} : { details }) };
  // Codes without a status are for sockets only; one that came here is a bug.
  return c.json({ error }, status ?? info.http ?? 500);
}

/** Answers with a refusal that names users, if it does. */
export function refusedUsers(
  c: Context<AppEnv>,
  { users, ...refusal }: UsersRefusal,
): Response & TypedResponse<ErrorBody, RefusalStatus, "json"> {
  return refused(c, refusal, users && { users: [...users] });
}

/** Answers with JSON text that was made elsewhere, typed as what it holds. */
export function spliced<T>(c: Context<AppEnv>, text: string): TypedResponse<JSONParsed<T>, 200, "json"> {
  const response: Response = c.body(text, 200, { "content-type": "application/json" });
  return response as Response & TypedResponse<JSONParsed<T>, 200, "json">;
}
