/** The command line of the local server. */
import { parseArgs } from "node:util";
import { err, ok, type Result } from "../../src/lib/result.ts";
import { databaseOf } from "../mysql/address.ts";
import { redisName } from "../redis/address.ts";

export interface ServerOptions {
  readonly port: number;
  readonly host: string;
  /** Folder of everything that outlives a start. */
  readonly data: string;
  /** File with JSON overrides of src/config/config.ts. */
  readonly config: string | undefined;
  /** `mysql://…/database` of the accounts; without it they stand in the data folder. */
  readonly mysql: string | undefined;
  /** `redis://…` of the cache; without it each isolate has its own. */
  readonly redis: string | undefined;
  readonly help: boolean;
}

export const HELP = `npm start -- [options]

  --port N        port to listen on; 0 takes a free one (8787)
  --host ADDRESS  address to listen on (127.0.0.1)
  --data DIR      folder for messages, accounts and generated secrets (.data)
  --config FILE   JSON overrides of the defaults in src/config/config.ts
  --mysql URL     mysql://user:password@host:port/database: accounts and history in MySQL, made and migrated if need be
  --redis URL     redis://user:password@host:port: the cache in Redis, which may be down
  --help          this text

Environment: TOKEN_KEY replaces the generated key that signs access tokens, ADMIN_KEY that of the
admin routes; the generated ones stand in secrets.json of the data folder.`;

/** Reads the arguments after the script's name; the error is a sentence for the person who typed them. */
export function parseOptions(args: readonly string[]): Result<ServerOptions, string> {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string", default: "8787" },
        host: { type: "string", default: "127.0.0.1" },
        data: { type: "string", default: ".data" },
        config: { type: "string" },
        mysql: { type: "string" },
        redis: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : Number.NaN;
    if (!(port <= 65_535)) return err(`--port takes a number from 0 to 65535, not "${values.port}"`);
    for (const name of ["host", "data", "config", "mysql", "redis"] as const) {
      if (values[name] === "") return err(`--${name} must not be empty`);
    }
    if (values.mysql !== undefined) {
      const database = databaseOf(values.mysql);
      if (!database.ok) return database;
    }
    if (values.redis !== undefined) {
      const name = redisName(values.redis);
      if (!name.ok) return name;
    }
    return ok({ ...values, port, config: values.config, mysql: values.mysql, redis: values.redis });
  } catch (error) {
    // parseArgs throws for unknown options and missing values; its first sentence names the option.
    return err((error as Error).message.split(". ")[0] ?? "bad options");
  }
}
