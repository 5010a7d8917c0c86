import { describe, expect, test } from "vitest";
import { FakeRedis, held, isolate, OPTIONS, source, THING, Time, type Thing } from "./fixture.ts";

const KEY = "t:thing:a";

describe("reading", () => {
  test("a hundred reads at once are one load, and those that follow none", async () => {
    const { cache } = isolate(new Time());
    const from = source({ n: 1 });
    const reads = Array.from({ length: 100 }, () => cache.read(THING, "a", from.load));
    expect(await Promise.all(reads)).toEqual(Array.from({ length: 100 }, () => ({ n: 1 })));
    expect(await cache.read(THING, "a", from.load)).toEqual({ n: 1 });
    expect(from.loads).toBe(1);
    expect(cache.metrics().kinds["thing"]).toMatchObject({ load: 1, joined: 99, miss: 1, isolate: 1 });
  });

  test("that there is nothing is remembered, for a shorter time", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const [one, other] = [isolate(time, redis), isolate(time, redis)];
    const from = source(undefined);
    for (let i = 0; i < 3; i += 1) expect(await one.cache.read(THING, "a", from.load)).toBeUndefined();
    await one.settled();
    expect(await other.cache.read(THING, "a", from.load)).toBeUndefined();
    expect(from.loads).toBe(1);
    time.advance(THING.negative_ms + THING.stale_ms);
    await one.cache.read(THING, "a", from.load);
    expect(from.loads).toBe(2);
  });

  test("many ids are one request to Redis and one load of what is missing", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const [one, other] = [isolate(time, redis), isolate(time, redis)];
    for (const n of [1, 2]) await one.cache.write(THING, `id${n}`, { n }, time.now);
    redis.requests = 0;
    const asked: string[][] = [];
    const read = () =>
      other.cache.readMany(THING, ["id1", "id2", "id3", "id4", "id1"], async (ids) => {
        asked.push([...ids]);
        return new Map([["id3", { n: 3 }]]);
      });
    const expected = new Map([1, 2, 3].map((n) => [`id${n}`, { n }]));
    expect(await read()).toEqual(expected);
    await other.settled();
    // The second request keeps what was loaded.
    expect([asked, redis.requests]).toEqual([[["id3", "id4"]], 2]);
    expect(await read()).toEqual(expected);
    expect([asked.length, redis.requests]).toEqual([1, 2]);
    expect(await other.cache.readMany(THING, [], () => Promise.reject(new Error("asked")))).toEqual(new Map());
  });

  test("what fails is nobody's value: all who wait hear of it, and the next read asks again", async () => {
    const { cache } = isolate(new Time());
    const failing = () => Promise.reject(new Error("the store"));
    const reads = [1, 2, 3].map(() => cache.read(THING, "a", failing));
    for (const read of reads) await expect(read).rejects.toThrow("the store");
    expect(await cache.read(THING, "a", source({ n: 1 }).load)).toEqual({ n: 1 });
    expect(cache.metrics().kinds["thing"]).toMatchObject({ load: 2, error: 1 });
  });

  test("who waits for a flight that never lands takes over, one of them", async () => {
    const time = new Time();
    const { cache } = isolate(time);
    void cache.read(THING, "a", () => held<Thing>().promise);
    const from = source({ n: 1 });
    const reads = Array.from({ length: 20 }, () => cache.read(THING, "a", from.load));
    time.advance(OPTIONS.flight_ms);
    expect(new Set((await Promise.all(reads)).map((value) => value?.n))).toEqual(new Set([1]));
    expect(from.loads).toBe(1);
  });

  test("a read that comes when a flight is lost already does not wait for it", async () => {
    const time = new Time();
    const { cache } = isolate(time);
    void cache.read(THING, "a", () => held<Thing>().promise);
    time.advance(OPTIONS.flight_ms);
    expect(await cache.read(THING, "a", source({ n: 1 }).load)).toEqual({ n: 1 });
  });

  test("who waited in vain twice asks by himself", async () => {
    const time = new Time();
    const { cache } = isolate(time);
    const never = () => held<Thing>().promise;
    for (let i = 0; i < 3; i += 1) void cache.read(THING, "a", never);
    const last = cache.read(THING, "a", source({ n: 1 }).load);
    // Each time, one of those that never come takes over.
    for (let i = 0; i < 2; i += 1) {
      time.advance(OPTIONS.flight_ms);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await last).toEqual({ n: 1 });
  });
});

describe("an old value", () => {
  test("is handed out while one is fetched, once; and then it is too old", async () => {
    const time = new Time();
    const it = isolate(time);
    const from = source({ n: 1 });
    const read = () => it.cache.read(THING, "a", from.load);
    await read();
    time.advance(THING.isolate_ms);
    from.value = { n: 2 };
    expect(await Promise.all([read(), read(), read()])).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }]);
    await it.settled();
    expect(await read()).toEqual({ n: 2 });
    expect(from.loads).toBe(2);
    expect(it.cache.metrics().kinds["thing"]).toMatchObject({ stale: 3, load: 2 });
    time.advance(THING.isolate_ms + THING.stale_ms);
    from.value = { n: 3 };
    expect(await read()).toEqual({ n: 3 });
  });

  test("that Redis has is, too, and the load in the background is one", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const [one, other] = [isolate(time, redis), isolate(time, redis)];
    const from = source({ n: 1 });
    await one.cache.read(THING, "a", from.load);
    await one.settled();
    time.advance(THING.ttl_ms + 1);
    const load = held<Thing>();
    let loads = 0;
    const read = () =>
      other.cache.read(THING, "a", () => {
        loads += 1;
        return load.promise;
      });
    for (let i = 0; i < 3; i += 1) expect(await read()).toEqual({ n: 1 });
    load.resolve({ n: 2 });
    await other.settled();
    expect(await read()).toEqual({ n: 2 });
    expect(loads).toBe(1);
  });

  test("that could not be fetched anew fails nobody", async () => {
    const time = new Time();
    const it = isolate(time);
    await it.cache.read(THING, "a", source({ n: 1 }).load);
    time.advance(THING.isolate_ms);
    expect(await it.cache.read(THING, "a", () => Promise.reject(new Error("down")))).toEqual({ n: 1 });
    await it.settled();
    expect(it.cache.metrics().kinds["thing"]).toMatchObject({ error: 1 });
  });
});

describe("what stands in Redis", () => {
  test.each<[string, unknown]>([
    ["no text", 7],
    ["a text of somebody else", "hello"],
    ["half an entry", "1 5"],
    ["an entry of another format", "2 5 99999999 ={}"],
    ["no JSON", "1 5 1010000 ={"],
    ["another shape", '1 5 1010000 ={"m":5}'],
    ["a version that is no number", '1 99999999999999999 1010000 ={"n":5}'],
    ["a floor", "1 5 1010000 !"],
    ["something behind a floor", "1 5 1010000 !x"],
    ["good for longer than anything of its kind", `1 5 ${Number.MAX_SAFE_INTEGER} ={"n":5}`],
    ["known not to be there for longer than that", `1 0 ${new Time().now + 80_000} -`],
    ["what lapsed", '1 5 1 ={"n":5}'],
  ])("is a miss if it is %s", async (_what, text) => {
    const time = new Time();
    const redis = new FakeRedis(time);
    redis.stored.set(KEY, { text, until: Number.POSITIVE_INFINITY });
    const { cache } = isolate(time, redis);
    expect(await cache.read(THING, "a", source({ n: 9 }).load)).toEqual({ n: 9 });
  });

  test("lapses at times that differ, and never late", async () => {
    const lives = [0, 0.5, 1].map(async (chance) => {
      const time = new Time();
      const redis = new FakeRedis(time);
      const { cache } = isolate(time, redis, {}, chance);
      await cache.write({ ...THING, ttl_ms: 100_000 }, "a", { n: 1 }, time.now);
      return (redis.stored.get(KEY)?.until ?? 0) - time.now - THING.stale_ms;
    });
    expect(await Promise.all(lives)).toEqual([100_000, 92_500, 85_000]);
  });

  test("has no value that is too large; that there is a newer one it has", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const kind = { ...THING, schema: THING.schema.and(THING.schema) };
    const long = (n: number, characters: number, letter = "x") => ({ n, text: letter.repeat(characters) });
    const { cache } = isolate(time, redis);
    await cache.write(kind, "a", long(1, 1000), time.now);
    await cache.write(kind, "a", long(2, 300_000), time.now);
    expect(redis.peek(KEY)).toBe("1 2 0 !");
    expect(await cache.read(kind, "a", source(undefined).load)).toMatchObject({ n: 2 });
    await cache.write(kind, "a", long(3, 100_000, "愛"), time.now);
    expect(redis.peek(KEY)).toBe("1 3 0 !");
  });

  test("goes there in requests of a bounded size", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const it = isolate(time, redis, { isolate_bytes: 10_000_000 });
    const rows = new Map(Array.from({ length: 10 }, (_, n) => [`id${n}`, { n, text: "x".repeat(200_000) }]));
    await it.cache.readMany(THING, [...rows.keys()], async () => rows);
    await it.settled();
    expect(redis.requests).toBe(1 + 5);
    expect(redis.stored.size).toBe(10);
  });
});

describe("a Redis that is down", () => {
  test("is left alone after so many failures, asked once in a while, and used again once it answers", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const it = isolate(time, redis);
    const from = source({ n: 1 });
    let id = 0;
    const read = async () => {
      expect(await it.cache.read(THING, `id${(id += 1)}`, from.load)).toEqual({ n: 1 });
      await it.settled();
    };
    redis.down = true;
    for (let i = 0; i < 10; i += 1) await read();
    expect(redis.requests).toBe(OPTIONS.failures);
    expect(it.failures).toHaveLength(1);
    expect(it.cache.metrics().redis.metadata).toMatchObject({ state: "open", failures: 3, requests: 3, refused: 17 });
    time.advance(OPTIONS.open_ms);
    expect(it.cache.metrics().redis.metadata?.state).toBe("half-open");
    await read();
    await read();
    expect(redis.requests).toBe(OPTIONS.failures + 1);
    redis.down = false;
    time.advance(OPTIONS.open_ms);
    await read();
    expect(it.cache.metrics().redis.metadata?.state).toBe("closed");
    // Asked, and told what was loaded.
    expect(redis.requests).toBe(OPTIONS.failures + 3);
    expect(it.failures).toHaveLength(1);
  });

  test("is not missed where there is none", () => {
    expect(isolate(new Time()).cache.metrics().redis).toEqual({ cache: undefined, metadata: undefined });
  });
});

describe("the memory of an isolate", () => {
  test("is bounded in bytes; what was read last stays", async () => {
    const { cache } = isolate(new Time(), undefined, { isolate_bytes: 20_000 });
    const text = "x".repeat(1_000);
    let loads = 0;
    const read = (id: string) =>
      cache.read(THING, id, async () => {
        loads += 1;
        return { n: 1, text };
      });
    for (let i = 0; i < 50; i += 1) {
      await read("kept");
      await read(`id${i}`);
    }
    expect(loads).toBe(51);
    expect(cache.metrics().isolate_bytes).toBeLessThanOrEqual(20_000);
    await read("id0");
    expect(loads).toBe(52);
  });

  test("that forgot floors keeps nothing that was being loaded", async () => {
    const it = isolate(new Time());
    const load = held<Thing>();
    const read = it.cache.read(THING, "a", () => load.promise);
    await it.cache.invalidate(THING, "a", 2);
    for (let i = 0; i < 10_000; i += 1) await it.cache.invalidate(THING, `id${i}`, 1);
    load.resolve({ n: 1 });
    await read;
    expect(await it.cache.read(THING, "a", source({ n: 2 }).load)).toEqual({ n: 2 });
  });
});
