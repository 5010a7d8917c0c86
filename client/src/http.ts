/** Requests to the HTTP API: with a token, tried again where that is safe, and with errors as `MpimError`. */
import { invalid, MpimError, mayRetry, type ErrorDetails } from "./errors.ts";
import { newId } from "./id.ts";

/** Gives an access token; `refused`: the one that was given last and that the server did not take. */
export type TokenSource = (why: { readonly refused: string | undefined }) => string | Promise<string>;

export interface HttpOptions {
  /** Of the server, for instance `https://chat.example.com`. */
  readonly url: string;
  readonly token?: TokenSource | undefined;
  /** Instead of the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

export interface Request {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly json?: unknown;
  /** Of a POST: repeated requests are known as one. */
  readonly idempotent?: boolean;
  /** Of a POST: repeating it is safe by itself, for so long, ms. */
  readonly repeatable?: number;
  /** It ends the token by which it is asked: a repetition goes with the same, since there is no other. */
  readonly ends?: boolean;
}

const ATTEMPTS = 4;
const PATIENCE_MS = 30_000;
const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 10_000;

/** What a refusal means that says nothing which is understood. */
const BY_STATUS: Readonly<Record<number, string>> = {
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  408: "unavailable",
  409: "already_exists",
  413: "too_large",
  429: "rate_limited",
};

export class Http {
  readonly url: string;
  readonly #token: TokenSource | undefined;
  readonly #fetch: typeof fetch;

  /** Throws `invalid_argument` when the address is none. */
  constructor({ url, token, fetch: given }: HttpOptions) {
    this.url = address(url);
    this.#token = token;
    this.#fetch = given ?? ((input, init) => fetch(input, init));
  }

  /**
   * One request, `"GET /me"`. Repeated after failures that may pass, if repeating is safe. Throws a `MpimError`; `offline`
   * when there is no answer at all.
   */
  async call<T>(line: string, request: Request = {}): Promise<T> {
    const [method = "GET"] = line.split(" ");
    const safe = method !== "POST" || request.idempotent === true || request.repeatable !== undefined;
    const key = method === "POST" && request.idempotent === true ? newId() : undefined;
    let refused: string | undefined;
    let token: string | undefined;
    for (let attempt = 1; ; attempt += 1) {
      if (request.ends !== true || token === refused) token = await this.#token?.({ refused });
      try {
        return await this.#once<T>(line, request, token, key);
      } catch (error) {
        if (!(error instanceof MpimError)) throw error;
        if (error.code === "unauthenticated" && token !== undefined && refused === undefined) {
          refused = token;
          continue;
        }
        // What was refused for its rate was not done, so repeating it is safe always.
        const repeat = mayRetry(error.code) && (safe || error.code === "rate_limited" || error.code === "overloaded");
        const wait = error.retryAfter ?? FIRST_WAIT_MS * 2 ** (attempt - 1);
        if (!repeat || attempt >= ATTEMPTS || wait > LONGEST_WAIT_MS) throw error;
        await new Promise((resolve) => setTimeout(resolve, wait * (0.75 + Math.random() / 2)));
      }
    }
  }

  async #once<T>(
    line: string,
    { query, json, repeatable }: Request,
    token: string | undefined,
    key: string | undefined,
  ): Promise<T> {
    const [method = "GET", path = "/"] = line.split(" ");
    const url = new URL(`${this.url}/v1${path}`);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers = new Headers();
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    if (json !== undefined) headers.set("content-type", "application/json");
    if (key !== undefined) headers.set("idempotency-key", key);
    const body = json === undefined ? null : JSON.stringify(json);
    // The last attempt begins while the first may be repeated.
    const patience = repeatable === undefined ? PATIENCE_MS : Math.min(PATIENCE_MS, repeatable / ATTEMPTS);
    let response: Response;
    let text: string;
    try {
      response = await this.#fetch(url, { method, headers, body, signal: AbortSignal.timeout(patience) });
      text = await response.text();
    } catch (error) {
      throw new MpimError("offline", "the server does not answer", { cause: error });
    }
    if (!response.ok) throw refusal(response, text);
    if (response.status === 204 || (response.status === 202 && text === "")) return undefined as T;
    try {
      // What is no object, an own server never says.
      return Object(JSON.parse(text)) as T;
    } catch (cause) {
      throw new MpimError("unavailable", `the server does not answer in JSON: ${this.url}`, { cause });
    }
  }
}

/** The address of a server, checked and without a slash at its end. */
function address(url: string): string {
  if (/^https?:\/\/[^?#]+$/.test(url) && URL.canParse(url)) return url.replace(/\/+$/, "");
  throw invalid(`not the http: or https: url of a server: ${url}`);
}

/** A token that is given as a text is good until it is refused. What a function gives may be anything. */
export function sourceOf(token: TokenSource | string): TokenSource {
  return async (why) => {
    const given = typeof token === "function" ? await token(why) : why.refused === undefined && token;
    if (given && typeof given === "string") return given;
    throw new MpimError("unauthenticated", "there is no token, or it was refused");
  };
}

function refusal(response: Response, text: string): MpimError {
  const seconds = Number(response.headers.get("retry-after") ?? "");
  const retryAfter = seconds > 0 ? seconds * 1000 : undefined;
  const requestId = response.headers.get("x-request-id") ?? undefined;
  try {
    const { error } = JSON.parse(text) as {
      error: { code: unknown; message: string; request_id: string; details?: ErrorDetails };
    };
    if (typeof error.code === "string")
      return new MpimError(error.code, error.message, {
        retryAfter,
        requestId: error.request_id ?? requestId,
        details: error.details,
      });
  } catch {
    // Something between here and the server has answered.
  }
  const code = BY_STATUS[response.status] ?? (response.status >= 500 ? "unavailable" : "invalid_argument");
  return new MpimError(code, `HTTP ${response.status}`, { retryAfter, requestId });
}
