import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { directCid, makeUlid, type Cid, type Uid } from "../../src/protocol/ids.ts";
import { describe as describeError, log } from "../../src/observability/log.ts";
import { mayBelongTo } from "../../src/workers/edge/http/membership.ts";
import { hashPassword, verifyPassword } from "../../src/workers/edge/http/passwords.ts";
import { requestIdOf } from "../../src/workers/edge/http/respond.ts";
import { Recent } from "../../src/workers/edge/recent.ts";
import { formatRefreshToken, judge, makeRefreshToken, parseRefreshToken } from "../../src/workers/edge/refresh.ts";
import type { Login } from "../../src/store/store.ts";
import { readTokenKey } from "../../src/workers/edge/tokens.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("what an isolate remembers", () => {
  test("lapses at its time", () => {
    const recent = new Recent<string>(10);
    recent.set("a", "A", 100);
    expect([recent.get("a", 99), recent.get("a", 100), recent.get("a", 0)]).toEqual(["A", undefined, undefined]);
  });

  test("is bounded: who was set longest ago gives way", () => {
    const recent = new Recent<number>(2);
    for (const [i, key] of ["a", "b", "a", "c"].entries()) recent.set(key, i, 100);
    expect(["a", "b", "c"].map((key) => recent.get(key, 0))).toEqual([2, undefined, 3]);
  });
});

describe("a refresh token", () => {
  const login = makeUlid(1_800_000_000_000, new Uint8Array(16));
  const bytes = (value: number): Uint8Array => new Uint8Array(48).fill(value);
  const first = makeRefreshToken(login, bytes(1));

  test("is read as it was written", () => {
    expect(parseRefreshToken(formatRefreshToken(first))).toEqual(first);
  });

  test.each(["", ".", "..", `${login}..`, `${formatRefreshToken(first)} `, formatRefreshToken(first).slice(1)])(
    "is not %j",
    (text) => {
      expect(parseRefreshToken(text)).toBeUndefined();
    },
  );

  /** A login whose newest token came by exchange at 50; the one before is `old`. */
  const row = { id: login, uid: "u" as Uid, family: "F", current: "S", expires: 100, exchanged: 50 };
  const hashes = { family: "F", secret: "S", next: "T" };
  const before = { family: "F", secret: "old", next: "S" };

  test("is judged by family first, so that a made-up one ends nobody's login", () => {
    expect(judge(hashes, row, 99, 10)).toBe("newest");
    expect(judge({ ...hashes, secret: "older", next: "old" }, row, 51, 10)).toBe("reused");
    for (const made of [hashes, before]) expect(judge({ ...made, family: "x" }, row, 51, 10)).toBe("unknown");
    expect(judge(hashes, row, 100, 10)).toBe("unknown");
    expect(judge(hashes, undefined, 99, 10)).toBe("unknown");
  });

  test("is exchanged again for what is still the newest, as long as the grace lasts", () => {
    expect([50, 59, 60].map((now) => judge(before, row, now, 10))).toEqual(["repeated", "repeated", "reused"]);
    expect(judge(before, row, 50, 0)).toBe("reused");
    // A login from before this was noted, or that was only begun.
    expect(judge(before, { ...row, exchanged: 0 }, 50, 10)).toBe("reused");
  });

  test("goes on whatever answers get lost, and is over once anything but that is presented", () => {
    const GRACE = 10;
    /** What the server does with token number `n`, whose successor is `n + 1`. */
    const present = (state: Login, n: number, now: number): { verdict: string; state: Login } => {
      const told = { family: "F", secret: `${n}`, next: `${n + 1}` };
      const verdict = judge(told, state, now, GRACE);
      return { verdict, state: verdict === "newest" ? { ...state, current: told.next, exchanged: now } : state };
    };
    const losses = fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }), { maxLength: 10 });
    const stolen = fc.record({ back: fc.integer({ min: 1, max: 20 }), late: fc.integer({ min: 0, max: 20 }) });
    fc.assert(
      fc.property(losses, stolen, (exchanges, { back, late }) => {
        let state: Login = { ...row, current: "0", expires: 1e9, exchanged: 0 };
        let now = 1000;
        let held = 0;
        for (const waits of exchanges) {
          now += 100;
          for (const wait of [0, ...waits]) {
            const done = present(state, held, (now += wait));
            expect(done.verdict).toBe(wait === 0 && done.state !== state ? "newest" : "repeated");
            ({ state } = done);
          }
          held += 1;
        }
        const copy = held - back;
        const age = now + late - state.exchanged;
        fc.pre(copy >= 0);
        expect(present(state, copy, now + late).verdict).toBe(back === 1 && age < GRACE ? "repeated" : "reused");
      }),
    );
  });
});

describe("a stored password", () => {
  const salt = new Uint8Array(16).fill(3);

  test("carries its parameters and salt, and stays good when the cost is raised", async () => {
    const stored = await hashPassword("correct horse", 10, salt);
    expect(stored).toMatch(/^\$scrypt\$ln=10,r=8,p=1\$[\w-]{22}\$[\w-]{43}$/);
    expect(await verifyPassword("correct horse", stored, 14)).toBe(true);
    expect(await verifyPassword("correct horsf", stored, 14)).toBe(false);
    expect(await hashPassword("correct horse", 10, new Uint8Array(16))).not.toBe(stored);
  });

  test("is the one of RFC 7914 for its parameters", async () => {
    // Section 12, "password", "NaCl": N=1024, r=8, p=16; the first 32 of its 64 bytes.
    const hash = Buffer.from("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162", "hex");
    const stored = `$scrypt$ln=10,r=8,p=16$${Buffer.from("NaCl").toString("base64url")}$${hash.toString("base64url")}`;
    expect(await verifyPassword("password", stored, 10)).toBe(true);
  });

  test("of nobody is never right, and one of another form is a bug", async () => {
    expect(await verifyPassword("anything", undefined, 10)).toBe(false);
    await expect(verifyPassword("anything", "plain", 10)).rejects.toThrow("unknown form");
  });

  test("may cost more than the platform's default bound of memory", async () => {
    const stored = await hashPassword("correct horse", 15, salt);
    expect(await verifyPassword("correct horse", stored, 15)).toBe(true);
  });
});

test("TOKEN_KEY is read in base64url, with or without padding, and refused without being quoted", () => {
  const bytes = new Uint8Array(32).fill(251);
  const text = Buffer.from(bytes).toString("base64url");
  expect(readTokenKey(text)).toEqual({ ok: true, value: bytes });
  expect(readTokenKey(`${text}=`)).toEqual({ ok: true, value: bytes });
  for (const missing of [undefined, ""]) {
    expect(readTokenKey(missing)).toMatchObject({ error: expect.stringMatching(/^TOKEN_KEY is missing/) as string });
  }
  for (const bad of ["short", "c2hvcnQ", "no/base64+url", "with blank"]) {
    const read = readTokenKey(bad);
    expect(read).toMatchObject({ ok: false, error: expect.stringMatching(/^TOKEN_KEY is /) as string });
    expect(JSON.stringify(read)).not.toContain(bad);
  }
});

test("[SEC1] an id alone says which conversations can only be of others", () => {
  const [a, b, c] = ["a", "b", "c"] as unknown as [Uid, Uid, Uid];
  const cases: [Cid, boolean[]][] = [
    [directCid(a, b), [true, true, false]],
    ["s.a" as Cid, [true, false, false]],
    [`g.${"0".repeat(26)}` as Cid, [true, true, true]],
  ];
  for (const [cid, expected] of cases) expect([a, b, c].map((uid) => mayBelongTo(cid, uid))).toEqual(expected);
});

test("a request id is the client's when it is a sane one", () => {
  const fresh = (): string => "fresh";
  expect(requestIdOf("client_1-ok", fresh)).toBe("client_1-ok");
  for (const bad of ["short", undefined, "", "short", "x".repeat(65), "a b c d e f", "ümlautümlaut", "line\nline\n"]) {
    expect(requestIdOf(bad, fresh)).toBe("fresh");
  }
});

describe("a log line", () => {
  test("is one line of JSON", () => {
    const write = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    log("warn", "two\nlines", { count: 1, missing: undefined, text: "a\nb" });
    const [line] = write.mock.calls[0] as [string];
    expect(line).not.toContain("\n");
    expect(JSON.parse(line)).toEqual({ level: "warn", msg: "two\nlines", count: 1, text: "a\nb" });
  });

  test("names an error, its causes, codes and places, and none of its text", () => {
    const cause = new Error("D1_ERROR: values ('secret'): SQLITE_BUSY");
    const error = new TypeError("about\n    at secret (file:1:2)", { cause });
    const described = describeError(error);
    expect(described.error).toBe("TypeError < Error(D1_ERROR)");
    expect(described.at).toContain("edge-decisions.test.ts");
    for (const text of ["values", "secret"]) expect(JSON.stringify(described)).not.toContain(text);
    expect(describeError("secret")).toEqual({ error: "string" });
    const number = new Error("Duplicate entry 'secret' for key 'a' (errno 1062) (sqlstate 23000)");
    expect(describeError(number).error).toBe("Error(errno 1062)");
  });

  test("of an error without a stack is short", () => {
    const error = new Error("secret");
    delete error.stack;
    expect(describeError(error)).toEqual({ error: "Error" });
  });
});
