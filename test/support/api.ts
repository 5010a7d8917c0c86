/** The HTTP API of a running server, for tests and the demo. */

export interface Account {
  readonly user: { readonly id: string; readonly username: string; readonly name: string };
  readonly token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON body; undefined when there is none. */
  readonly json: T;
}

/** A refusal's body. */
export interface Refused {
  readonly error: { readonly code: string; readonly message: string; readonly request_id: string };
}

export const PASSWORD = "correct horse";

export class Api {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** One request, `"GET /v1/me"`; whatever the status. */
  async call<T>(line: string, token?: string, json?: unknown): Promise<Answer<T>> {
    const [method = "GET", path = "/"] = line.split(" ");
    const headers = new Headers();
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    if (json !== undefined) headers.set("content-type", "application/json");
    const body = json === undefined ? null : JSON.stringify(json);
    const response = await fetch(`${this.url}${path}`, { method, headers, body }).catch((error: unknown) => {
      throw new Error(`${line}: no answer from ${this.url}`, { cause: error });
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      json: (text === "" ? undefined : JSON.parse(text)) as T,
    };
  }

  /** The body of a request that has to succeed. */
  async get<T>(line: string, token?: string, json?: unknown): Promise<T> {
    const answer = await this.call<T>(line, token, json);
    if (answer.status >= 300) throw new Error(`${line}: ${answer.status} ${JSON.stringify(answer.json)}`);
    return answer.json;
  }

  /** A new account. */
  async register(username: string, name = username): Promise<Account> {
    return this.get("POST /v1/auth/register", undefined, { username, password: PASSWORD, name });
  }

  /** Another login of an account. */
  async login(username: string): Promise<Account> {
    return this.get("POST /v1/auth/login", undefined, { username, password: PASSWORD });
  }

  /** All messages of a conversation, `limit` a page, going up from the first. */
  async history<T>(cid: string, token: string, limit: number): Promise<T[]> {
    const all: T[] = [];
    for (;;) {
      const after = (all.at(-1) as { seq?: number } | undefined)?.seq ?? 0;
      const line = `GET /v1/conversations/${cid}/messages?after=${after}&limit=${limit}`;
      const page = await this.get<{ messages: T[]; head: number; more: boolean }>(line, token);
      all.push(...page.messages);
      if (!page.more) return all;
    }
  }
}
