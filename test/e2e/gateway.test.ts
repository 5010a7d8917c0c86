/** The gateway between the real driver and a real server. */
import { Client, DatabaseError, type Connection } from "@planetscale/database";
import { createConnection } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { startGateway, type Gateway } from "../../scripts/gateway/gateway.ts";
import { makeDatabase, type Database } from "../support/mysql.ts";

const server = inject("mysqlServer");

describe.runIf(server !== "")("gateway", () => {
  let database: Database;
  let gateway: Gateway;
  let client: Client;
  beforeAll(async () => {
    database = await makeDatabase(server);
    gateway = await startGateway({ mysql: database.url });
    client = new Client({ url: gateway.url });
    await client.execute("CREATE TABLE t (id varchar(64) PRIMARY KEY, n int NOT NULL) CHARACTER SET utf8mb4");
  });
  afterAll(async () => {
    await gateway?.close();
    await database?.drop();
  });

  const count = async (id: string): Promise<unknown> =>
    (await client.execute("SELECT COUNT(*) AS n FROM t WHERE id = ?", [id])).rows[0];
  const insert = (connection: Pick<Connection, "execute">, id: string): Promise<unknown> =>
    connection.execute("INSERT INTO t VALUES (?, 1)", [id]);
  const failure = async (work: Promise<unknown>): Promise<DatabaseError> => {
    const error: unknown = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof DatabaseError)) throw new Error("no error of a database", { cause: error });
    return error;
  };

  test("types come as the driver knows them", async () => {
    await client.execute(`CREATE TABLE kinds (
      tiny tinyint, small smallint unsigned, medium mediumint, whole int unsigned, big bigint, ubig bigint unsigned,
      exact decimal(20,4), rough double, single float, day date, moment datetime(3), clock time, yr year,
      chars char(4), line varchar(20), prose text, bytes varbinary(8), blobs blob, choice enum('a','b'), choices set('a','b'),
      bits bit(8), document json, nothing int) CHARACTER SET utf8mb4`);
    const values = [
      -1,
      65_535,
      -8_388_608,
      4_294_967_295,
      "-9223372036854775808",
      "18446744073709551615",
      "1234567890123456.7891",
      0.1,
      0.5,
      "2026-02-03",
      "2026-02-03 04:05:06.789",
      "07:08:09",
      2026,
      "é",
      "👩‍👧 '\"\\\0",
      "x\ny",
      new Uint8Array([0, 255, 39]),
      new Uint8Array([0, 128, 92]),
      "b",
      "a,b",
      5,
      '{"a":[1]}',
      null,
    ];
    await client.execute(`INSERT INTO kinds VALUES (${values.map(() => "?").join()})`, values);
    const { rows, types } = await client.execute("SELECT * FROM kinds");
    expect(rows).toEqual([
      {
        tiny: -1,
        small: 65_535,
        medium: -8_388_608,
        whole: 4_294_967_295,
        big: "-9223372036854775808",
        ubig: "18446744073709551615",
        exact: "1234567890123456.7891",
        rough: 0.1,
        single: 0.5,
        day: "2026-02-03",
        moment: "2026-02-03 04:05:06.789",
        clock: "07:08:09",
        yr: 2026,
        chars: "é",
        line: "👩‍👧 '\"\\\0",
        prose: "x\ny",
        bytes: new Uint8Array([0, 255, 39]),
        blobs: new Uint8Array([0, 128, 92]),
        choice: "b",
        choices: "a,b",
        bits: new Uint8Array([5]),
        // JSON is a type in MySQL, and a text in MariaDB.
        document: types["document"] === "JSON" ? { a: [1] } : '{"a":[1]}',
        nothing: null,
      },
    ]);
    expect(types).toMatchObject({
      ubig: "UINT64",
      medium: "INT24",
      bytes: "VARBINARY",
      prose: "TEXT",
      exact: "DECIMAL",
    });
  });

  test("a large value and many rows", async () => {
    const large = "é👩".repeat(500_000);
    const { rows } = await client.execute("SELECT ? AS large", [large]);
    expect((rows[0] as { large: string }).large === large).toBe(true);
    const many = await client.execute(
      "SELECT seq FROM (WITH RECURSIVE s(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM s WHERE seq < 900) SELECT * FROM s) AS x",
    );
    expect(many.size).toBe(900);
  });

  test("a committed transaction is seen by others afterwards, and by itself before", async () => {
    await client.transaction(async (tx) => {
      await insert(tx, "kept");
      expect((await tx.execute("SELECT COUNT(*) AS n FROM t WHERE id = 'kept'")).rows).toEqual([{ n: "1" }]);
      expect(await count("kept")).toEqual({ n: "0" });
      expect(gateway.open()).toBe(1);
    });
    expect(await count("kept")).toEqual({ n: "1" });
    expect(gateway.open()).toBe(0);
  });

  test("an error rolls back, whether of the server or of the caller", async () => {
    await insert(client, "there");
    const error = await failure(
      client.transaction(async (tx) => {
        await insert(tx, "lost");
        await insert(tx, "there");
      }),
    );
    expect(error.body.code).toBe("ALREADY_EXISTS");
    expect(error.message).toMatch(/^Duplicate entry 'there' for key .* \(errno 1062\) \(sqlstate 23000\)$/);
    await expect(
      client.transaction(async (tx) => {
        await insert(tx, "lost");
        throw new Error("changed my mind");
      }),
    ).rejects.toThrow("changed my mind");
    expect(await count("lost")).toEqual({ n: "0" });
    expect(gateway.open()).toBe(0);
  });

  test("a statement that is too long for the server fails alone: its connection is not used again", async () => {
    const { rows } = await client.execute("SELECT @@max_allowed_packet AS bytes");
    const { bytes } = rows[0] as { bytes: string };
    const long = failure(client.execute("SELECT LENGTH(?)", ["x".repeat(Number(bytes) + 1)]));
    // They stand in line for a connection.
    const asleep = Array.from({ length: 40 }, () => client.execute("SELECT SLEEP(0.2)"));
    expect((await long).message).toMatch(/errno 1153|lost/);
    await Promise.all(asleep);
  });

  test("a connection killed in mid-transaction: nothing of it happens, and nothing after it as if it had not ended", async () => {
    const session = client.connection();
    await session.execute("BEGIN");
    await insert(session, "before");
    const { rows } = await session.execute("SELECT CONNECTION_ID() AS id");
    const killer = await createConnection({ uri: server });
    await killer.query(`KILL ${String((rows[0] as { id: string | number }).id)}`);
    await killer.end();
    expect((await failure(insert(session, "after"))).body.code).toMatch(/^(?:UNAVAILABLE|ABORTED|UNKNOWN)$/);
    expect((await failure(insert(session, "after"))).body.code).toBe("ABORTED");
    expect((await failure(session.execute("COMMIT"))).body.code).toBe("ABORTED");
    await session.execute("ROLLBACK");
    for (const id of ["before", "after"]) expect(await count(id)).toEqual({ n: "0" });
    await insert(session, "again");
    expect(await count("again")).toEqual({ n: "1" });
    expect(gateway.open()).toBe(0);
  });

  test("a deadlock ends the transaction that loses it", async () => {
    await insert(client, "left");
    await insert(client, "right");
    const [a, b] = [client.connection(), client.connection()];
    const touch = (session: Connection, id: string): Promise<unknown> =>
      session.execute("UPDATE t SET n = n + 1 WHERE id = ?", [id]);
    for (const session of [a, b]) await session.execute("BEGIN");
    await touch(a, "left");
    await touch(b, "right");
    const outcomes = await Promise.allSettled([touch(a, "right"), touch(b, "left")]);
    const lost = outcomes.findIndex((outcome) => outcome.status === "rejected");
    const loser = lost === 0 ? a : b;
    expect(
      (await failure(Promise.reject((outcomes[lost] as PromiseRejectedResult).reason as Error))).message,
    ).toContain("errno 1213");
    expect((await failure(loser.execute("COMMIT"))).body.code).toBe("ABORTED");
    await loser.execute("ROLLBACK");
    await (loser === a ? b : a).execute("COMMIT");
    expect((await client.execute("SELECT SUM(n) AS n FROM t WHERE id IN ('left', 'right')")).rows).toEqual([
      { n: "4" },
    ]);
  });

  test("too many transactions are refused, and an idle one is rolled back", async () => {
    await using small = await disposable({ mysql: database.url, maxOpen: 1, idleMs: 50 });
    const own = new Client({ url: small.url });
    const [first, second] = [own.connection(), own.connection()];
    await first.execute("BEGIN");
    await insert(first, "idle");
    expect((await failure(second.execute("BEGIN"))).body.code).toBe("RESOURCE_EXHAUSTED");
    // The row lock of the first goes only with its rollback.
    await insert(client, "idle");
    expect((await failure(first.execute("COMMIT"))).body.code).toBe("ABORTED");
    await second.execute("BEGIN");
    await second.execute("COMMIT");
  });

  test("a session keeps nothing but its transaction, and runs one statement at a time", async () => {
    expect((await failure(client.execute("SET @a = 1"))).body.code).toBe("UNIMPLEMENTED");
    const session = client.connection();
    await session.refresh();
    await session.execute("BEGIN");
    const both = await Promise.allSettled([session.execute("SELECT 1"), session.execute("SELECT 2")]);
    expect(both.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected"]);
    await session.execute("ROLLBACK");
  });

  test("nobody gets in without the credentials, and no nonsense", async () => {
    const stranger = new URL(gateway.url);
    stranger.password = "wrong";
    const error = await failure(new Client({ url: stranger.href }).execute("SELECT 1"));
    expect([error.status, error.body.code]).toEqual([401, "UNAUTHENTICATED"]);
    const { username, password, origin } = new URL(gateway.url);
    const authorization = `Basic ${btoa(`${username}:${password}`)}`;
    const ask = async (path: string, body: string): Promise<number> =>
      (await fetch(`${origin}${path}`, { method: "POST", headers: { authorization }, body })).status;
    expect(await ask("/psdb.v1alpha1.Database/Execute", "{")).toBe(400);
    expect(await ask("/psdb.v1alpha1.Database/Execute", '{"query":1}')).toBe(400);
    expect(await ask("/psdb.v1alpha1.Database/Drop", "{}")).toBe(404);
  });

  async function disposable(options: Parameters<typeof startGateway>[0]): Promise<Gateway & AsyncDisposable> {
    const started = await startGateway(options);
    return { ...started, [Symbol.asyncDispose]: () => started.close() };
  }
});
