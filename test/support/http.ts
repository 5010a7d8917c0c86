/** Requests to the edge's app, inside the runtime, with the bindings of the test or others. */
import { env as bound } from "cloudflare:workers";
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { makeApp } from "../../src/workers/edge/app.ts";
import type { Env } from "../../src/workers/env.ts";

export const env: Env & { readonly DB: D1Database } = bound;
export const app = makeApp();

export interface Call {
  readonly token?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: BodyInit;
  readonly headers?: Record<string, string>;
  readonly env?: Env;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, when it is JSON. */
  readonly json: Record<string, unknown>;
}

/** One request, `"GET /v1/me"`. */
export async function call(line: string, options: Call = {}): Promise<Answer> {
  const [method = "GET", path = "/"] = line.split(" ");
  const headers = new Headers(options.headers);
  if (options.token !== undefined) headers.set("authorization", `Bearer ${options.token}`);
  if (options.json !== undefined) headers.set("content-type", "application/json");
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  const request = new Request(`https://mpim.test${path}`, { method, headers, ...(body !== undefined && { body }) });
  const ctx = createExecutionContext();
  const response = await app.fetch(request, options.env ?? env, ctx);
  const text = await response.text();
  await waitOnExecutionContext(ctx);
  const json = (response.headers.get("content-type") ?? "").startsWith("application/json")
    ? (JSON.parse(text) as Record<string, unknown>)
    : {};
  return { status: response.status, headers: response.headers, text, json };
}

/** What is the same in all refusals: status, code, and a message and request id that are there. */
export function codeOf(answer: Answer): string {
  const { error } = answer.json as { error?: { code?: unknown; message?: unknown; request_id?: unknown } };
  if (typeof error?.code !== "string" || typeof error.message !== "string") return `no refusal: ${answer.text}`;
  if (error.request_id !== answer.headers.get("x-request-id")) return "request ids of body and header differ";
  return `${answer.status} ${error.code}`;
}

export interface Account {
  readonly user: { readonly id: string; readonly username: string | null; readonly name: string };
  readonly token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
}

export const PASSWORD = "correct horse";

let made = 0;

/** A new account, under a username that no other test has unless it is given. */
export async function account(username = `user${(made += 1)}`, more: Record<string, unknown> = {}): Promise<Account> {
  const answer = await call("POST /v1/auth/register", { json: { username, password: PASSWORD, ...more } });
  if (answer.status !== 201) throw new Error(`not registered: ${answer.text}`);
  return answer.json as unknown as Account;
}
