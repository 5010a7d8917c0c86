/** Changes: no answer and no load that began before brings back what was replaced. */
import { describe, expect, test } from "vitest";
import { FakeRedis, held, isolate, source, THING, Time, type Thing } from "./fixture.ts";

const KEY = "t:thing:a";

describe("a change", () => {
  test("is read at once in its isolate, and by the next who ask Redis", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const [one, other] = [isolate(time, redis), isolate(time, redis)];
    const from = source({ n: 1 });
    await one.cache.read(THING, "a", from.load);
    await one.cache.write(THING, "a", { n: 2 }, time.now);
    for (const { cache } of [one, other]) expect(await cache.read(THING, "a", from.load)).toEqual({ n: 2 });
    await one.cache.invalidate(THING, "a", 3);
    from.value = { n: 3 };
    expect(await one.cache.read(THING, "a", from.load)).toEqual({ n: 3 });
  });

  test("is not undone by a load that began before it, here or in another isolate", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const [one, other] = [isolate(time, redis), isolate(time, redis)];
    const [here, there] = [held<Thing>(), held<Thing>()];
    const reads = [one.cache.read(THING, "a", () => here.promise), other.cache.read(THING, "a", () => there.promise)];
    await one.cache.write(THING, "a", { n: 2 }, time.now);
    here.resolve({ n: 1 });
    there.resolve({ n: 1 });
    expect(await Promise.all(reads)).toEqual([{ n: 1 }, { n: 1 }]);
    await Promise.all([one.settled(), other.settled()]);
    expect(await one.cache.read(THING, "a", source({ n: 1 }).load)).toEqual({ n: 2 });
    expect(redis.version(KEY)).toBe(2);
    expect(one.cache.metrics().kinds["thing"]).toMatchObject({ late: 1 });
  });

  test("that took so long that newer ones may be forgotten only invalidates", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const { cache } = isolate(time, redis);
    await cache.write(THING, "a", { n: 1 }, time.now - 30_000);
    expect(redis.peek(KEY)).toBe("1 1 0 !");
    expect(await cache.read(THING, "a", source({ n: 2 }).load)).toEqual({ n: 2 });
  });

  test("that was long under way is believed in its isolate from when it began", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const [one, other] = [isolate(time, redis), isolate(time, redis)];
    const since = time.now;
    await other.cache.invalidate(THING, "a", 2);
    time.advance(THING.isolate_ms + THING.stale_ms);
    redis.down = true;
    await one.cache.write(THING, "a", { n: 1 }, since);
    expect(await one.cache.read(THING, "a", source(undefined).load)).toBeUndefined();
  });

  test("is not undone by a late load when it has lapsed itself", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    // The written value lapses early by chance, the one that is loaded does not.
    const [one, other, third] = [isolate(time, redis, {}, 1), isolate(time, redis), isolate(time, redis)];
    const load = held<Thing>();
    const read = other.cache.read(THING, "a", () => load.promise);
    await one.cache.write(THING, "a", { n: 2 }, time.now);
    time.advance(THING.ttl_ms - 1);
    load.resolve({ n: 1 });
    await read;
    await other.settled();
    expect(await third.cache.read(THING, "a", source({ n: 2 }).load)).toEqual({ n: 2 });
  });

  test("that Redis lost again is not forgotten in its isolate", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const { cache } = isolate(time, redis);
    await cache.write(THING, "a", { n: 1 }, time.now);
    const before = [...redis.stored];
    await cache.write(THING, "a", { n: 2 }, time.now);
    redis.stored.clear();
    for (const [key, entry] of before) redis.stored.set(key, entry);
    time.advance(THING.isolate_ms + THING.stale_ms);
    expect(await cache.read(THING, "a", source({ n: 2 }).load)).toEqual({ n: 2 });
  });

  test("that Redis did not hear of is told when it answers again", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const [one, other] = [isolate(time, redis), isolate(time, redis)];
    await one.cache.write(THING, "a", { n: 1 }, time.now);
    redis.down = true;
    await one.cache.write(THING, "a", { n: 2 }, time.now);
    expect(one.cache.metrics().redis.metadata).toMatchObject({ owed: 1 });
    redis.down = false;
    await one.cache.read(THING, "b", source(undefined).load);
    await one.settled();
    expect(one.cache.metrics().redis.metadata).toMatchObject({ owed: 0 });
    expect(await other.cache.read(THING, "a", source({ n: 2 }).load)).toEqual({ n: 2 });
  });

  test("that Redis hears of behind a question is not undone by the answer", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    const it = isolate(time, redis);
    const kind = { ...THING, ttl_ms: 200_000 };
    await it.cache.write(kind, "a", { n: 1 }, time.now);
    redis.down = true;
    await it.cache.invalidate(kind, "a", 2);
    redis.down = false;
    // The isolate's own floor lapses; what it owes does not.
    time.advance(61_000);
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    let ways = 0;
    redis.way = async () => {
      ways += 1;
      if (ways !== 2) return;
      asked.resolve();
      await answer.promise;
    };
    const read = it.cache.read(kind, "a", source({ n: 2 }).load);
    await asked.promise;
    await it.cache.read(kind, "b", source(undefined).load);
    while (it.cache.metrics().redis.metadata?.owed !== 0) await Promise.resolve();
    answer.resolve();
    expect(await read).toEqual({ n: 2 });
  });

  test("of more keys than it can owe forgets the oldest", async () => {
    const time = new Time();
    const redis = new FakeRedis(time);
    redis.down = true;
    const { cache } = isolate(time, redis);
    for (let n = 0; n < 2_010; n += 1) await cache.invalidate(THING, `id${n}`, 1);
    expect(cache.metrics().redis.metadata?.owed).toBe(2_000);
  });
});
