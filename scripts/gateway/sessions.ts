/**
 * Statements over a pool of MySQL connections. A session holds a connection only while its transaction is open; what is
 * outside of a transaction runs on any.
 */
import { type Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { FieldPacket, Pool, PoolConnection, QueryResult as Answer, ResultSetHeader } from "mysql2/promise";
import {
  encodeDone,
  encodeError,
  encodeRows,
  isRollback,
  leavesTraces,
  type Column,
  type Failure,
  type QueryResult,
  type Session,
} from "./protocol.ts";

export interface SessionLimits {
  /** Transactions open at the same time. */
  readonly maxOpen: number;
  /** A transaction without a statement for so long is rolled back. */
  readonly idleMs: number;
}

export interface Execution {
  readonly session: Session;
  readonly result?: QueryResult;
  readonly error?: Failure;
}

interface Open {
  readonly connection: PoolConnection;
  busy: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

const IN_TRANSACTION = 1;
const DEADLOCK = 1213;

export class Sessions {
  readonly #pool: Pool;
  readonly #limits: SessionLimits;
  readonly #open = new Map<string, Open>();

  constructor(pool: Pool, limits: SessionLimits) {
    this.#pool = pool;
    this.#limits = limits;
  }

  /** Transactions that are open. */
  get open(): number {
    return this.#open.size;
  }

  /** A session in which nothing has happened. */
  create(): Session {
    return sessionOf(randomUUID(), false);
  }

  /** Runs one statement in the session that a client sent, or in a new one. */
  async execute(sent: Session | null, query: string): Promise<Execution> {
    const id = sent?.signature ?? randomUUID();
    const open = this.#open.get(id);
    const promised = sent?.vitessSession.inTransaction === true;
    if (open === undefined && promised) {
      // Ended by its server, or by being idle: nothing of it may go on outside of a transaction, least of all its COMMIT.
      if (isRollback(query)) return { session: sessionOf(id, false), result: {} };
      return refused(id, true, "ABORTED", `transaction ${id}: ended`);
    }
    if (open?.busy === true) {
      return refused(id, true, "FAILED_PRECONDITION", "a session runs one statement at a time");
    }
    if (leavesTraces(query)) {
      return refused(id, promised, "UNIMPLEMENTED", "a session keeps nothing but its transaction");
    }
    return open === undefined ? this.#runAnywhere(id, query) : this.#runInside(id, open, query);
  }

  /** Rolls everything back. */
  close(): void {
    for (const id of this.#open.keys()) this.#drop(id);
  }

  async #runAnywhere(id: string, query: string): Promise<Execution> {
    let connection: PoolConnection;
    try {
      connection = await this.#pool.getConnection();
    } catch (error) {
      return { session: sessionOf(id, false), error: failureOf(error) };
    }
    try {
      const { result, inTransaction } = await run(connection, query);
      if (inTransaction !== true) {
        connection.release();
        return { session: sessionOf(id, false), result };
      }
      if (this.#open.size >= this.#limits.maxOpen) {
        connection.destroy();
        return refused(id, false, "RESOURCE_EXHAUSTED", `${this.#limits.maxOpen} transactions are open already`);
      }
      const open: Open = { connection, busy: false, timer: undefined };
      this.#open.set(id, open);
      this.#rest(id, open);
      return { session: sessionOf(id, true), result };
    } catch (error) {
      if (fatal(error)) connection.destroy();
      else connection.release();
      return { session: sessionOf(id, false), error: failureOf(error) };
    }
  }

  async #runInside(id: string, open: Open, query: string): Promise<Execution> {
    clearTimeout(open.timer);
    open.busy = true;
    try {
      const { result, inTransaction } = await run(open.connection, query);
      if (inTransaction === false) {
        this.#open.delete(id);
        open.connection.release();
        return { session: sessionOf(id, false), result };
      }
      return { session: sessionOf(id, true), result };
    } catch (error) {
      // The server has undone it all: the rest of this transaction has nothing to stand on.
      if (fatal(error) || (error as { errno?: number }).errno === DEADLOCK) this.#drop(id);
      return { session: sessionOf(id, true), error: failureOf(error) };
    } finally {
      open.busy = false;
      if (this.#open.get(id) === open) this.#rest(id, open);
    }
  }

  #rest(id: string, open: Open): void {
    open.timer = setTimeout(() => this.#drop(id), this.#limits.idleMs);
    open.timer.unref();
  }

  /** A connection that is cut is rolled back by its server. */
  #drop(id: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    clearTimeout(open.timer);
    this.#open.delete(id);
    open.connection.destroy();
  }
}

function sessionOf(signature: string, inTransaction: boolean): Session {
  return { signature, vitessSession: inTransaction ? { autocommit: true, inTransaction } : { autocommit: true } };
}

function refused(id: string, inTransaction: boolean, code: string, message: string): Execution {
  return { session: sessionOf(id, inTransaction), error: { code, message } };
}

/** `inTransaction` is undefined where the server does not say: after rows, which neither begin nor end one. */
async function run(
  connection: PoolConnection,
  query: string,
): Promise<{ result: QueryResult; inTransaction: boolean | undefined }> {
  const [answer, fields] = await connection.query<Answer>({
    sql: query,
    rowsAsArray: true,
    // The bytes as the server sent them.
    typeCast: (field) => field.buffer(),
  });
  if (!Array.isArray(answer)) {
    const { affectedRows, insertId, serverStatus } = answer as ResultSetHeader & { serverStatus: number };
    return { result: encodeDone(affectedRows, insertId), inTransaction: (serverStatus & IN_TRANSACTION) !== 0 };
  }
  const rows: unknown = answer;
  return { result: encodeRows(fields.map(columnOf), rows as (Buffer | null)[][]), inTransaction: undefined };
}

function columnOf(field: FieldPacket): Column {
  return {
    name: field.name,
    type: field.columnType ?? 0,
    flags: Number(field.flags),
    charset: field.characterSet ?? 0,
    length: field.columnLength ?? 0,
    decimals: field.decimals,
    table: field.table,
    orgTable: field.orgTable,
    database: field.schema ?? "",
    orgName: field.orgName,
  };
}

interface ServerError {
  readonly errno?: number;
  readonly sqlState?: string;
  readonly sqlMessage?: string;
}

/** The connection is of no use any more: it broke, or its server ended it with this error, as with a statement that is too long. */
function fatal(error: unknown): boolean {
  const { sqlState } = error as ServerError;
  return sqlState === undefined || sqlState.startsWith("08");
}

function failureOf(error: unknown): Failure {
  const { errno, sqlState, sqlMessage } = error as ServerError;
  if (errno !== undefined && sqlState !== undefined) return encodeError(errno, sqlState, sqlMessage ?? "");
  return { code: "UNAVAILABLE", message: "the connection to the database is lost" };
}
