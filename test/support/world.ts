/** A running server and people on it, for one test file. */
import { Api, type Account } from "./api.ts";
import { Client, type ClientOptions } from "./client.ts";
import { startServer, type ServerOptions } from "./server.ts";

export class World {
  readonly api: Api;
  readonly #end: () => Promise<unknown>;
  readonly #clients: Client[] = [];
  #names = 0;

  private constructor(url: string, end: () => Promise<unknown>) {
    this.api = new Api(url);
    this.#end = end;
  }

  /** Passwords cost as little as the schema takes, unless the configuration says otherwise. */
  static async start(config: Record<string, unknown> = {}, more: ServerOptions = {}): Promise<World> {
    const server = await startServer({ ...more, config: { auth: { scrypt_log_n: 10 }, ...config } });
    return new World(server.url, async () => server[Symbol.asyncDispose]());
  }

  /** A new account, its username made from `name`. */
  async person(name: string): Promise<Account> {
    this.#names += 1;
    return this.api.register(`${name}-${this.#names}`, name);
  }

  /** A client that is not connected yet. */
  client(account: Account, device = "one", more: Partial<ClientOptions> = {}): Client {
    const client = new Client({ url: this.api.url, token: account.token, device, ...more });
    this.#clients.push(client);
    return client;
  }

  /** A connected client. */
  async connect(account: Account, device?: string, more?: Partial<ClientOptions>): Promise<Client> {
    const client = this.client(account, device, more);
    await client.connect();
    return client;
  }

  /** New people, connected with one device each. */
  async people(...names: string[]): Promise<Client[]> {
    return Promise.all(names.map(async (name) => this.connect(await this.person(name))));
  }

  async end(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.#end();
  }
}

/** The direct chat of two people. */
export function chatOf(a: Client | Account, b: Client | Account): string {
  return `d.${[uidOf(a), uidOf(b)].toSorted().join(".")}`;
}

let made = 0;

/** An id that no other message of this process has. */
export function freshId(): string {
  return `message-${(made += 1)}`;
}

function uidOf(one: Client | Account): string {
  return typeof one.user === "string" ? one.user : one.user.id;
}
